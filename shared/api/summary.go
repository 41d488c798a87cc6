package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/csvtable"
	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
)

// groupings are the values of by=.
var groupings = []search.By{search.ByDay, search.ByOwner, search.ByDirection, search.ByTag}

// summaryData is the data of a summary, or the total of a list.
type summaryData struct {
	// From and To are the first and the last second of the days that the numbers cover; 0
	// if the client does not bound that end.
	From recording.Seconds `json:"created_from,omitempty"`
	To   recording.Seconds `json:"created_to,omitempty"`
	search.Sum
	// Updated is when the index last changed the numbers; 0 if there are none.
	Updated recording.Seconds `json:"updated,omitempty"`
	By      search.By         `json:"by,omitempty"`
	// Groups is nil without By, and else never nil: a client may read a list of no groups.
	Groups []search.Group `json:"groups,omitzero"`
}

// summarize answers the totals of an account or a user (contract, Summary).
func (l *lister) summarize(w http.ResponseWriter, r *request) error {
	query := parseParameters(r.URL.RawQuery)
	accept, _ := query.first("accept")
	chosen, err := preferencesOf(accept, r.Header.Values("Accept")).choose(offerDocument, offerCSV)
	if err != nil {
		return err
	}
	if !l.indexed {
		return errUnindexed("summary")
	}
	// A summary has no pages, and no default range.
	bounds := slices.DeleteFunc(slices.Clone(query), func(p [2]string) bool { return p[0] == "paginate" })
	q, err := parseListQuery(bounds, "v2", 0)
	if err != nil {
		return err
	}
	if !q.filter.IsZero() || !q.search.IsZero() {
		return invalid("filter", "unsupported", "A summary takes neither filters nor a search", nil)
	}
	if name := unsummed(&q); name != "" {
		return invalid(name, "unsupported", "A summary cannot select recordings by their end", nil)
	}
	text, _ := query.first("by")
	by := search.By(present(text))
	if by != search.ByNothing && !slices.Contains(groupings, by) {
		return invalid("by", "enum", "Value not found in enumerated list of values", map[string]any{"target": groupings})
	}
	owners, all, err := r.listed(access.List)
	if err != nil {
		return err
	}
	data, err := l.dataOf(r, &q, by, owners, all)
	if err != nil {
		return err
	}
	if chosen == formCSV {
		return writeSummaryCSV(w, r, data)
	}
	return writeSummaryJSON(w, r, data)
}

// writeSummaryJSON answers with the totals in an envelope.
func writeSummaryJSON(w http.ResponseWriter, r *request, of *summaryData) error {
	data, err := json.Marshal(of)
	if err != nil {
		return err
	}
	withBuffer(func(buf []byte) []byte {
		buf = r.appendClosing(append(appendOpening(buf), data...), extras{})
		return r.writeJSON(w, http.StatusOK, buf)
	})
	return nil
}

// writeSummaryCSV answers with a table: a row for each group, or one for everything.
func writeSummaryCSV(w http.ResponseWriter, r *request, of *summaryData) error {
	groups, names := of.Groups, []string{"count", "seconds", "bytes"}
	if of.By == search.ByNothing {
		groups = []search.Group{{Sum: of.Sum}}
	} else {
		names = append([]string{string(of.By)}, names...)
	}
	table := csvtable.New(pageBytes)
	table.Only(names)
	for i := range groups {
		g := &groups[i]
		if of.By != search.ByNothing {
			table.Text(nil, []byte(of.By), g.Name)
		}
		for name, n := range map[string]int64{"count": g.Count, "seconds": g.Seconds, "bytes": g.Bytes} {
			table.Literal(nil, []byte(name), strconv.FormatInt(n, 10))
		}
		if !table.EndRow() {
			return tooWide(r)
		}
	}
	var body bytes.Buffer
	if err := table.Lines(func(line []byte) error { body.Write(line); return nil }); err != nil {
		return fmt.Errorf("encode the summary: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", csvType)
	h.Set("Content-Disposition", httpfield.ContentDisposition(false, "summary.csv"))
	r.writeBody(w, http.StatusOK, body.Bytes())
	return nil
}

// unsummed returns the first parameter of q that selects recordings by the end of their life,
// or "" without one. The totals do not have that time.
func unsummed(q *listQuery) string {
	switch {
	case q.deleted:
		return "deleted"
	case q.expiring != 0:
		return "expiring_within"
	case q.over != 0:
		return "kept_over"
	}
	return ""
}

// totalOf returns the total of a list as JSON, nil if the client does not ask for it. A
// list with a filter or a search has none, because the totals do not know which recordings
// match.
func (l *lister) totalOf(r *request, q *listQuery, owners []string, all bool) ([]byte, error) {
	if !q.total || !q.filter.IsZero() || !q.search.IsZero() || q.deleted || q.keep != nil {
		return nil, nil
	}
	data, err := l.dataOf(r, q, search.ByNothing, owners, all)
	if err != nil {
		return nil, err
	}
	return json.Marshal(data)
}

// dataOf returns the totals of the range of q.
func (l *lister) dataOf(r *request, q *listQuery, by search.By, owners []string, all bool) (*summaryData, error) {
	of := search.Range{Account: r.account, From: q.from, To: q.to, Owners: owners, All: all}
	s, err := search.Summarize(r.Context(), l.store, of, by)
	if err != nil {
		return nil, err
	}
	data := &summaryData{Sum: s.Sum, Updated: s.Updated, By: by, Groups: s.Groups}
	if by != search.ByNothing && data.Groups == nil {
		data.Groups = []search.Group{}
	}
	if q.from > 0 {
		data.From = q.from - q.from%recording.Day // Gregorian seconds begin at midnight
	}
	if q.to > 0 {
		data.To = q.to - q.to%recording.Day + recording.Day - 1
	}
	return data, nil
}

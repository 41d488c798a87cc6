package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/csvtable"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/recording"
)

// trailReader answers pages of the audit trail.
type trailReader struct {
	trail  *audit.Reader
	sealer *cursor.Sealer
}

// serve answers a page of the audit trail of an account or a recording (contract, Audit
// trail).
func (t *trailReader) serve(w http.ResponseWriter, r *request) error {
	if err := r.allow(access.Audit); err != nil {
		return err
	}
	query := parseParameters(r.URL.RawQuery)
	accept, _ := query.first("accept")
	chosen, err := preferencesOf(accept, r.Header.Values("Accept")).choose(offerDocument, offerCSV)
	if err != nil {
		return err
	}
	q, start, err := parseTrailQuery(r, query)
	if err != nil {
		return err
	}
	binding := trailBinding(&q)
	if start != "" {
		if q.Start, err = t.open(binding, start); err != nil {
			return err
		}
	}
	page, err := t.trail.Page(r.Context(), q)
	if err != nil {
		return err
	}
	keys := paging{size: len(page.Entries), start: start, byID: true}
	if page.Next != nil {
		keys.end = t.sealer.Seal(binding, []byte(page.Next.Day+page.Next.Key))
	}
	w.Header().Set("Cache-Control", "no-store")
	if chosen == formCSV {
		return writeTrailCSV(w, r, query, page.Entries, keys)
	}
	return writeTrailJSON(w, r, page.Entries, keys)
}

// parseTrailQuery parses the parameters of a page. start is the client's start_key.
func parseTrailQuery(r *request, query parameters) (q audit.Query, start string, err error) {
	q = audit.Query{Account: r.account, Limit: defaultPageSize}
	if r.id != "" {
		if q.Recording, err = recording.ParseID(r.id); err != nil {
			return q, "", err
		}
	}
	actor, _ := query.first("actor")
	action, _ := query.first("action")
	key, _ := query.first("start_key")
	q.Actor, q.Action, start = present(actor), access.Action(present(action)), present(key)
	var from, to recording.Seconds
	var errs recording.FieldErrors
	if q.Action != "" && !slices.Contains(access.Actions, q.Action) {
		errs = append(errs, recording.FieldError{
			Field: "action", Code: "enum", Message: "Value not found in enumerated list of values",
			Target: access.Actions, Value: json.RawMessage(recording.Quote(action)),
		})
	}
	for _, p := range []struct {
		name  string
		parse func(value string) error
	}{
		{"created_from", func(v string) error { return parseBound(&from, v) }},
		{"created_to", func(v string) error { return parseBound(&to, v) }},
		{"page_size", func(v string) error { return parsePageSize(&q.Limit, v) }},
	} {
		value, ok := query.first(p.name)
		if !ok {
			continue
		}
		if err := p.parse(value); err != nil {
			f := recording.FieldError{}
			if !errors.As(err, &f) {
				return q, "", err
			}
			f.Field = p.name
			errs = append(errs, f)
		}
	}
	if from != 0 && to != 0 && from > to {
		return q, "", invalid("created_from", "date_range",
			fmt.Sprintf("created_to %d is prior to created_from %d", to, from), map[string]any{"cause": from})
	}
	if from != 0 {
		q.From = from.Time()
	}
	if to != 0 {
		q.To = to.Time().Add(time.Second - time.Nanosecond) // the whole second
	}
	return q, start, errs.Err()
}

// present returns value, or "" if it counts as absent.
func present(value string) string {
	if recording.IsAbsent(value) {
		return ""
	}
	return value
}

// trailBinding returns the data that cursors of the trail are bound to. Only the last
// part can contain a line break.
func trailBinding(q *audit.Query) []byte {
	return fmt.Appendf(nil, "audit 1\n%s\n%s\n%s\n%d\n%d\n%s",
		q.Account, q.Recording, q.Action, q.From.Unix(), q.To.Unix(), q.Actor)
}

// dayLength is the length of a day in a position, "2026-01-31".
const dayLength = len(time.DateOnly)

// open decrypts a client's cursor and returns its position.
func (t *trailReader) open(binding []byte, text string) (audit.Position, error) {
	sealed, err := t.sealer.Open(binding, text)
	if err != nil {
		return audit.Position{}, err
	}
	if len(sealed) < dayLength {
		return audit.Position{}, cursor.ErrInvalid
	}
	return audit.Position{Day: string(sealed[:dayLength]), Key: string(sealed[dayLength:])}, nil
}

// trailData is an entry in answers.
type trailData struct {
	Timestamp string            `json:"timestamp"`
	Time      recording.Seconds `json:"time"`
	Actor     audit.Actor       `json:"actor"`
	Action    access.Action     `json:"action"`
	Recording string            `json:"recording_id,omitempty"`
	Object    string            `json:"object,omitempty"`
	Result    audit.Result      `json:"result"`
	Reason    string            `json:"reason,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Address   string            `json:"address,omitempty"`
	Link      string            `json:"link_id,omitempty"`
}

func trailDataOf(e *audit.Entry) trailData {
	return trailData{
		Timestamp: e.Time.Format("2006-01-02T15:04:05.000Z07:00"), Time: recording.SecondsOf(e.Time), Actor: e.Actor, Action: e.Action,
		Recording: e.Recording, Object: e.Object, Result: e.Result, Reason: e.Reason, RequestID: e.RequestID, Address: e.Address, Link: e.Link,
	}
}

func writeTrailJSON(w http.ResponseWriter, r *request, entries []audit.Entry, keys paging) error {
	data := make([]trailData, len(entries))
	for i := range entries {
		data[i] = trailDataOf(&entries[i])
	}
	return r.writeData(w, http.StatusOK, data, keys)
}

// trailColumns are the columns of the trail as CSV.
var trailColumns = []struct {
	name string
	cell func(*audit.Entry) string
}{
	{"timestamp", func(e *audit.Entry) string { return trailDataOf(e).Timestamp }},
	{"time", func(e *audit.Entry) string { return strconv.FormatInt(int64(recording.SecondsOf(e.Time)), 10) }},
	{"actor_issuer", func(e *audit.Entry) string { return e.Actor.Issuer }},
	{"actor_subject", func(e *audit.Entry) string { return e.Actor.Subject }},
	{"actor_account_id", func(e *audit.Entry) string { return e.Actor.Account }},
	{"actor_owner_id", func(e *audit.Entry) string { return e.Actor.Owner }},
	{"actor_role", func(e *audit.Entry) string { return string(e.Actor.Role) }},
	{"action", func(e *audit.Entry) string { return string(e.Action) }},
	{"recording_id", func(e *audit.Entry) string { return e.Recording }},
	{"object", func(e *audit.Entry) string { return e.Object }},
	{"result", func(e *audit.Entry) string { return string(e.Result) }},
	{"reason", func(e *audit.Entry) string { return e.Reason }},
	{"request_id", func(e *audit.Entry) string { return e.RequestID }},
	{"address", func(e *audit.Entry) string { return e.Address }},
	{"link_id", func(e *audit.Entry) string { return e.Link }},
}

// writeTrailCSV answers with a table. The next start_key is in a Link header, as for
// lists of recordings.
func writeTrailCSV(w http.ResponseWriter, r *request, query parameters, entries []audit.Entry, keys paging) error {
	table := csvtable.New(pageBytes)
	names := make([]string, len(trailColumns))
	for i, c := range trailColumns {
		names[i] = c.name
	}
	table.Only(names)
	for i := range entries {
		for _, c := range trailColumns {
			table.Text([]byte(c.name), []byte(c.name), c.cell(&entries[i]))
		}
		table.EndRow()
	}
	var body bytes.Buffer
	if err := table.Lines(func(line []byte) error { body.Write(line); return nil }); err != nil {
		return fmt.Errorf("encode the audit trail: %w", err)
	}
	h := w.Header()
	if keys.end != "" {
		h.Set("Link", nextLink(r.URL, query, "start_key", keys.end))
	}
	h.Set("Content-Type", csvType)
	h.Set("Content-Disposition", httpfield.ContentDisposition(false, "audit.csv"))
	r.writeBody(w, http.StatusOK, body.Bytes())
	return nil
}

package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
)

// selectionFields are the members of a body that select recordings.
var selectionFields = []string{"filter", "owner_id", "ids", "account"}

// bulkKinds returns the actions of package bulk. Without an index, searches is false, and a
// filter with a search is a 400.
func bulkKinds(searches bool) map[string]JobKind {
	kind := func(check func(*JobFields, *bulk.Params) error, fields []string, rights ...access.Action) JobKind {
		return JobKind{
			Rights: append([]access.Action{access.List}, rights...), Fields: append(fields, selectionFields...),
			Params: func(f *JobFields, now time.Time) (json.RawMessage, error) {
				p, err := bulkParams(f, recording.SecondsOf(now), searches)
				if err == nil && check != nil {
					err = check(f, &p)
				}
				if err != nil {
					return nil, err
				}
				text, err := json.Marshal(p)
				if err != nil {
					return nil, fmt.Errorf("encode the parameters of a job: %w", err)
				}
				return text, nil
			},
		}
	}
	return map[string]JobKind{
		bulk.DeleteAction: kind(nil, nil, access.Delete),
		bulk.ExportAction: kind(nil, nil, access.Read, access.Listen),
		bulk.TagAction:    kind(tagParams, []string{"user_metadata"}, access.Tag),
		bulk.HoldAction:   kind(holdParams, []string{"case", "reason"}, access.Hold),
	}
}

// bulkParams checks the selection of a body.
func bulkParams(f *JobFields, now recording.Seconds, searches bool) (p bulk.Params, err error) {
	p = bulk.Params{Filter: f.Filter, Owner: f.Owner, Account: f.Account}
	selects := p.Filter != "" || p.Owner != "" || f.IDs != nil
	if selects == p.Account {
		return p, invalid("account", "wrong_format", "Give filter, owner_id or ids, or else account: true", nil)
	}
	if p.Owner != "" && !auth.ValidName(p.Owner) {
		return p, invalid("owner_id", "wrong_format", "Field is not in the correct format", nil)
	}
	q, err := parseSelection(p.Filter, now)
	if err != nil {
		return p, err
	}
	if !q.search.IsZero() && !searches {
		return p, within("filter", errUnindexed("search"))
	}
	if p.Filter != "" && !q.selects() {
		return p, invalid("filter", "wrong_format", "The filter selects everything; account: true does so on purpose", nil)
	}
	if f.IDs != nil {
		p.IDs, err = parseIDs(f.IDs)
	}
	return p, err
}

// selects reports whether the parameters of a filter leave anything out.
func (q *listQuery) selects() bool {
	return q.from != 0 || q.to != 0 || !q.filter.IsZero() || !q.search.IsZero() || q.expiring != 0 || q.over != 0
}

// parseIDs checks the IDs of a job.
func parseIDs(ids []string) ([]string, error) {
	if len(ids) == 0 || len(ids) > bulk.MaxIDs {
		return nil, invalid("ids", "maxItems", "Give 1 to "+strconv.Itoa(bulk.MaxIDs)+" IDs", map[string]any{"target": bulk.MaxIDs})
	}
	for i, id := range ids {
		if _, err := recording.ParseID(id); err != nil {
			return nil, invalid("ids."+strconv.Itoa(i+1), "wrong_format", "Field is not in the correct format", nil)
		}
	}
	return ids, nil
}

// tagParams checks the user_metadata of a tag by the rules of PATCH.
func tagParams(f *JobFields, p *bulk.Params) error {
	if len(f.Metadata) == 0 {
		return invalid("user_metadata", "required", "Field is required but missing", nil)
	}
	patch, err := recording.ParsePatch(append(append([]byte(`{"user_metadata":`), f.Metadata...), '}'))
	if err != nil {
		return err
	}
	if patch.IsZero() {
		return invalid("user_metadata", "minProperties", "Value must have at least 1 member", map[string]any{"target": 1})
	}
	if _, err := patch.Apply("{}"); err != nil { // it fits into no document
		return err
	}
	p.Metadata = f.Metadata
	return nil
}

// holdParams checks the case and the reason of holds.
func holdParams(f *JobFields, p *bulk.Params) error {
	p.Case, p.Reason = f.Case, f.Reason
	return hold.CheckTexts(f.Case, f.Reason)
}

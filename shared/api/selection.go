package api

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// selecting are the parameters of a list that select recordings, except filters. A filter
// of a job takes no other, because a misspelled one would select too much.
var selecting = []string{"created_from", "created_to", "search", "expiring_within", "kept_over"}

// parseSelection parses the filter of a job with the parser of lists. Its spans of time count
// from now. The names of fields in its errors begin with "filter.".
func parseSelection(filter string, now recording.Seconds) (listQuery, error) {
	if len(filter) > bulk.MaxFilter {
		return listQuery{}, invalid("filter", "maxLength", "Value must not be longer than "+strconv.Itoa(bulk.MaxFilter)+" bytes",
			map[string]any{"target": bulk.MaxFilter})
	}
	parameters := parseParameters(filter)
	var errs recording.FieldErrors
	for _, p := range parameters {
		if err := checkSelecting(parameters, p[0], p[1]); err != nil {
			errs = append(errs, *err)
		}
	}
	if err := errs.Err(); err != nil {
		return listQuery{}, within("filter", err)
	}
	q, err := parseListQuery(parameters, "v2", now)
	if err != nil {
		return q, within("filter", err)
	}
	q.ascending = true
	return q, nil
}

// checkSelecting checks a parameter of a job's filter. A list ignores what it refuses, so the job
// would select more than its client meant.
func checkSelecting(all parameters, name, value string) *recording.FieldError {
	fault := &recording.FieldError{Field: name, Code: "wrong_format", Value: json.RawMessage(recording.Quote(value))}
	once := slices.Contains(selecting, name)
	switch first, _ := all.first(name); {
	case !once && !recording.IsFilter(name):
		return &recording.FieldError{Field: name, Code: "additionalProperties", Message: "Strictly not allowed additional properties"}
	case once && recording.IsAbsent(value) || isNoBound(name, value) || recording.IsEmptyFilter(name, value):
		fault.Message = "The value counts as absent, and the filter would select more: leave the parameter out"
	case once && value != first:
		fault.Message = "The parameter occurs with two values, and only the first would count"
	default:
		return nil
	}
	return fault
}

// isNoBound reports whether a parameter is a bound of created, with a time that counts as absent.
func isNoBound(name, value string) bool {
	if name != "created_from" && name != "created_to" {
		return false
	}
	_, ok, err := recording.ParseBound(value)
	return !ok && err == nil
}

// within puts the name of an object before the fields of an error about them.
func within(object string, err error) error {
	switch e := err.(type) { //nolint:errorlint // the parsers do not wrap them
	case recording.FieldErrors:
		errs := slices.Clone(e)
		for i := range errs {
			errs[i].Field = object + "." + errs[i].Field
		}
		return errs
	case *publicError:
		p := *e
		p.data = make(map[string]any, len(e.data))
		for field, rules := range e.data {
			p.data[object+"."+field] = rules
		}
		return &p
	}
	return err
}

// selection is the compiled filter of a job. It implements bulk.Selection.
type selection struct {
	lister *lister
	query  listQuery
	ask    store.Query
}

// Select returns a function that compiles the filters of jobs. s is the store as clients see it.
func Select(s Library) bulk.Select {
	l := &lister{store: s, indexed: true}
	return func(ctx context.Context, account string, p bulk.Params, at recording.Seconds) (bulk.Selection, error) {
		q, err := parseSelection(p.Filter, at)
		if err != nil {
			return nil, err
		}
		if p.Owner != "" {
			q.owners = []string{p.Owner}
		}
		if err := l.limitLifetime(ctx, account, at, &q); err != nil {
			return nil, err
		}
		sel := &selection{lister: l, query: q, ask: q.storeQuery(account, at)}
		sel.ask.Limit, sel.ask.MaxBytes, sel.ask.Work = job.MaxChunk, selectBytes, store.Work{Calls: filterCalls, Bytes: selectBytes}
		return sel, nil
	}
}

// selectBytes is the total size of the documents that a page of a selection examines.
const selectBytes = 8 << 20

// Page implements bulk.Selection.
func (s *selection) Page(ctx context.Context, from *store.Position) ([]recording.Recording, *store.Position, error) {
	ask := s.ask
	if from != nil {
		ask.Start = *from
	}
	page, err := s.lister.rowsOf(ctx, ask, &s.query)
	return page.Recordings, page.Next, err
}

// Match implements bulk.Selection. It applies what selects the rows of the list.
func (s *selection) Match(r *recording.Recording) bool {
	q := &s.query
	return r.Created >= q.from && (q.to == 0 || r.Created <= q.to) &&
		(q.owners == nil || slices.Contains(q.owners, r.Owner)) &&
		(s.ask.Keep == nil || s.ask.Keep(r)) &&
		(q.search.IsZero() || q.search.Match(r))
}

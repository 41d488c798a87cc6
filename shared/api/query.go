package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
)

const (
	// defaultPageSize and maxPageSize count recordings (contract, List).
	defaultPageSize = 50
	maxPageSize     = 1000
	// unpagedWindow is the default range of an unpaged list in seconds: 31 days
	// and an hour (kazoo.md, 3.1).
	unpagedWindow = 2_682_000
)

// listQuery holds the parameters of a list.
type listQuery struct {
	ascending bool
	// from and to bound created, inclusively; 0 is unbounded.
	from, to recording.Seconds
	// unpaged selects everything in the range.
	unpaged bool
	// deleted selects deleted recordings that can be restored, instead of existing ones.
	deleted bool
	// size is the page size. start is the client's start_key, "" for none. An
	// unpaged list ignores both.
	size   int
	start  string
	filter recording.Filter
	// sort is the field that orders the list; "" is created.
	sort string
	// fields are the members of each document in the list.
	fields recording.Choice
	// total is true if the client asks for the total of the list.
	total bool
	// search is the parsed search; the zero Query means that the client does not search.
	search search.Query

	// owners are the owners of the indexes that the list merges; nil reads the account's
	// index. sieve, if not nil, selects the owners in the account's index.
	owners []string
	sieve  func(owner string) bool

	lifetime

	// The values of the two parameters for the order; "" if absent.
	ascendingText, descendingText string
}

// listParameters is the table of the parameters of a list, except filters. If a
// parameter occurs more than once, the first counts. A parser returns a
// [recording.FieldError] without the field.
var listParameters = []struct {
	name  string
	paged bool // an unpaged list ignores the parameter
	parse func(q *listQuery, value string) error
}{
	{name: "ascending", parse: func(q *listQuery, value string) error { q.ascendingText = flagValue(value); return nil }},
	{name: "descending", parse: func(q *listQuery, value string) error { q.descendingText = flagValue(value); return nil }},
	{name: "created_from", parse: func(q *listQuery, value string) error { return parseBound(&q.from, value) }},
	{name: "created_to", parse: func(q *listQuery, value string) error { return parseBound(&q.to, value) }},
	{name: "sort", parse: func(q *listQuery, value string) error { return parseSort(&q.sort, value) }},
	{name: "fields", parse: func(q *listQuery, value string) (err error) {
		if !recording.IsAbsent(value) {
			q.fields, err = recording.ParseChoice(value)
		}
		return err
	}},
	{name: "deleted", parse: parseDeleted},
	{name: "expiring_within", parse: func(q *listQuery, value string) error { return parseSpan(&q.expiring, value) }},
	{name: "kept_over", parse: func(q *listQuery, value string) error { return parseSpan(&q.over, value) }},
	{name: "search", parse: func(q *listQuery, value string) error { return parseSearch(&q.search, value) }},
	{name: "total", parse: func(q *listQuery, value string) error { q.total = value == "true"; return nil }},
	{name: "page_size", paged: true, parse: func(q *listQuery, value string) error { return parsePageSize(&q.size, value) }},
	{name: "start_key", paged: true, parse: func(q *listQuery, value string) error {
		if !recording.IsAbsent(value) {
			q.start = value
		}
		return nil
	}},
}

// parseListQuery parses the parameters of a list. One error reports all invalid
// parameters. version is that of the path: lists of v1 are unpaged. now is the end
// of the default range.
func parseListQuery(query parameters, version string, now recording.Seconds) (listQuery, error) {
	q := listQuery{size: defaultPageSize}
	paginate, given := query.first("paginate")
	q.unpaged = version == "v1" || given && paginate != "true"
	var errs recording.FieldErrors
	for _, p := range listParameters {
		value, ok := query.first(p.name)
		if !ok || p.paged && q.unpaged {
			continue
		}
		if err := p.parse(&q, value); err != nil {
			f := recording.FieldError{}
			if !errors.As(err, &f) {
				return q, err
			}
			f.Field = p.name
			errs = append(errs, f)
		}
	}
	filter, err := recording.ParseFilter(query)
	if more := recording.FieldErrors(nil); errors.As(err, &more) {
		errs = append(errs, more...)
	} else if err != nil {
		return q, err
	}
	if err := errs.Err(); err != nil {
		return q, err
	}
	q.filter, q.ascending = filter, q.ascends()
	if q.from != 0 && q.to != 0 && q.from > q.to {
		return q, invalid("created_from", "date_range",
			fmt.Sprintf("created_to %d is prior to created_from %d", q.to, q.from), map[string]any{"cause": q.from})
	}
	if q.unpaged && !q.deleted {
		q.bound(now)
	}
	return q, q.checkSort(now)
}

// bound sets the missing bounds of an unpaged list.
func (q *listQuery) bound(now recording.Seconds) {
	if q.to == 0 {
		q.to = now
	}
	if q.from == 0 {
		q.from = max(q.to-unpagedWindow, 1)
	}
}

// ascends decides the order. descending=true takes precedence, then ascending:
// as in Kazoo, any value but false. descending=false, which Kazoo ignores, comes
// last.
func (q *listQuery) ascends() bool {
	switch {
	case q.descendingText == "true", q.ascendingText == "false":
		return false
	case q.ascendingText != "":
		return true
	}
	return q.descendingText == "false"
}

// binding returns the data that cursors of the list are bound to: account, user,
// order, search and filter (contract, List). Only the last part can contain a line break.
func (q *listQuery) binding(account, user string) []byte {
	order := "descending"
	if q.ascending {
		order = "ascending"
	}
	if q.sort != "" {
		order += " by " + q.sort
	}
	if q.deleted {
		order = "deleted " + order
	}
	if q.expiring != 0 {
		order += " expiring"
	}
	b := "list 1\n" + account + "\n" + user + "\n" + order + "\n"
	if !q.search.IsZero() {
		b = "search 1\n" + account + "\n" + user + "\n" + order + "\n" + q.search.Canonical() + "\n"
	}
	return []byte(b + q.filter.Canonical())
}

// flagValue returns the value of a boolean parameter in the query: "true" without
// a value, "" if the value counts as absent.
func flagValue(value string) string {
	switch {
	case value == "":
		return "true"
	case recording.IsAbsent(value):
		return ""
	}
	return value
}

// parseBound parses a time in Gregorian seconds into to.
func parseBound(to *recording.Seconds, value string) error {
	at, ok, err := recording.ParseBound(value)
	if ok {
		*to = at
	}
	return err
}

// parseSearch parses a search into to.
func parseSearch(to *search.Query, value string) error {
	if recording.IsAbsent(value) {
		return nil
	}
	q, err := search.Parse(value)
	if err == nil {
		*to = q
		return nil
	}
	f := recording.FieldError{Code: "minLength", Message: err.Error()}
	if errors.Is(err, search.ErrLong) {
		f.Code = "maxLength"
	}
	return f
}

// parsePageSize parses a page size into to. The size must be at least 1; a size above
// maxPageSize becomes maxPageSize.
func parsePageSize(to *int, value string) error {
	if recording.IsAbsent(value) {
		return nil
	}
	n, err := strconv.Atoi(value)
	switch {
	case err != nil && isDigits(value):
		n = math.MaxInt // out of range
	case err != nil || !isDigits(strings.TrimPrefix(value, "-")):
		return recording.FieldError{
			Code: "type", Message: "Value did not match type(s): integer",
			Target: "integer", Value: json.RawMessage(recording.Quote(value)),
		}
	}
	if n < 1 {
		return recording.FieldError{
			Code: "minimum", Message: "Value must be at least 1",
			Target: 1, Value: json.RawMessage(strconv.Itoa(n)),
		}
	}
	*to = min(n, maxPageSize)
	return nil
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// parameters are the decoded parameters of a query, in order.
type parameters [][2]string

// first returns the value of the first parameter of that name.
func (p parameters) first(name string) (value string, ok bool) {
	for i := range p {
		if p[i][0] == name {
			return p[i][1], true
		}
	}
	return "", false
}

// parseParameters parses a query. It never fails: text with invalid escapes stays
// as it is. As in Kazoo, a filter without "=" has the value "true".
func parseParameters(rawQuery string) parameters {
	if rawQuery == "" {
		return nil
	}
	var all parameters
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, given := strings.Cut(pair, "=")
		if name == "" {
			continue
		}
		name, value = unescaped(name), unescaped(value)
		if !given && strings.HasPrefix(name, "filter_") {
			value = "true"
		}
		all = append(all, [2]string{name, value})
	}
	return all
}

func unescaped(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

package kazootest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// list answers with the recordings of an account (3).
func (x *exchange) list() *failure {
	if choose(x.r.Header.Get("Accept"), "", listTypes) == notAcceptable {
		return &failure{status: http.StatusNotAcceptable}
	}
	q, failed := x.question()
	if failed != nil {
		return failed
	}
	if n := x.s.lists.Add(1); x.faults.BeforePage != nil {
		x.faults.BeforePage(x.s, int(n))
	}
	rows, next := x.s.archive.page(q)
	name := x.name()
	items := make([]json.RawMessage, 0, len(rows))
	for _, e := range rows {
		for range x.s.dice.copies(x.faults, name, e.ID) {
			items = append(items, e.item())
		}
	}
	envelope := map[string]any{}
	if q.size > 0 {
		envelope["start_key"], envelope["page_size"] = q.start.cursor(), len(items)
		if next != nil {
			envelope["next_start_key"] = next.cursor()
		}
	}
	if len(items) > 0 {
		envelope["revision"] = digest(q.start.cursor(), strconv.FormatInt(x.s.o.Now().Unix(), 10), strconv.Itoa(len(items)))
	}
	return x.succeed(http.StatusOK, items, envelope)
}

// question reads the parameters of a list.
func (x *exchange) question() (question, *failure) {
	q := question{account: x.account.ID, descending: x.descending()}
	q.to = x.seconds("created_to", x.s.o.Now().Unix()+epoch)
	q.from = x.seconds("created_from", q.to-x.s.o.MaximumRange)
	if failed := x.s.window(q.from, q.to); failed != nil {
		return q, failed
	}
	var failed *failure
	if q.size, failed = x.pageSize(); failed != nil {
		return q, failed
	}
	q.start, q.end = key{kind: keyFrom, created: q.from}, key{kind: keyTo, created: q.to}
	if q.descending {
		q.start, q.end = q.end, q.start
	}
	if x.query.Has("start_key") {
		q.start = openCursor(x.query.Get("start_key"))
	}
	return q, nil
}

// descending reports whether the newest recordings come first (3.2).
func (x *exchange) descending() bool {
	return x.query.Get("descending") == "true" || !x.query.Has("ascending") || x.query.Get("ascending") == "false"
}

// seconds returns an end of the window in Gregorian seconds. It returns otherwise if
// the value is missing, invalid or not above 0 (3.1).
func (x *exchange) seconds(name string, otherwise int64) int64 {
	f, err := strconv.ParseFloat(x.query.Get(name), 64)
	if err != nil || math.Round(f) < 1 || f > math.MaxInt32*1000 {
		return otherwise
	}
	return int64(math.Round(f))
}

// window checks the order and the width of a window (3.1).
func (s *Server) window(from, to int64) *failure {
	invalid := func(cause int64, format string, of ...any) *failure {
		return &failure{http.StatusBadRequest, "validation error", map[string]any{
			"created_from": map[string]any{"date_range": map[string]any{"message": fmt.Sprintf(format, of...), "cause": cause}},
		}}
	}
	switch {
	case from > to:
		return invalid(from, "created_to %d is prior to created_from %d", to, from)
	case to-from > s.o.MaximumRange:
		return invalid(to, "created_to %d is more than %d seconds from created_from %d", to, s.o.MaximumRange, from)
	}
	return nil
}

// pageSize returns the requested number of rows, or 0 for all rows (3.3, 3.6).
func (x *exchange) pageSize() (int, *failure) {
	if x.query.Has("paginate") && x.query.Get("paginate") != "true" {
		return 0, nil
	}
	if !x.query.Has("page_size") {
		return x.s.o.PageSize, nil
	}
	n, err := strconv.Atoi(x.query.Get("page_size"))
	switch {
	case err != nil:
		return 0, system("faulty_request", map[string]any{"message": "invalid page size"})
	case n < 1:
		return 0, system("faulty_request", map[string]any{"message": "page size must be at least 1"})
	}
	return n, nil
}

// item returns a recording's element in a list, with the types of its audio (1.4).
func (e *entry) item() json.RawMessage {
	types := []string{}
	if e.AudioType != "" {
		types = append(types, e.AudioType)
	}
	return e.with(`"_read_only":{"content_types":` + text(types) + `}`)
}

// with returns the document with its ID and the members of more.
func (e *entry) with(more ...string) json.RawMessage {
	members := append([]string{`"id":` + text(e.ID)}, more...)
	inside := strings.TrimSpace(e.Document)
	if inside = strings.TrimSpace(inside[1 : len(inside)-1]); inside != "" {
		members = append(members, inside)
	}
	return json.RawMessage("{" + strings.Join(members, ",") + "}")
}

// text returns a string or a list of strings as JSON.
func text[T string | []string](v T) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("kazootest: cannot write %v: %v", v, err)) // cannot happen with strings
	}
	return string(b)
}

// descendants answers with all descendants of an account, sorted by name
// (applications/crossbar/src/modules/cb_accounts.erl, load_paginated_descendants).
func (x *exchange) descendants() *failure {
	size, failed := x.pageSize()
	if failed != nil {
		return failed
	}
	start := ""
	if x.query.Has("start_key") {
		start = openCursor(x.query.Get("start_key")).text
	}
	var below []*tenant
	for _, t := range x.s.tenants {
		if slices.Contains(t.tree, x.account.ID) && t.Name >= start {
			below = append(below, t)
		}
	}
	slices.SortFunc(below, func(a, b *tenant) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	envelope := map[string]any{}
	if size > 0 {
		if len(below) > size {
			envelope["next_start_key"] = key{text: below[size].Name}.cursor()
			below = below[:size]
		}
		envelope["start_key"], envelope["page_size"] = key{text: start}.cursor(), len(below)
	}
	items := make([]map[string]any, len(below))
	for i, t := range below {
		items[i] = map[string]any{
			"id": t.ID, "name": t.Name, "tree": t.tree, "flags": []string{},
			"realm": strings.ReplaceAll(strings.ToLower(t.Name), " ", "") + ".sip.example.com",
		}
	}
	return x.succeed(http.StatusOK, items, envelope)
}

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

// list is the list of an account's recordings (3).
func (x *exchange) list() *refusal {
	if choose(x.r.Header.Get("Accept"), "", listTypes) == asRefused {
		return &refusal{status: http.StatusNotAcceptable}
	}
	q, no := x.question()
	if no != nil {
		return no
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

// question reads the parameters.
func (x *exchange) question() (question, *refusal) {
	q := question{account: x.account.ID, descending: x.descending()}
	q.to = x.seconds("created_to", x.s.o.Now().Unix()+epoch)
	q.from = x.seconds("created_from", q.to-x.s.o.MaximumRange)
	if no := x.s.window(q.from, q.to); no != nil {
		return q, no
	}
	var no *refusal
	if q.size, no = x.pageSize(); no != nil {
		return q, no
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

// descending is the order (3.2).
func (x *exchange) descending() bool {
	return x.query.Get("descending") == "true" || !x.query.Has("ascending") || x.query.Get("ascending") == "false"
}

// seconds is a time of the window; one that is none, or not above 0, is not there
// at all (3.1).
func (x *exchange) seconds(name string, otherwise int64) int64 {
	f, err := strconv.ParseFloat(x.query.Get(name), 64)
	if err != nil || math.Round(f) < 1 || f > math.MaxInt32*1000 {
		return otherwise
	}
	return int64(math.Round(f))
}

// window checks its width (3.1).
func (s *Server) window(from, to int64) *refusal {
	invalid := func(cause int64, format string, of ...any) *refusal {
		return &refusal{http.StatusBadRequest, "validation error", map[string]any{
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

// pageSize is how many rows were asked for, 0 for all (3.3, 3.6).
func (x *exchange) pageSize() (int, *refusal) {
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

// item is a recording as lists show it, with the types of its audio (1.4).
func (e *entry) item() json.RawMessage {
	types := []string{}
	if e.AudioType != "" {
		types = append(types, e.AudioType)
	}
	return e.with(`"_read_only":{"content_types":` + text(types) + `}`)
}

// with is the document with its id, and more members.
func (e *entry) with(more ...string) json.RawMessage {
	members := append([]string{`"id":` + text(e.ID)}, more...)
	inside := strings.TrimSpace(e.Document)
	if inside = strings.TrimSpace(inside[1 : len(inside)-1]); inside != "" {
		members = append(members, inside)
	}
	return json.RawMessage("{" + strings.Join(members, ",") + "}")
}

// text is JSON of texts.
func text[T string | []string](v T) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("kazootest: cannot write %v: %v", v, err)) // no text is beyond JSON
	}
	return string(b)
}

// descendants is the list of all accounts below one, by their names
// (applications/crossbar/src/modules/cb_accounts.erl, load_paginated_descendants).
func (x *exchange) descendants() *refusal {
	size, no := x.pageSize()
	if no != nil {
		return no
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

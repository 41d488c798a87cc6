package api

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
)

func TestParseListQuery(t *testing.T) {
	t.Parallel()
	const now = 63_000_000_000
	type q struct {
		ascending, unpaged bool
		from, to           recording.Seconds
		size               int
		start              string
	}
	paged := q{size: 50}
	with := func(change func(*q)) q {
		c := paged
		change(&c)
		return c
	}
	up := with(func(q *q) { q.ascending = true })
	for _, tt := range []struct {
		query string
		want  q
	}{
		{"", paged},
		{"&&=&x", paged},
		{"ascending=true", up},
		{"ascending=yes", up},
		{"ascending", up},
		{"ascending=false", paged},
		{"ascending=undefined", paged},
		{"descending=false", up},
		{"descending=true", paged},
		{"descending=null", paged},
		{"ascending=true&descending=true", paged},
		{"ascending=true&descending=false", up},
		{"ascending=false&descending=false", paged},
		{"created_from=100&created_to=100", with(func(q *q) { q.from, q.to = 100, 100 })},
		{"created_from=99.5", with(func(q *q) { q.from = 100 })},
		{"created_from=0.4&created_to=-7", paged},
		{"created_from=NaN&created_to=undefined", paged},
		{"created_from=null&created_to=", paged},
		{"created_to=6.3e10", with(func(q *q) { q.to = now })},
		{"created_to=1e17", with(func(q *q) { q.to = recording.MaxSeconds })},
		{"created_from=100&created_from=200", with(func(q *q) { q.from = 100 })},
		{"page_size=1", with(func(q *q) { q.size = 1 })},
		{"page_size=1000", with(func(q *q) { q.size = 1000 })},
		{"page_size=1001", with(func(q *q) { q.size = 1000 })},
		{"page_size=99999999999999999999", with(func(q *q) { q.size = 1000 })},
		{"page_size=", paged},
		{"page_size=undefined", paged},
		{"start_key=abc", with(func(q *q) { q.start = "abc" })},
		{"start_key=a%2Db", with(func(q *q) { q.start = "a-b" })},
		{"start_key=undefined", paged},
		{"start_key=null", paged},
		{"paginate=true", paged},
		{"paginate=false", q{unpaged: true, size: 50, from: now - unpagedWindow, to: now}},
		{"paginate", q{unpaged: true, size: 50, from: now - unpagedWindow, to: now}},
		{"paginate=TRUE", q{unpaged: true, size: 50, from: now - unpagedWindow, to: now}},
		{"paginate=0&created_from=5", q{unpaged: true, size: 50, from: 5, to: now}},
		{"paginate=0&created_to=5", q{unpaged: true, size: 50, from: 1, to: 5}},
		{"paginate=0&page_size=x&start_key=y", q{unpaged: true, size: 50, from: now - unpagedWindow, to: now}},
	} {
		parsed, err := parseListQuery(parseParameters(tt.query), "v2", now)
		if err != nil {
			t.Errorf("parseListQuery(%q) = %v", tt.query, err)
			continue
		}
		got := q{parsed.ascending, parsed.unpaged, parsed.from, parsed.to, parsed.size, parsed.start}
		if got != tt.want {
			t.Errorf("parseListQuery(%q) = %+v, want %+v", tt.query, got, tt.want)
		}
	}
}

func TestParseListQueryErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ query, want string }{
		{"page_size=0", "page_size minimum"},
		{"page_size=-3", "page_size minimum"},
		{"page_size=-99999999999999999999", "page_size type"},
		{"page_size=many", "page_size type"},
		{"page_size=1.5", "page_size type"},
		{"page_size=+5", "page_size type"},
		{"page_size=%2B5", "page_size type"},
		{"page_size=-", "page_size type"},
		{"page_size=0x10", "page_size type"},
		{"page_size=1_0", "page_size type"},
		{"page_size=٣", "page_size type"},
		{"created_from=yesterday", "created_from type"},
		{"created_to=2026-01-01", "created_to wrong_format"},
		{"created_to=Infinity", "created_to type"},
		{"created_to=0x1p4", "created_to type"},
		{"created_from=1769851800", "created_from wrong_format"},
		{"created_from=1769851800123&created_to=63937071000", "created_from wrong_format"},
		{"created_to=1769851800", "created_to wrong_format"},
		{"modified_from=1769851800", "modified_from wrong_format"},
		{"modified_from=soon", "modified_from type"},
		{"created_to=x&page_size=y&modified_to=z", "created_to type, modified_to type, page_size type"},
		{"created_from=200&created_to=100", "created_from date_range"},
		{"paginate=false&created_from=200&created_to=100", "created_from date_range"},
		{"created_from=1e17&created_to=100", "created_from date_range"},
	} {
		_, err := parseListQuery(parseParameters(tt.query), "v2", 63_000_000_000)
		if got := rules(err); got != tt.want {
			t.Errorf("parseListQuery(%q) = %v (%s), want %s", tt.query, err, got, tt.want)
		}
	}
}

// rules returns the fields and rules of an error.
func rules(err error) string {
	if f := recording.FieldErrors(nil); errors.As(err, &f) {
		var texts []string
		for _, e := range f {
			texts = append(texts, e.Field+" "+e.Code)
		}
		return strings.Join(texts, ", ")
	}
	if p := (*publicError)(nil); errors.As(err, &p) {
		for field, rule := range p.data {
			if codes, ok := rule.(map[string]any); ok {
				for code := range codes {
					return field + " " + code
				}
			}
		}
	}
	return fmt.Sprint(err)
}

func TestParseParameters(t *testing.T) {
	t.Parallel()
	got := parseParameters("a=1&a=2&b&filter_x&filter_y=&c%20d=e%2Bf+g&%zz=%zz&=x&h=i=j&k;l=m")
	want := parameters{
		{"a", "1"},
		{"a", "2"},
		{"b", ""},
		{"filter_x", "true"},
		{"filter_y", ""},
		{"c d", "e+f g"},
		{"%zz", "%zz"},
		{"h", "i=j"},
		{"k;l", "m"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parseParameters (-want +got):\n%s", diff)
	}
}

func TestBindingIsUnambiguous(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, account := range []string{"a", "b"} {
		for _, user := range []string{"", "a", "b"} {
			for _, query := range []string{"", "ascending=true", "filter_a=b", "filter_a=b&filter_c=d", "filter_a=b%26filter_c%3Dd", "filter_not_a=b", "has_key=a", "key_missing=a"} {
				q, err := parseListQuery(parseParameters(query), "v2", 5)
				if err != nil {
					t.Fatal(err)
				}
				name, text := account+" "+user+" "+query, string(q.binding(account, user))
				if other, twice := seen[text]; twice {
					t.Errorf("%s and %s have the same binding", name, other)
				}
				seen[text] = name
			}
		}
	}
	a, _ := parseListQuery(parseParameters("filter_a=b&has_key=c&page_size=3&created_from=5&_=1"), "v2", 5)
	b, _ := parseListQuery(parseParameters("created_to=70&has_key=c&filter_a=b&pretty_print=true"), "v2", 5)
	if string(a.binding("a", "")) != string(b.binding("a", "")) {
		t.Errorf("bindings differ: %s, %s", a.binding("a", ""), b.binding("a", ""))
	}
}

func FuzzParseListQuery(f *testing.F) {
	for _, seed := range []string{
		"page_size=10&created_from=63000000000&created_to=63000000001.5&start_key=abc&ascending=true",
		"filter_a.b=[1,\"2\"]&filter_not_c&has_key=d&missing_value=e&modified_from=NaN&paginate=false",
		"created_from=1e400&page_size=-0&%zz=%&&==&;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		pairs := parseParameters(query)
		q, err := parseListQuery(pairs, "v2", 63_000_000_000)
		if err != nil {
			p := (&request{}).public(err)
			if p.status != 400 {
				t.Fatalf("parseListQuery(%q) = %v, which answers %d", query, err, p.status)
			}
			return
		}
		if q.size < 1 || q.size > maxPageSize || q.from < 0 || q.to < 0 {
			t.Fatalf("parseListQuery(%q) = %+v", query, q)
		}
		// The same parameters in another encoding give the same result.
		again := url.Values{}
		for _, p := range pairs {
			again.Add(p[0], p[1])
		}
		q2, err := parseListQuery(parseParameters(again.Encode()), "v2", 63_000_000_000)
		if err != nil || q2.from != q.from || q2.size != q.size || string(q2.binding("a", "")) != string(q.binding("a", "")) {
			t.Fatalf("parseListQuery(%q) = %+v, but %+v, %v for %q", query, q, q2, err, again.Encode())
		}
	})
}

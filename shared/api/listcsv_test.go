package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/csvtable"
	"github.com/callrecordings/api/shared/recording"
)

// csvOf encodes documents as CSV and parses the result.
func csvOf(t testing.TB, docs ...string) [][]string {
	t.Helper()
	table := csvtable.New(1 << 20)
	list := csvList{table: table, members: true}
	for i, doc := range docs {
		d, err := recording.ParseDocument([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if err := list.add(&recording.Recording{ID: fmt.Sprint("202601-", i), Document: d}); err != nil {
			t.Fatalf("add(%s) = %v", doc, err)
		}
	}
	var text strings.Builder
	_ = table.Lines(func(line []byte) error { text.Write(line); return nil })
	rows, err := csv.NewReader(strings.NewReader(text.String())).ReadAll()
	if err != nil {
		t.Fatalf("%v in %s", err, text.String())
	}
	return rows
}

func TestCSVOfDocuments(t *testing.T) {
	t.Parallel()
	got := csvOf(t,
		`{"a":1,"b":{"c":"x","d":{"e":true}}}`,
		`{"b":{"d":{"f":-2.50}},"g":[],"h":["p","q",3],"i":[{"j":1}]}`,
		`{"a":"1,\"2\"\r\n3","b_c":"not b.c","k":{}}`,
	)
	want := [][]string{
		{"id", "a", "b_c", "b_d_e", "_read_only_content_types", "_read_only_state", "b_d_f", "g", "h", "i", "b_c"},
		{"202601-0", "1", "x", "true", "", "pending", "", "", "", "", ""},
		{"202601-1", "", "", "", "", "pending", "-2.50", "", "p;q;3", `[{"j":1}]`, ""},
		{"202601-2", "1,\"2\"\n3", "", "", "", "pending", "", "", "", "", "not b.c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if rows := csvOf(t); len(rows) != 0 {
		t.Errorf("an empty table has %d rows", len(rows))
	}
}

func TestFormulasAreDefused(t *testing.T) {
	t.Parallel()
	rows := csvOf(t, `{"user_metadata":{"=cmd":"=x"},"=top":["=a","b"]}`)
	want := [][]string{{"id", "user_metadata_=cmd", "'=top", "_read_only_content_types", "_read_only_state"}, {"202601-0", "'=x", "'=a;b", "", "pending"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestCSVRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		docs := rapid.SliceOfN(rapid.MapOf(rapid.StringMatching(`[a-e]{1,2}`), rapid.String()), 1, 5).Draw(rt, "docs")
		var texts []string
		for _, doc := range docs {
			text, err := json.Marshal(doc)
			if err != nil {
				rt.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		rows := csvOf(t, texts...)
		header := map[string]int{}
		for i, name := range rows[0] {
			header[name] = i
		}
		for i, doc := range docs {
			if len(rows[i+1]) != len(rows[0]) {
				rt.Fatalf("row %d has %d cells, the header %d", i, len(rows[i+1]), len(rows[0]))
			}
			for name, value := range doc {
				// The reader replaces \r\n in quotes by \n.
				want := strings.ReplaceAll(csvtable.Defuse(value), "\r\n", "\n")
				if got := rows[i+1][header[name]]; got != want {
					rt.Fatalf("%s = %q, want %q", name, got, want)
				}
			}
		}
	})
}

func TestWideCSVPagesAreCut(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	s := newListAPI(t, nil)
	for i := range 300 { // each with its own members
		fields := make(map[string]int)
		for k := range 1000 {
			fields[fmt.Sprintf("k%d_%d", i, k)] = k
		}
		doc, err := json.Marshal(map[string]any{"user_metadata": fields})
		if err != nil {
			t.Fatal(err)
		}
		s.put(t, entry{id: fmt.Sprintf("202601-%03d", i), created: daysAgo(i), doc: string(doc)})
	}
	target, rows := tenantList+"?accept=csv&page_size=1000", 0
	for pages := 1; ; pages++ {
		g := s.ask(t, "GET", target)
		g.want(t, 200, "")
		if n := recording.EscapedLen(g.body); n > pageBytes {
			t.Fatalf("a page of %d bytes, want at most %d", n, pageBytes)
		}
		read, err := csv.NewReader(strings.NewReader(string(g.body))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		rows += len(read) - 1
		link := g.Header().Get("Link")
		if link == "" {
			if pages < 2 || rows != 300 {
				t.Errorf("%d rows in %d pages, want 300 in several", rows, pages)
			}
			return
		}
		target = nextOf(t, link)
	}
}

// nextOf returns the URL of a Link header.
func nextOf(t testing.TB, link string) string {
	t.Helper()
	m := regexp.MustCompile(`^<(/[^<>]*)>; rel="next"$`).FindStringSubmatch(link)
	if m == nil {
		t.Fatalf("Link = %q", link)
	}
	return m[1]
}

func TestCSVPages(t *testing.T) {
	t.Parallel()
	s := sample(t)
	target := tenantList + "?page_size=2&accept=csv&filter_direction=" + url.QueryEscape(`["inbound","outbound"]`) + "&file_name=a%20b&start_key="
	var ids []string
	for target != "" {
		g := s.ask(t, "GET", target, "Accept", "application/json")
		g.want(t, 200, "")
		if got := g.Header().Get("Content-Type"); got != "text/csv" {
			t.Errorf("Content-Type = %s", got)
		}
		if got, want := g.Header().Get("Content-Disposition"), `attachment; filename="a b.csv"`; got != want {
			t.Errorf("Content-Disposition = %s, want %s", got, want)
		}
		rows, err := csv.NewReader(strings.NewReader(string(g.body))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			ids = append(ids, row[0])
		}
		target = ""
		if link := g.Header().Get("Link"); link != "" {
			target = nextOf(t, link)
		}
	}
	if got, want := strings.Join(ids, " "), "202603-e 202602-d 202602-c 202601-b 202601-a"; got != want {
		t.Errorf("pages give %s, want %s", got, want)
	}
}

func TestListChoosesCSV(t *testing.T) {
	t.Parallel()
	s := sample(t)
	for _, tt := range []struct{ accept, query, want string }{
		{"text/csv", "", "text/csv"},
		{"application/octet-stream", "", "text/csv"},
		{"text/comma-separated-values", "", "text/csv"},
		{"text/*", "", "text/csv"},
		{"text/csv;q=0.5, application/json;q=0.4", "", "text/csv"},
		{"text/csv;q=0.5, application/json", "", "application/json"},
		{"*/*", "", "application/json"},
		{"", "", "application/json"},
		{"text/csv", "?accept=json", "application/json"},
		{"application/json", "?accept=csv", "text/csv"},
		{"application/json", "?accept=text/csv", "text/csv"},
		{"text/csv", "?paginate=false", "text/csv"},
	} {
		g := s.ask(t, "GET", tenantList+tt.query, "Accept", tt.accept)
		g.want(t, 200, "")
		if got := g.Header().Get("Content-Type"); got != tt.want {
			t.Errorf("Accept %q, %q: Content-Type = %s, want %s", tt.accept, tt.query, got, tt.want)
		}
	}
	empty := s.ask(t, "GET", tenantBase+"/users/nobody/recordings?accept=csv")
	if empty.Code != 200 || !strings.HasPrefix(string(empty.body), "id,call_id,") || empty.Header().Get("Content-Type") != "text/csv" {
		t.Errorf("empty list = %d %q", empty.Code, empty.body)
	}
}

// With columns, every page has exactly those.
func TestCSVColumns(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	s.put(t, entry{id: "202601-a", created: daysAgo(1), doc: `{"direction":"inbound"}`})
	s.put(t, entry{id: "202601-b", created: daysAgo(2), doc: `{"user_metadata":{"tag":"vip","=x":1}}`})
	target := tenantList + "?accept=csv&page_size=1&bom=true&columns=user_metadata_tag,id,%3Dnone,id"
	for _, want := range []string{"\ufeffuser_metadata_tag,id,'=none\r\n,202601-a,\r\n", "\ufeffuser_metadata_tag,id,'=none\r\nvip,202601-b,\r\n"} {
		g := s.ask(t, "GET", target)
		g.want(t, 200, "")
		if string(g.body) != want {
			t.Errorf("%s = %q, want %q", target, g.body, want)
		}
		if link := g.Header().Get("Link"); link != "" {
			target = nextOf(t, link)
		}
	}
}

func TestCSVFileName(t *testing.T) {
	t.Parallel()
	s := sample(t)
	for _, tt := range []struct{ header, query, want string }{
		{"", "", `attachment; filename="recordings.csv"`},
		{"h.csv", "q.csv", `attachment; filename="h.csv"`},
		{"undefined", "q.CSV", `attachment; filename="q.CSV"`},
		{"", "evil.exe", `attachment; filename="evil.exe.csv"`},
		{"", "../../etc/passwd", `attachment; filename="_.._etc_passwd.csv"`},
		{"", "a\"b\r\nX-Evil: 1", `attachment; filename="a_bX-Evil_ 1.csv"`},
		{"", "Zoë", `attachment; filename="Zo_.csv"; filename*=UTF-8''Zo%C3%AB.csv`},
		{"", "...", `attachment; filename="recordings.csv"`},
		{"", strings.Repeat("x", 300), `attachment; filename="` + strings.Repeat("x", 196) + `.csv"`},
	} {
		g := s.ask(t, "GET", tenantList+"?accept=csv&file_name="+url.QueryEscape(tt.query), "X-File-Name", tt.header)
		if got := g.Header().Get("Content-Disposition"); got != tt.want {
			t.Errorf("%q, %q: Content-Disposition = %s, want %s", tt.header, tt.query, got, tt.want)
		}
	}
}

// plainCells adds the cells of rec to a table in the plain way: it encodes the whole
// recording and decodes every value with encoding/json.
func plainCells(t *testing.T, table *csvtable.Table, rec *recording.Recording) {
	t.Helper()
	var decode func(path, name string, members recording.Document)
	decode = func(path, name string, members recording.Document) {
		for member, raw := range members.Fields() {
			p, n := path+"\x00"+member, member
			if name != "" {
				n = name + "_" + member
			}
			switch raw[0] {
			case '{':
				decode(p, n, recording.Document(raw))
			case '"':
				table.Text([]byte(p), []byte(n), plainText(t, raw))
			case '[':
				table.Text([]byte(p), []byte(n), plainList(t, raw))
			case 'n':
				table.Literal([]byte(p), []byte(n), "")
			default:
				table.Literal([]byte(p), []byte(n), raw)
			}
		}
	}
	decode("", "", recording.Document(rec.AppendJSON(nil, false)))
	table.EndRow()
}

func plainText(t *testing.T, raw string) (text string) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		t.Fatal(err)
	}
	return text
}

func plainList(t *testing.T, raw string) string {
	t.Helper()
	var members []json.RawMessage
	if err := json.Unmarshal([]byte(raw), &members); err != nil {
		t.Fatal(err)
	}
	texts := make([]string, len(members))
	for i, m := range members {
		switch m[0] {
		case '{', '[':
			return raw
		case '"':
			texts[i] = plainText(t, string(m))
		default:
			texts[i] = string(m)
		}
	}
	return strings.Join(texts, ";")
}

// FuzzCSVCells compares the cells of two documents with those of plainCells.
func FuzzCSVCells(f *testing.F) {
	f.Add(`{"a":1,"b":{"c":"x","d":{"e":true}}}`, `{"b":{"d":{"f":-2.50}},"g":[],"h":["p","q",3],"i":[{"j":1}]}`)
	f.Add(`{"a":"1,\"2\"\r\n3","b_c":"\u0000","k":{}}`, `{"":{"":{"":"x"}},"\u0041":null,"a_":[null,true,"\ud83d\ude00",1e5]}`)
	f.Add(`{}`, `{"x":[["=1"]],"y":["\\","\""],"z":"\u2028","k\u0000":{"\u0000":"é"}}`)
	f.Fuzz(func(t *testing.T, one, two string) {
		got, want := csvList{table: csvtable.New(1 << 20), members: true}, csvtable.New(1<<20)
		for i, text := range []string{one, two} {
			d, err := recording.ParseDocument([]byte(text))
			if err != nil {
				return
			}
			rec := &recording.Recording{
				ID: fmt.Sprint("202601-", i), Document: d,
				Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Reason: recording.Reason(strings.Repeat("x", i))},
			}
			if err := got.add(rec); err != nil {
				t.Fatal(err)
			}
			plainCells(t, want, rec)
		}
		if diff := cmp.Diff(linesOf(want), linesOf(got.table)); diff != "" {
			t.Errorf("%s, %s (-plain +got):\n%s", one, two, diff)
		}
	})
}

func linesOf(table *csvtable.Table) (text string) {
	_ = table.Lines(func(line []byte) error { text += string(line); return nil })
	return text
}

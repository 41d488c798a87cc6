package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/csvtable"
	"github.com/callrecordings/api/shared/recording"
)

// pageColumns are the columns of every page.
const pageColumns = "id,call_id,callee_id_name,callee_id_number,caller_id_name,caller_id_number,cdr_id,conference_id,conference_name," +
	"conference_recording,content_type,custom_channel_vars,description,direction,duration,duration_ms,endpoint_id,from,interaction_id," +
	"media_source,media_type,name,origin,owner_id,recording_vars,request,source_type,start,to,transcribe,url,user_metadata," +
	"other_fields,_read_only_content_types,_read_only_state,_read_only_reason,start_iso"

// A page has a column for each public field, even if none of its recordings has that field.
// An object, and the fields without a column, are JSON in one cell.
func TestCSVPagesHaveTheSameColumns(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	s.put(t, entry{id: "202601-a", created: daysAgo(1), doc: `{"direction":"inbound","start":63935778662}`})
	s.put(t, entry{id: "202601-b", created: daysAgo(2), doc: `{"from":"a@b","url":"https://x","user_metadata":{"tag":"vip"}}`})
	s.put(t, entry{id: "202601-c", created: daysAgo(3), doc: `{"start":"soon","conference_id":"7","=x":["y"],"z":{"a":null}}`})
	target := tenantList + "?accept=csv&page_size=1"
	for _, want := range []map[string]string{
		{"id": "202601-a", "start_iso": "2026-01-16T10:31:02Z", "start": "63935778662", "direction": "inbound"},
		{"id": "202601-b", "from": "a@b", "url": "https://x", "user_metadata": `{"tag":"vip"}`},
		{"id": "202601-c", "start": "soon", "conference_id": "7", "other_fields": `{"=x":["y"],"z":{"a":null}}`},
	} {
		g := s.ask(t, "GET", target)
		g.want(t, 200, "")
		if header, _, _ := strings.Cut(string(g.body), "\r\n"); header != pageColumns {
			t.Errorf("columns = %s\nwant %s", header, pageColumns)
		}
		want["_read_only_state"] = "pending"
		if diff := cmp.Diff([]map[string]string{want}, namedCells(t, g.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
		if link := g.Header().Get("Link"); link != "" {
			target = nextOf(t, link)
		}
	}
}

// namedCells returns the rows of a table as their cells by column, without empty ones.
func namedCells(t testing.TB, table []byte) []map[string]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(string(table))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, row := range rows[1:] {
		cells := map[string]string{}
		for i, cell := range row {
			if cell != "" {
				cells[rows[0][i]] = cell
			}
		}
		all = append(all, cells)
	}
	return all
}

// documents draws documents as a Kazoo may have stored them: with objects, with unknown
// fields, and with values that the field must not have.
func documents(rt *rapid.T) []map[string]any {
	name := rapid.OneOf(rapid.SampledFrom([]string{"user_metadata", "custom_channel_vars", "recording_vars", "from", "name", "other_fields", "start_iso", "user_metadata_a"}), rapid.StringMatching(`[a-c=]{1,2}`))
	text := rapid.Map(rapid.String(), func(s string) any { return s })
	value := rapid.OneOf(text, rapid.Map(rapid.MapOf(rapid.StringMatching(`[a-c=]{1,2}`), rapid.String()), func(m map[string]string) any {
		object := map[string]any{}
		for k, v := range m {
			object[k] = v
		}
		return object
	}))
	return rapid.SliceOfN(rapid.MapOfN(name, value, 0, 6), 0, 8).Draw(rt, "documents")
}

// Every page of any list has the same header, and no page loses a value.
func TestCSVPagesOfAnyListHaveTheSameHeader(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	lists := 0
	rapid.Check(t, func(rt *rapid.T) {
		docs := documents(rt)
		lists++
		owner := fmt.Sprintf("%032x", lists)
		for i, doc := range docs {
			text, err := json.Marshal(doc)
			if err != nil {
				rt.Fatal(err)
			}
			s.put(t, entry{id: fmt.Sprintf("202601-%d-%d", lists, i), owner: owner, created: daysAgo(i), doc: string(text)})
		}
		target := fmt.Sprintf("%s/users/%s/recordings?accept=csv&page_size=%d", tenantBase, owner, rapid.IntRange(1, 4).Draw(rt, "size"))
		rows := 0
		for target != "" {
			g := s.ask(t, "GET", target)
			g.want(t, 200, "")
			if header, _, _ := strings.Cut(string(g.body), "\r\n"); header != pageColumns {
				rt.Fatalf("%s: columns = %s", target, header)
			}
			for _, cells := range namedCells(t, g.body) {
				wantCells(rt, docs[rows], cells)
				rows++
			}
			target = ""
			if link := g.Header().Get("Link"); link != "" {
				target = nextOf(t, link)
			}
		}
		if rows != len(docs) {
			rt.Fatalf("the pages have %d rows, want %d", rows, len(docs))
		}
	})
}

// wantCells compares cells with the document that they come from.
func wantCells(rt *rapid.T, doc map[string]any, cells map[string]string) {
	columns := strings.Split(pageColumns, ",")
	others := map[string]any{}
	for field, value := range doc {
		text, plain := value.(string)
		switch {
		case !slices.Contains(columns, field) || field == otherFields || field == startISO:
			others[field] = value
		case plain:
			// The reader replaces \r\n in quotes by \n.
			if want := strings.ReplaceAll(csvtable.Defuse(text), "\r\n", "\n"); cells[field] != want {
				rt.Fatalf("%s = %q, want %q", field, cells[field], want)
			}
		default:
			wantJSON(rt, field, cells[field], value)
		}
	}
	if len(others) > 0 {
		wantJSON(rt, otherFields, cells[otherFields], others)
	} else if cells[otherFields] != "" {
		rt.Fatalf("%s = %q, want nothing", otherFields, cells[otherFields])
	}
}

func wantJSON(rt *rapid.T, column, cell string, want any) {
	var got any
	if err := json.Unmarshal([]byte(cell), &got); err != nil {
		rt.Fatalf("%s = %q: %v", column, cell, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("%s (-want +got):\n%s", column, diff)
	}
}

// A list without pages is one table, so it has a column for each member, as in Kazoo.
func TestUnpagedCSVHasMembersAsColumns(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	s.put(t, entry{id: "202601-a", created: daysAgo(1), doc: `{"direction":"inbound","x":"y"}`})
	s.put(t, entry{id: "202601-b", created: daysAgo(2), doc: `{"custom_channel_vars":{"Owner-ID":"o"},"user_metadata":{"tag":"vip","=x":{"y":1}}}`})
	want := strings.NewReplacer(
		",custom_channel_vars,", ",custom_channel_vars_Owner-ID,", ",recording_vars,", ",",
		",user_metadata,other_fields,", ",user_metadata_tag,user_metadata_=x_y,x,").Replace(pageColumns)
	for _, target := range []string{tenantList + "?accept=csv&paginate=false", strings.Replace(tenantList, "/v2/", "/v1/", 1) + "?accept=csv"} {
		g := s.ask(t, "GET", target)
		g.want(t, 200, "")
		if header, _, _ := strings.Cut(string(g.body), "\r\n"); header != want {
			t.Errorf("%s: columns = %s\nwant %s", target, header, want)
		}
		rows := namedCells(t, g.body)
		if len(rows) != 2 || rows[0]["x"] != "y" || rows[1]["custom_channel_vars_Owner-ID"] != "o" || rows[1]["user_metadata_=x_y"] != "1" {
			t.Errorf("%s = %v", target, rows)
		}
	}
}

// The parameter columns takes the names of both kinds of table.
func TestCSVColumnsOfBothTables(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	s.put(t, entry{id: "202601-a", created: daysAgo(1), doc: `{"user_metadata":{"tag":"vip"},"x":{"y":"z"},"name":"n"}`})
	for _, pages := range []string{"", "&paginate=false"} {
		g := s.ask(t, "GET", tenantList+"?accept=csv&columns=name,user_metadata_tag,user_metadata,x_y,other_fields"+pages)
		g.want(t, 200, "")
		want := "name,user_metadata_tag,user_metadata,x_y,other_fields\r\n" + `n,vip,"{""tag"":""vip""}",z,"{""x"":{""y"":""z""}}"` + "\r\n"
		if string(g.body) != want {
			t.Errorf("%s: %q, want %q", pages, g.body, want)
		}
	}
}

// Every public field has a column.
func TestEveryPublicFieldHasAColumn(t *testing.T) {
	t.Parallel()
	for _, f := range recording.PublicFields() {
		if !recording.IsPublicField(f.Name) || !slices.Contains(strings.Split(pageColumns, ","), f.Name) {
			t.Errorf("the page has no column %s", f.Name)
		}
	}
	if recording.IsPublicField("id") || recording.IsPublicField("") {
		t.Error("id and the empty name are not fields of the document")
	}
}

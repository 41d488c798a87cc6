package folder_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/incoming/importer/folder"
)

// table writes a table with the given text into the folder and reads it.
func (d *tree) table(name, text string) {
	d.Helper()
	d.put(name, text)
	var err error
	if d.Table, err = folder.ReadTable(filepath.Join(d.Root, name)); err != nil {
		d.Fatalf("ReadTable = %v", err)
	}
}

func TestItemsWithATable(t *testing.T) {
	t.Parallel()
	const ambiguous = "! more than one row of the table, or more than one file, has that name"
	for _, c := range []struct {
		name, table, text string
		files             []string
		want              []string
	}{
		{"CSV", "calls.csv", "\ufefffile,Caller,callee,id,shoe\nx/a.mp3,\" 1,2 \",,202601-a,9\n", []string{"x/a.mp3", "b.mp3"}, []string{
			`b.mp3: ~b {"name":"b.mp3"}`, `x/a.mp3: 202601-a {"caller_id_number":"1,2","from":"1,2@unknown","name":"a.mp3"}`,
		}},
		{"CSV with other column names", "calls.CSV", "to,Filename\r\ny,./x//a.mp3\r\n", []string{"x/a.mp3"}, []string{`x/a.mp3: ~x/a {"name":"a.mp3","to":"y"}`}},
		{"JSON", "calls.json", "\ufeff [ {\"path\":\"a.mp3\",\"user_metadata\":{\"a\":[1, 2]},\"start\":1769247000} ]\n", []string{"a.mp3"}, []string{
			`a.mp3: ~a {"name":"a.mp3","start":63936466200,"user_metadata":{"a":[1,2]}}`,
		}},
		{"no rows", "calls.json", "[]", []string{"a.mp3"}, []string{`a.mp3: ~a {"name":"a.mp3"}`}},
		{"lines", "calls.jsonl", "{\"file\":\"a.mp3\",\"to\":\"x\"}\n\n{\"file\":\"b.mp3\",\"to\":\"y\"}", []string{"a.mp3", "b.mp3"}, []string{
			`a.mp3: ~a {"name":"a.mp3","to":"x"}`, `b.mp3: ~b {"name":"b.mp3","to":"y"}`,
		}},
		{"between sidecar and name", "calls.ndjson", `{"file":"1to2.mp3","caller":"3","callee":"4"}`, []string{"1to2.mp3", "1to2.json"}, []string{
			`1to2.mp3: ~1to2 {"callee_id_number":"4","caller_id_number":"9","from":"9@unknown","name":"1to2.mp3","to":"4@unknown"}`,
		}},
		{"base name", "calls.csv", "file,to\n/var/spool/a.mp3,x\n", []string{"x/y/a.mp3"}, []string{`x/y/a.mp3: ~x/y/a {"name":"a.mp3","to":"x"}`}},
		{"base name of several files", "calls.csv", "file,to\na.mp3,x\n", []string{"x/a.mp3", "y/a.mp3"}, []string{"x/a.mp3: " + ambiguous, "y/a.mp3: " + ambiguous}},
		{"base name of several rows", "calls.csv", "file,to\na/a.mp3,x\nb/a.mp3,y\n", []string{"c/a.mp3"}, []string{"c/a.mp3: " + ambiguous}},
		{"whole name and base name", "calls.csv", "file,to\na/a.mp3,x\nb/a.mp3,y\n", []string{"a/a.mp3", "c/a.mp3"}, []string{
			`a/a.mp3: ~a/a {"name":"a.mp3","to":"x"}`, "c/a.mp3: " + ambiguous,
		}},
		{"a row describes one file", "calls.csv", "file,to\na/a.mp3,x\n", []string{"a/a.mp3", "c/a.mp3"}, []string{
			`a/a.mp3: ~a/a {"name":"a.mp3","to":"x"}`, `c/a.mp3: ~c/a {"name":"a.mp3"}`,
		}},
		{"two IDs in one row", "calls.csv", "file,id,recording_id\na.mp3,202601-a,202601-b\nb.mp3,202601-c,202601-c\n", []string{"a.mp3", "b.mp3"}, []string{
			"a.mp3: ! id: Two names of this field have different values", `b.mp3: 202601-c {"name":"b.mp3"}`,
		}},
		{"rows without a file", "calls.csv", "file,to\na.mp3,x\nb.mp3,y\nc.txt,z\n", []string{"a.mp3"}, []string{
			`a.mp3: ~a {"name":"a.mp3","to":"x"}`,
			"row 3 of calls.csv: ! metadata of a file that does not exist", "row 4 of calls.csv: ! metadata of a file that does not exist",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newTree(t)
			d.table(c.table, c.text)
			for _, name := range c.files {
				d.put(name, `{"caller":"9"}`)
			}
			items := d.all()
			if diff := cmp.Diff(c.want, lines(items)); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if n, _, err := d.Count(t.Context()); n != len(items) || err != nil {
				t.Errorf("Count = %d, %v, want %d", n, err, len(items))
			}
		})
	}
}

// While the folder is watched, the file of a row may still arrive.
func TestRowsOfATableWait(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.table("calls.csv", "file,to\na.mp3,x\n")
	found := d.watched(d.nothing, d.nothing, d.puts("a.mp3", "s"), d.nothing, d.nothing)
	if diff := cmp.Diff([]string{"", "", "", "", "", "[a.mp3]"}, found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

func TestReadTableErrors(t *testing.T) {
	t.Parallel()
	long := `{"file":"` + strings.Repeat("x", 64<<10) + `"}`
	for _, c := range []struct{ name, text, want string }{
		{"a.txt", "", "want a name in .csv, .json, .jsonl or .ndjson"},
		{"none.csv", "", "no such file or directory"},
		{"a.csv", "", "there is no column file"},
		{"a.csv", "name;file\n", "there is no column file"},
		{"a.csv", "file,to\na.mp3,x\nb.mp3\n", "row 3: wrong number of fields"},
		{"a.csv", "file,to\na.mp3,\"x\n", `row 2: extraneous or missing " in quoted-field`},
		{"a.csv", "file,to\n ,x\n", "row 2: it names no file"},
		{"a.csv", "file,to\na.mp3,x\n./a.mp3,y\n", "row 3: it names the same file as row 2"},
		{"a.csv", "file,id\na.mp3,202601-a\nb.mp3,202601-a\n", "row 3: it has the same ID as row 2"},
		{"a.csv", "file,id\na.mp3,a\n", "row 2: invalid recording ID"},
		{"a.csv", "file\n" + strings.Repeat("x", 64<<10+1), "row 2: it has more than 65536 bytes"},
		{"a.json", "", "want an array of objects"},
		{"a.json", `{"file":"a"}`, "want an array of objects"},
		{"a.json", `[{"file":"a"},{"file":"a"}]`, "row 2: it names the same file as row 1"},
		{"a.json", `[{"file":"a"},[]]`, "row 2: parse call: not a JSON object"},
		{"a.json", `[{"file":"a","file":"b"}]`, "row 1: parse call: duplicate key"},
		{"a.json", `[{"file":"a"}`, "row 2: "},
		{"a.json", `[{"file":"a"}]]`, "something follows the array"},
		{"a.json", `[` + long + `]`, "row 1: it has more than 65536 bytes"},
		{"a.jsonl", "{\"file\":\"a\"}\n{}\n", "row 2: it names no file"},
		{"a.jsonl", "\n{\"file\":\n", "row 2: parse call: not JSON"},
		{"a.jsonl", "\n" + long, "row 2: it has more than 65536 bytes"},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		if c.name != "none.csv" {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := folder.ReadTable(path)
		if err == nil || !strings.HasPrefix(err.Error(), "read the table "+path+": "+c.want) || got.Len() != 0 {
			t.Errorf("ReadTable(%s, %.40q) = %d rows, %v, want %q", c.name, c.text, got.Len(), err, c.want)
		}
	}
}

// FuzzReadTable checks that any text is either a table or an error on one line,
// and that each row of a table can be read again.
func FuzzReadTable(f *testing.F) {
	for _, text := range []string{
		"\ufefffile,to\r\na.mp3,\"x\ny\"\r\n", "path,filename\n,b.mp3\n", `[{"file":"a.mp3","to":null},{"path":"/"}]`,
		"{\"file\":\"a.mp3\"}\n\n{\"file\":\"b/../a.mp3\",\"id\":\"202601-a\"}\n", `[{"file":1e9,"start":{}}`, "file\n\xff\n",
	} {
		for kind := range uint8(3) {
			f.Add(kind, text)
		}
	}
	kinds := []string{".csv", ".json", ".jsonl"}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		path := filepath.Join(t.TempDir(), "calls"+kinds[int(kind)%len(kinds)])
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := folder.ReadTable(path)
		if err != nil {
			if table.Len() != 0 || !strings.HasPrefix(err.Error(), "read the table "+path+": ") {
				t.Errorf("ReadTable = %d rows, %v", table.Len(), err)
			}
			return
		}
		// All of its files are missing, so each row is reported.
		d := &tree{folder.Source{Root: t.TempDir(), Account: account, Table: table}, t}
		if n := len(d.all()); n != table.Len() {
			t.Errorf("%d of %d rows are reported", n, table.Len())
		}
	})
}

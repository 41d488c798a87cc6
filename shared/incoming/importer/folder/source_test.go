package folder_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/folder"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const account = "acc"

// stored is the modification time of the files.
var stored = time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)

// tree is a folder and its Source.
type tree struct {
	folder.Source
	*testing.T
}

func newTree(t *testing.T) *tree {
	t.Helper()
	names, err := namepattern.Open("{caller}to{callee}.{ext}", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return &tree{folder.Source{Root: t.TempDir(), Account: account, Names: names}, t}
}

// put writes a file and creates the folders above it.
func (d *tree) put(name, text string) {
	d.Helper()
	path := filepath.Join(d.Root, filepath.FromSlash(name))
	if err := errors.Join(
		os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, stored, stored),
	); err != nil {
		d.Fatal(err)
	}
}

// all returns the items of the folder.
func (d *tree) all() (items []importer.Item) {
	d.Helper()
	for page, err := range d.Pages(d.Context()) {
		if err != nil {
			d.Fatalf("Pages = %v, want no error", err)
		}
		if len(page) == 0 || len(page) > store.MaxFind {
			d.Fatalf("a page of %d items, want 1 to %d", len(page), store.MaxFind)
		}
		items = append(items, page...)
	}
	return items
}

// only returns the folder's only item.
func (d *tree) only() *importer.Item {
	d.Helper()
	items := d.all()
	if len(items) != 1 {
		d.Fatalf("%d items, want one: %q", len(items), lines(items))
	}
	return &items[0]
}

// lines returns a short form of items: "name: id document", "name: ~stem
// document", or "name: ! fault".
func lines(items []importer.Item) (lines []string) {
	for i := range items {
		it := &items[i]
		text := it.ID
		if it.Stem != "" {
			text += "~" + it.Stem
		}
		text += " " + string(it.Document)
		if it.Fault != nil {
			text = "! " + strings.TrimPrefix(it.Fault.Error(), importer.ErrRefused.Error()+": ")
		}
		lines = append(lines, it.Name+": "+text)
	}
	return lines
}

// Texts that several tests share.
const (
	exported = `{"id":"202601-a","from":"1@a","x":[1, 2],"pvt_created":63937071000,"pvt_modified":63937071007,"pvt_audio":{"place":"managed","state":"empty",` +
		`"content_type":"audio/wav","file":"202601-a.wav","size":5,"sha256":"dd29442deca69f52c50006b831cb216edf78a7da33748f0a80ff19f2ebe57ecd"}}`
	notAudio   = "! its name is not that of an audio file"
	unreadable = "; the metadata beside it cannot be read"
	badSidecar = "! metadata must be one JSON object of at most 65536 bytes"
	otherAudio = "! the document beside it belongs to other audio"
	second     = "! it would be the same recording as the file of the same name with another extension"
	badID      = "! invalid recording ID (want YYYYMM- and 1 to 128 of A-Z, a-z, 0-9, _ . @ -)"
)

func TestPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"nothing", nil, nil},
		{"FreePBX", map[string]string{"2026/01/24/out-15550100-1001-20260124-093000-1769247005.12.wav": "s"}, []string{
			`2026/01/24/out-15550100-1001-20260124-093000-1769247005.12.wav: ~2026/01/24/out-15550100-1001-20260124-093000-1769247005.12 ` +
				`{"call_id":"1769247005.12","callee_id_number":"15550100","caller_id_number":"1001","direction":"outbound","from":"1001@unknown",` +
				`"name":"out-15550100-1001-20260124-093000-1769247005.12.wav","origin":"outbound to offnet from account","start":63936462600,"to":"15550100@unknown"}`,
		}},
		{"FreeSWITCH", map[string]string{"2026-01-24-09-30-00_5000_1001.wav": "s"}, []string{
			`2026-01-24-09-30-00_5000_1001.wav: ~2026-01-24-09-30-00_5000_1001 {"callee_id_number":"5000","caller_id_number":"1001",` +
				`"from":"1001@unknown","name":"2026-01-24-09-30-00_5000_1001.wav","start":63936462600,"to":"5000@unknown"}`,
		}},
		{"own pattern", map[string]string{"1001to1002.mp3": "s"}, []string{
			`1001to1002.mp3: ~1001to1002 {"callee_id_number":"1002","caller_id_number":"1001","from":"1001@unknown","name":"1001to1002.mp3","to":"1002@unknown"}`,
		}},
		{"unmatched name", map[string]string{"a/b/call.Opus": "s"}, []string{`a/b/call.Opus: ~a/b/call {"name":"call.Opus"}`}},
		{"name with an ID", map[string]string{"x/202601-a_b.mp3": "s"}, []string{`x/202601-a_b.mp3: 202601-a {"name":"b.mp3"}`}},
		{"sidecar", map[string]string{"1001to1002.mp3": "s", "1001to1002.json": `{"id":"202601-a.","caller":"7","owner_id":"u1","pvt_x":1}`}, []string{
			`1001to1002.mp3: 202601-a. {"callee_id_number":"1002","caller_id_number":"7","from":"7@unknown","name":"1001to1002.mp3","owner_id":"u1","to":"1002@unknown"}`,
		}},
		{"sidecar of a name with dots", map[string]string{"a..mp3": "s", "a..json": `{"to":"x"}`, "a.b.mp3": "s"}, []string{
			`a..mp3: ~a. {"name":"a..mp3","to":"x"}`, `a.b.mp3: ~a.b {"name":"a.b.mp3"}`,
		}},
		{"invalid sidecar", map[string]string{"a.mp3": "s", "a.json": `{"to":`, "b.mp3": "s", "b.json": `[]`, "c.json": "", "d.mp3": "s", "d.json": `{"to":"x","to":"y"}`}, []string{
			"a.mp3: " + badSidecar + unreadable, "b.mp3: " + badSidecar + unreadable, "c.json: " + badSidecar, "d.mp3: " + badSidecar + unreadable,
		}},
		{"sidecar too large", map[string]string{"a.mp3": "s", "a.json": `{"to":"` + strings.Repeat("x", 64<<10) + `"}`}, []string{"a.mp3: " + badSidecar + unreadable}},
		{"sidecar alone", map[string]string{"a.json": `{"to":"x"}`, "b.json": `{}`, "b.txt": ""}, []string{
			"a.json: ! metadata without audio beside it", "b.txt: " + notAudio, "b.json: ! metadata without audio beside it",
		}},
		{"two sidecars", map[string]string{"a.json": `{"to":"x"}`, "a.JSON": `{"to":"y"}`, "a.mp3": "s"}, []string{
			"a.json: ! there is another metadata file with that name", `a.mp3: ~a {"name":"a.mp3","to":"y"}`,
		}},
		{"two files with one stem", map[string]string{"a.mp3": "s", "a.wav": "s", "b.mp3": "s", "b.wav": "s", "b.json": `{"id":"202601-b"}`, "x/a.mp3": "s"}, []string{
			`a.mp3: ~a {"name":"a.mp3"}`, "a.wav: " + second, `b.mp3: 202601-b {"name":"b.mp3"}`, "b.wav: " + second, `x/a.mp3: ~x/a {"name":"a.mp3"}`,
		}},
		{"not audio", map[string]string{"a.txt": "", "b": "", "c.bin": "", "d.mp3.gz": "", "e.csv": "", "f.jsonl": ""}, []string{
			"a.txt: " + notAudio, "b: " + notAudio, "c.bin: " + notAudio, "d.mp3.gz: " + notAudio, "f.jsonl: " + notAudio,
		}},
		{"hidden and incomplete", map[string]string{".a.mp3": "s", "a.mp3.part": "s", ".x/a.mp3": "s", "x.part/a.mp3": "s", ".json": "{}"}, nil},
		{"another account", map[string]string{"a.mp3": "s", "a.json": `{"account_id":"other"}`, "b.mp3": "s", "b.json": `{"account_id":"acc"}`}, []string{
			"a.mp3: ! it names another account", `b.mp3: ~b {"name":"b.mp3"}`,
		}},
		{"invalid ID", map[string]string{"a.mp3": "s", "a.json": `{"id":"../a"}`}, []string{"a.mp3: " + badID}},
		{"exported", map[string]string{"202601/202601-a.json": exported, "202601/202601-a.wav": "sound"}, []string{
			`202601/202601-a.json: 202601-a {"from":"1@a","x":[1,2]}`,
		}},
		{"exported, audio missing", map[string]string{"202601-a.json": exported, "202601-a.mp3": "s", "202601-a.txt": ""}, []string{
			"202601-a.mp3: " + otherAudio, "202601-a.txt: " + notAudio, `202601-a.json: 202601-a {"from":"1@a","x":[1,2]}`,
		}},
		{"exported, invalid", map[string]string{
			"a.json": `{"id":"x","pvt_created":1}`, "a.mp3": "s", "b.json": `{"id":"202601-a","pvt_created":"1"}`, "c.json": `{"id":"202601-a","pvt_created":1,"pvt_audio":{"place":"here"}}`,
			"d.json": `{"id":"202601-d","pvt_created":1,"pvt_audio":{"file":"../d.mp3"}}`, "d.mp3": "s", "e.json": `{"id":"202601-e","pvt_created":-1}`,
			"f.json": `{"id":"202601-f","pvt_created":1,"pvt_audio":{"file":"f.sh"}}`, "g.json": `{"id":"202601-g","pvt_created":1,"pvt_audio":{"file":"a.mp3"}}`,
		}, []string{
			"a.mp3: ! invalid recording ID" + unreadable, "b.json: ! pvt_created and pvt_modified must be Gregorian seconds",
			"c.json: ! pvt_audio has an unknown value", "d.json: ! the file that pvt_audio names is not beside it", "d.mp3: " + otherAudio,
			"e.json: ! pvt_created and pvt_modified must be Gregorian seconds", "f.json: ! the file that pvt_audio names is not beside it",
			"g.json: ! the file that pvt_audio names is not beside it",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newTree(t)
			for name, text := range c.files {
				d.put(name, text)
			}
			items := d.all()
			if diff := cmp.Diff(c.want, lines(items)); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			for _, it := range items {
				if it.Account != account || it.Fault != nil && !errors.Is(it.Fault, importer.ErrRefused) {
					t.Errorf("item = %+v, want the account, and a fault that is ErrRefused", it)
				}
			}
			lost := 0 // Count counts a document and another file with its stem as one
			if slices.ContainsFunc(c.want, func(line string) bool { return strings.HasSuffix(line, otherAudio) }) {
				lost = 1
			}
			if n, _, err := d.Count(t.Context()); n != len(items)-lost || err != nil {
				t.Errorf("Count = %d, %v, want %d", n, err, len(items)-lost)
			}
		})
	}
}

func TestItemOfAFile(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a.mp3", "sound")
	it := d.only()
	if it.Started != recording.SecondsOf(stored) || it.Created != 0 || it.Modified != 0 || it.Exact ||
		it.Audio != (recording.Audio{Place: recording.Managed, Size: 5}) {
		t.Errorf("item = %+v, want only the facts of the file", it)
	}
	d.put("a.json", `{"start":"2026-01-31T09:30:00Z"}`)
	if it := d.only(); it.Started != recording.SecondsOf(time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)) {
		t.Errorf("Started = %v, want the start of the call", it.Started.Time())
	}
	if n, bytes, err := d.Count(t.Context()); n != 1 || bytes != 5 || err != nil {
		t.Errorf("Count = %d, %d, %v, want one file of 5 bytes", n, bytes, err)
	}
}

func TestItemOfAnExportedDocument(t *testing.T) {
	t.Parallel()
	const head = `{"id":"202601-a","pvt_created":63937071000,"pvt_modified":63937071007,"pvt_audio":`
	for _, c := range []struct {
		name, audio string
		want        recording.Audio
	}{
		{"with audio", `{"place":"managed","content_type":"audio/mpeg","file":"202601-a.bin","size":5}`, recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 5}},
		{"audio missing", `{"place":"managed","content_type":"audio/mpeg","state":"empty"}`, recording.Audio{}},
		{"no audio yet", `{}`, recording.Audio{}},
		{"no description", `null`, recording.Audio{}},
		{"external", `{"place":"external","content_type":"audio/wav"}`, recording.Audio{Place: recording.External, ContentType: "audio/wav"}},
		{"failed", `{"state":"failed","reason":"not_audio","size":7}`, recording.Audio{State: recording.Failed, Reason: recording.NotAudio, Size: 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newTree(t)
			d.put("202601-a.json", head+c.audio+"}\n")
			it := d.only()
			want := importer.Item{
				Name: "202601-a.json", Account: account, ID: "202601-a", Document: "{}", Exact: true,
				Created: 63937071000, Modified: 63937071007, Audio: c.want,
			}
			it.Ref = nil // private to the source
			if diff := cmp.Diff(want, *it); diff != "" {
				t.Errorf("item (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	for i := range 2*store.MaxFind + 50 {
		d.put(fmt.Sprintf("%d/%d.mp3", i%3, i), "s")
		d.put(fmt.Sprintf("many.%d", i), "") // one stem
	}
	if n := len(d.all()); n != 500 {
		t.Errorf("%d items, want 500", n)
	}
	large := fmt.Sprintf(`"%s"`, strings.Repeat("x", 500<<10))
	for i := range 10 {
		d.put(fmt.Sprintf("large/%d.json", i), fmt.Sprintf(`{"id":"202601-%d","x":%s,"pvt_created":1}`, i, large))
	}
	for page, err := range d.Pages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for _, it := range page {
			bytes += len(it.Document)
		}
		if bytes > 5<<20 {
			t.Errorf("a page of %d MB, want at most 5", bytes>>20)
		}
	}
}

// A folder that cannot be read is reported, and the other folders are still read.
// (The path is too long, so that even root cannot read the folder.)
func TestUnreadableFolder(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a/a.mp3", "s")
	d.put("z/a.mp3", "s")
	deep, err := os.OpenRoot(d.Root)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		name := strings.Repeat("m", 250)
		if err := deep.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		below, err := deep.OpenRoot(name)
		if err := errors.Join(err, deep.Close()); err != nil {
			t.Fatal(err)
		}
		deep = below
	}
	if err := deep.Close(); err != nil {
		t.Fatal(err)
	}
	d.put("b/b.mp3", "s")
	var items []importer.Item
	var failed []error
	for page, err := range d.Pages(t.Context()) {
		items = append(items, page...)
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(items) != 3 || len(failed) != 1 || errors.Is(failed[0], importer.ErrStop) || !strings.HasPrefix(failed[0].Error(), "read the folder mmm") {
		t.Errorf("items %q, errors %v, want all files and one error", lines(items), failed)
	}
	if n, _, err := d.Count(t.Context()); n != 3 || err != nil {
		t.Errorf("Count = %d, %v, want 3", n, err)
	}
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a.mp3", "s")
	for _, root := range []string{filepath.Join(d.Root, "none"), filepath.Join(d.Root, "a.mp3"), ""} {
		s := folder.Source{Root: root, Account: account}
		calls := 0
		for page, err := range s.Pages(t.Context()) {
			if calls++; page != nil || !errors.Is(err, importer.ErrStop) {
				t.Errorf("Pages(%s) = %v, %v, want ErrStop", root, page, err)
			}
		}
		if calls != 1 {
			t.Errorf("Pages(%s) yields %d times, want once", root, calls)
		}
		if _, _, err := s.Count(t.Context()); !errors.Is(err, importer.ErrStop) {
			t.Errorf("Count(%s) = %v, want ErrStop", root, err)
		}
	}
}

func TestPagesEnd(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	for i := range 3 * store.MaxFind {
		d.put(fmt.Sprintf("%d.mp3", i), "s")
	}
	for _, err := range d.Pages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		break // a second yield would panic
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	pages := 0
	for _, err := range d.Pages(ctx) {
		if pages++; err != nil {
			t.Errorf("Pages = %v, want no error", err)
		}
		stop()
	}
	if pages != 1 {
		t.Errorf("%d pages, want one before the context ended", pages)
	}
	if _, _, err := d.Count(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Count = %v, want %v", err, context.Canceled)
	}
}

package folder_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/folder"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// documents generates documents of all kinds, with and without an owner.
var documents = rapid.Custom(func(t *rapid.T) recording.Document {
	d := recording.Document("{}")
	set := func(name, value string) {
		next, err := d.With(name, value)
		if err == nil { // an error means that the name is private
			d = next
		}
	}
	if rapid.Bool().Draw(t, "owned") {
		set("owner_id", recording.Quote(rapid.StringMatching(`[a-z0-9 ]{1,4}`).Draw(t, "owner")))
	}
	for range rapid.IntRange(0, 5).Draw(t, "fields") {
		name := rapid.OneOf(rapid.SampledFrom([]string{"from", "<a>", "u2028\u2028", "ID", "a\"b", "call_id", "pvt"}), rapid.String()).Draw(t, "name")
		set(strings.ToValidUTF8(name, ""), rapid.OneOf(
			rapid.SampledFrom([]string{`1.50e+3`, `"\u003cb\ud83d\ude00"`, `{"b":[1,{"a":null}],"a":""}`, `"é\/"`, `[]`, `-0`, `true`, `123456789012345678901234567890`}),
			rapid.Map(rapid.String(), func(s string) string { return recording.Quote(strings.ToValidUTF8(s, "")) }),
		).Draw(t, "value"))
	}
	return d
})

// drawAudio generates a recording's audio: its description and its bytes.
func drawAudio(t *rapid.T) (a recording.Audio, content string) {
	switch rapid.IntRange(0, 4).Draw(t, "audio") {
	case 0:
		return recording.Audio{}, ""
	case 1:
		return recording.Audio{Place: recording.External, ContentType: "audio/mpeg"}, ""
	case 2:
		return recording.Audio{State: recording.Failed, Reason: recording.Damaged, Size: 7}, ""
	}
	content = rapid.StringN(1, 20, -1).Draw(t, "sound")
	a = recording.Audio{Place: recording.Managed, ContentType: rapid.SampledFrom(append(recording.AudioTypes(), "", "text/x<y>")).Draw(t, "type")}
	if rapid.Bool().Draw(t, "empty") {
		a.State = recording.Empty
	}
	if rapid.Bool().Draw(t, "sized") {
		a.Size, a.SHA256 = int64(len(content)), sum(content)
	}
	return a, content
}

// An exported recording is read back unchanged, and exported again without a change.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.Concurrency = 0
	parent := d.Root
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++ // each round has its own account and folder
		d.Account = fmt.Sprintf("acc%d", round)
		d.Root = filepath.Join(parent, d.Account)
		want, audio := map[string]recording.Recording{}, map[string]string{}
		for range rapid.IntRange(0, 5).Draw(t, "recordings") {
			r := recording.Recording{
				Account: d.Account, ID: rapid.StringMatching(`20260[12]-[a-cA_.@-]{1,3}(\.json|\.mp3|\.)?`).Draw(t, "id"),
				Document: documents.Draw(t, "document"), Created: created + recording.Seconds(rapid.IntRange(0, 3).Draw(t, "created")),
			}
			r.Owner, r.Modified = r.Document.Owner(), r.Created+recording.Seconds(rapid.IntRange(0, 3).Draw(t, "modified"))
			var content string
			r.Audio, content = drawAudio(t)
			if _, twice := want[r.ID]; twice {
				continue
			}
			if err := d.store.Put(d.Context(), &r); err != nil {
				t.Fatal(err)
			}
			want[r.ID], audio[r.ID] = r, content
			if r.Audio.Place == recording.Managed {
				d.audio.objects[r.AudioKey()] = content
			}
		}
		readsBack(t, d, want, audio)
		files := d.files()
		got, err := d.Export.Run(d.Context())
		if err != nil || got != (folder.Summary{Unchanged: int64(len(want))}) {
			t.Fatalf("the second Run = %+v, %v, want all unchanged", got, err)
		}
		if diff := cmp.Diff(files, d.files()); diff != "" {
			t.Fatalf("the second Run changed files:\n%s", diff)
		}
	})
}

// readsBack exports the recordings, reads them back and compares them.
func readsBack(t rapid.TB, d *fixture, want map[string]recording.Recording, audio map[string]string) {
	t.Helper()
	got, err := d.Export.Run(d.Context())
	if err != nil || got.Written != int64(len(want)) {
		t.Fatalf("Run = %+v, %v, want %d written; reported %+v", got, err, len(want), d.reported)
	}
	s := d.back()
	s.Account = d.Account
	items := s.all()
	if len(items) != len(want) {
		t.Fatalf("%d items, want %d: %q", len(items), len(want), lines(items))
	}
	for _, it := range items {
		r := want[it.ID]
		if it.Fault != nil || !it.Exact || it.Account != r.Account || it.Document != r.Document || it.Document.Owner() != r.Owner ||
			it.Created != r.Created || it.Modified != r.Modified ||
			it.Audio.Place != r.Audio.Place || it.Audio.State != r.Audio.State || it.Audio.Reason != r.Audio.Reason || it.Audio.ContentType != r.Audio.ContentType {
			t.Fatalf("item = %+v, want %+v", it, r)
		}
		if r.Audio.Place == recording.Managed {
			got := readAudio(t, d, s, &it)
			if got != audio[it.ID] {
				t.Fatalf("audio of %s = %q, want %q", it.ID, got, audio[it.ID])
			}
		}
	}
}

// readAudio returns the audio of an item.
func readAudio(t rapid.TB, d *fixture, s *tree, it *importer.Item) string {
	t.Helper()
	a, err := s.Open(d.Context(), it)
	if err != nil {
		t.Fatalf("Open(%s) = %v", it.ID, err)
	}
	defer func() { _ = a.Close() }()
	text, err := io.ReadAll(io.NewSectionReader(a, 0, a.Size))
	if err != nil || a.SHA256 != sum(string(text)) {
		t.Fatalf("audio of %s = %q, %v, checksum %s", it.ID, text, err, a.SHA256)
	}
	return string(text)
}

// narrow is a store with short pages.
type narrow struct{ store.Reader }

func (n narrow) Page(ctx context.Context, q store.Query) (store.Page, error) {
	q.Limit = min(q.Limit, 7)
	return n.Reader.Page(ctx, q)
}

// The same round trip with a real bucket, and with more recordings than fit on a page.
func TestRoundTripThroughABucket(t *testing.T) {
	t.Parallel()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := dir.StartS3(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	bucket, err := dir.OpenBucket(server.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	d := newFixture(t)
	d.Store, d.Audio, d.Concurrency = narrow{d.store}, bucket, 8
	content, err := os.ReadFile("../../../audiofile/testdata/alaw.wav")
	if err != nil {
		t.Fatal(err)
	}
	want, audio := map[string]recording.Recording{}, map[string]string{}
	for i := range 60 {
		r := recording.Recording{ID: fmt.Sprintf("2026%02d-%d", 1+i%12, i), Document: "{}"}
		if i%6 == 0 {
			r.Audio = recording.Audio{Place: recording.Managed, ContentType: "audio/wav", Size: int64(len(content))}
			r.Account = account
			if err := bucket.Put(t.Context(), r.AudioKey(), "audio/wav", strings.NewReader(string(content)), r.Audio.Size); err != nil {
				t.Fatal(err)
			}
			audio[r.ID] = string(content)
		}
		want[r.ID] = *d.add(r, "")
	}
	readsBack(t, d, want, audio)
	if got, err := d.Export.Run(t.Context()); err != nil || got != (folder.Summary{Unchanged: 60}) {
		t.Errorf("the second Run = %+v, %v, want all unchanged", got, err)
	}
}

package importer_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A run copies the recordings as they are, and a second run changes nothing.
func TestRunCopiesOnce(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	silent, external := kazooItem("silent", started), kazooItem("external", started)
	silent.Audio = recording.Audio{}
	external.Audio = recording.Audio{Place: recording.External, ContentType: "audio/mpeg"}
	s := &source{
		pages: []any{[]importer.Item{kazooItem("a", started), silent}, []importer.Item{external}},
		audio: map[string]any{"202610-a": mp3},
	}
	o := options()
	if err := importer.Run(t.Context(), s, p.target(), o); err != nil {
		t.Fatal(err)
	}
	want := importer.Count{
		Found: 3, All: true, Copied: 3, Silent: 1, External: 1, Bytes: int64(len(mp3)), First: started + 60, Last: started + 60,
	}
	if diff := cmp.Diff(want, o.Tally.Count()); diff != "" {
		t.Errorf("Count (-want +got):\n%s", diff)
	}
	r := p.get(t, "202610-a")
	if r.Document != kazooItem("a", started).Document || r.Created != started+60 || r.Modified != r.Created || r.Owner != "u1" {
		t.Errorf("stored %+v", r)
	}
	if !bytes.Equal(p.play(t, r), mp3) || r.Audio.Size != int64(len(mp3)) || len(r.Audio.SHA256) != 64 {
		t.Errorf("its audio is %+v", r.Audio)
	}
	if got := p.get(t, "202610-external").Audio; got != external.Audio {
		t.Errorf("the external audio is %+v", got)
	}
	if diff := cmp.Diff([]string{"imported/a0/202610/202610-a"}, p.keys(t)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	again := options()
	if err := importer.Run(t.Context(), s, p.target(), again); err != nil {
		t.Fatal(err)
	}
	if c := again.Tally.Count(); c.Known != 3 || c.Copied != 0 || c.Silent != 1 || c.External != 1 || s.opened["202610-a"] != 1 {
		t.Errorf("a second run counts %+v and opens %v", c, s.opened)
	}
}

// The results for the audio in the first and in the second run.
func TestRunAudio(t *testing.T) {
	t.Parallel()
	mp3, wav := demo(t, "03-wrong-number.mp3"), demo(t, "10-reminder.wav")
	for _, c := range []struct {
		name           string
		audio          any
		want, again    importer.Outcome
		lack           importer.Lack
		state          recording.State
		reason         recording.Reason
		opened         int // after both runs
		kind           string
		reportedReason string
	}{
		{"good", mp3, importer.Copied, importer.Known, "", recording.Ready, "", 1, "audio/mpeg", ""},
		{"type differs from the document", wav, importer.Copied, importer.Known, "", recording.Ready, "", 1, "audio/wav", ""},
		{"empty", []byte{}, importer.Copied, importer.Known, "", recording.Empty, "", 1, "audio/mpeg", ""},
		{"not audio", []byte("<html>502 Bad Gateway</html>"), importer.Refused, importer.Refused, "", recording.Failed, recording.NotAudio, 1, "", "not_audio"},
		{"too large", bytes.Repeat(mp3, 1+(1<<20)/len(mp3)), importer.Refused, importer.Refused, "", recording.Failed, recording.TooLarge, 2, "", "too_large"},
		{"gone", fmt.Errorf("%w: 404", importer.ErrGone), importer.Copied, importer.Known, importer.Silent, recording.Pending, "", 2, "", ""},
		{"refused", fmt.Errorf("%w: too much", importer.ErrRefused), importer.Refused, importer.Refused, "", recording.Pending, "", 2, "", "too much"},
		{"unreadable", unreadable{}, importer.Failed, importer.Failed, "", recording.Pending, "", 2, "", "disk error; its document is stored"},
		{"not available", errors.New("500 datastore_fault"), importer.Failed, importer.Failed, "", recording.Pending, "", 2, "", "500 datastore_fault; its document is stored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t)
			s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": c.audio}}
			for i, want := range []importer.Outcome{c.want, c.again} {
				var reported results
				o := options()
				o.Report = reported.add
				if err := importer.Run(t.Context(), s, p.target(), o); err != nil {
					t.Fatal(err)
				}
				got := outcomes(o.Tally.Count())
				if got[want] != 1 || o.Tally.Count().Done() != 1 {
					t.Errorf("run %d: %v, want one %s", i, got, want)
				}
				if c.reportedReason != "" && (len(reported.all) != 1 || !strings.Contains(reported.all[0].Reason, c.reportedReason)) {
					t.Errorf("run %d: reported %+v, want %q", i, reported.all, c.reportedReason)
				}
				if (o.Tally.Count().Silent == 1) != (c.lack == importer.Silent) {
					t.Errorf("run %d: %+v, want lack %q", i, o.Tally.Count(), c.lack)
				}
			}
			r := p.get(t, "202610-a")
			if r.Document != kazooItem("a", started).Document {
				t.Errorf("the document is %s, want it unchanged", r.Document)
			}
			if r.Audio.Condition() != c.state || r.Audio.Reason != c.reason || r.Audio.ContentType != c.kind {
				t.Errorf("the audio is %+v, want %s %s %s", r.Audio, c.state, c.reason, c.kind)
			}
			if s.opened["202610-a"] != c.opened || s.open != 0 {
				t.Errorf("opened %d times, want %d; %d left open", s.opened["202610-a"], c.opened, s.open)
			}
			if objects := len(p.keys(t)); (objects == 1) != (r.Audio.Place == recording.Managed) {
				t.Errorf("%d objects for %+v", objects, r.Audio)
			}
		})
	}
}

func outcomes(c importer.Count) map[importer.Outcome]int64 {
	return map[importer.Outcome]int64{
		importer.Copied: c.Copied, importer.Known: c.Known, importer.Deleted: c.Deleted,
		importer.Refused: c.Refused, importer.Failed: c.Failed,
	}
}

// A later run copies audio that failed before, and audio that --no-audio left
// out.
func TestRunSuppliesAudio(t *testing.T) {
	t.Parallel()
	mp3 := demo(t, "03-wrong-number.mp3")
	for name, first := range map[string]struct {
		audio   any
		noAudio bool
	}{"failed": {errors.New("500"), false}, "left out": {mp3, true}} {
		p := newFixture(t)
		s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": first.audio}}
		o := options()
		o.NoAudio = first.noAudio
		if err := importer.Run(t.Context(), s, p.target(), o); err != nil {
			t.Fatal(err)
		}
		if got := p.get(t, "202610-a").Audio.Condition(); got != recording.Pending || o.Tally.Count().Silent != 0 {
			t.Errorf("%s: %s after the first run, %+v", name, got, o.Tally.Count())
		}
		s.audio["202610-a"] = mp3
		o = options()
		if err := importer.Run(t.Context(), s, p.target(), o); err != nil || o.Tally.Count().Copied != 1 {
			t.Fatalf("%s: Run = %v, %+v", name, err, o.Tally.Count())
		}
		r := p.get(t, "202610-a")
		if !bytes.Equal(p.play(t, r), mp3) || r.Document != kazooItem("a", started).Document {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A deleted recording stays deleted, unless Revive is set and its purge has
// finished.
func TestRunDeleted(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3}}
	run := func(revive bool) importer.Count {
		o := options()
		o.Revive = revive
		if err := importer.Run(t.Context(), s, p.target(), o); err != nil {
			t.Fatal(err)
		}
		return o.Tally.Count()
	}
	run(false)
	if _, err := p.store.Delete(t.Context(), account, "202610-a", store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if c := run(false); c.Deleted != 1 || s.opened["202610-a"] != 1 {
		t.Errorf("of a deleted recording: %+v, opened %v, want it to stay deleted", c, s.opened)
	}
	if c := run(true); c.Failed != 1 {
		t.Errorf("revived while its purge is pending: %+v, want a failure", c)
	}
	if err := p.bucket.Remove(t.Context(), recording.ImportedKey(account, "202610-a")); err != nil {
		t.Fatal(err)
	}
	if err := p.store.Purged(t.Context(), account, "202610-a", ""); err != nil {
		t.Fatal(err)
	}
	if keys := p.keys(t); len(keys) != 0 {
		t.Errorf("left behind: %v", keys)
	}
	if c := run(true); c.Copied != 1 {
		t.Fatalf("revived: %+v, want it copied", c)
	}
	r := p.get(t, "202610-a")
	if r.AudioKey() == recording.ImportedKey(account, "202610-a") || !bytes.Equal(p.play(t, r), mp3) {
		t.Errorf("revived with the audio at %s, want another key than before", r.AudioKey())
	}
	if c := run(false); c.Known != 1 {
		t.Errorf("in the next run: %+v, want it known", c)
	}
}

// Another run revives a recording while its audio is copied, and a client deletes it again.
// It stays deleted, and nothing of it is left.
func TestRunRevivesOneTombstone(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	it := kazooItem("a", started)
	remove := func() {
		_, err := p.store.Delete(t.Context(), account, it.ID, store.Deletion{})
		check(t, err)
		check(t, p.store.Purged(t.Context(), account, it.ID, ""))
	}
	check(t, p.store.Put(t.Context(), &recording.Recording{Account: account, ID: it.ID, Created: started, Document: "{}"}))
	remove()
	s := &source{
		pages: []any{[]importer.Item{it}}, audio: map[string]any{it.ID: demo(t, "03-wrong-number.mp3")},
		during: func(*importer.Item) {
			check(t, p.store.Revive(t.Context(), &recording.Recording{Account: account, ID: it.ID, Created: started, Document: "{}"}, ""))
			remove()
		},
	}
	o := options()
	o.Revive = true
	check(t, importer.Run(t.Context(), s, p.target(), o))
	if c := o.Tally.Count(); c.Deleted != 1 || len(p.keys(t)) != 0 {
		t.Errorf("%+v with the objects %v, want it deleted, and no objects", c, p.keys(t))
	}
	if _, err := p.store.Get(t.Context(), account, it.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want %v", err, store.ErrNotFound)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// Items that cannot be copied are reported, and so are parts of the list that
// cannot be read. The other items are copied.
func TestRunReports(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	bad, huge := kazooItem("bad", started), kazooItem("huge", started)
	bad.Fault = fmt.Errorf("%w: bad ID", importer.ErrRefused)
	huge.Document = recording.Document(`{"x":"` + strings.Repeat("x", 500<<10) + `"}`)
	s := &source{
		pages: []any{
			[]importer.Item{bad, huge}, errors.New("503"), []importer.Item{kazooItem("a", started), kazooItem("a", started)},
		},
		audio: map[string]any{"202610-a": mp3, "202610-huge": mp3},
	}
	var reported results
	o := options()
	o.Report, o.Concurrency = reported.add, 1
	check(t, importer.Run(t.Context(), s, p.target(), o))
	c := o.Tally.Count()
	if c.Refused != 2 || c.Lists != 1 || c.Copied != 1 || c.Known != 1 || c.Complete() {
		t.Errorf("%+v, want 2 refused, 1 copied, 1 known, and one unread part of the list", c)
	}
	if len(reported.all) != 3 {
		t.Errorf("reported %+v, want 3 results", reported.all)
	}
	if diff := cmp.Diff([]string{"imported/a0/202610/202610-a"}, p.keys(t)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

// A run ends after many failures in a row, but not after single failures.
func TestRunStops(t *testing.T) {
	t.Parallel()
	many := make([]importer.Item, 60)
	for i := range many {
		many[i] = kazooItem(fmt.Sprintf("r%02d", i), started)
	}
	for _, c := range []struct {
		name string
		err  error
		list error
		stop bool
	}{
		{"full disk", fmt.Errorf("%w: no room", importer.ErrStop), nil, true},
		{"no answer for audio", fmt.Errorf("%w: refused", importer.ErrUnreachable), nil, true},
		{"no answer for the list", nil, fmt.Errorf("%w: refused", importer.ErrUnreachable), true},
		{"rejected token", nil, fmt.Errorf("%w: 401", importer.ErrStop), true},
		{"failing storage", errors.New("500 datastore_fault"), nil, false},
		{"slow storage, but the list is read", fmt.Errorf("%w: time-out", importer.ErrUnreachable), nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t)
			s := &source{audio: map[string]any{}}
			for i := range many {
				s.audio[many[i].Name] = c.err
			}
			if c.list != nil {
				s.pages = []any{c.list, many}
			} else {
				s.pages = []any{many}
			}
			if strings.Contains(c.name, "the list is read") {
				s.pages = []any{many[:15], many[15:30], many[30:45], many[45:]}
			}
			o := options()
			err := importer.Run(t.Context(), s, p.target(), o)
			if errors.Is(err, importer.ErrStop) != c.stop {
				t.Errorf("Run = %v", err)
			}
			if count := o.Tally.Count(); c.stop == (count.Done() == int64(len(many))) || c.stop && count.Complete() {
				t.Errorf("%+v, want it incomplete: %v", count, c.stop)
			}
		})
	}
}

package importer_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// All differences between the target and the source.
func TestVerify(t *testing.T) {
	t.Parallel()
	mp3 := demo(t, "03-wrong-number.mp3")
	key := recording.ImportedKey(account, "202610-a")
	edit := func(change func(*recording.Recording)) func(*testing.T, fixture, *source) {
		return func(t *testing.T, p fixture, _ *source) {
			_, err := p.store.Update(t.Context(), account, "202610-a", func(r *recording.Recording) error {
				change(r)
				return nil
			})
			check(t, err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, p fixture, s *source)
		good   bool
		want   func(v importer.Comparison) int64
		text   string
	}{
		{"the same", func(*testing.T, fixture, *source) {}, true, func(v importer.Comparison) int64 { return v.Same - 1 }, ""},
		{"deleted here", func(t *testing.T, p fixture, _ *source) {
			_, err := p.store.Delete(t.Context(), account, "202610-a", store.Deletion{})
			check(t, err)
		}, true, func(v importer.Comparison) int64 { return v.Deleted }, ""},
		{"missing", func(_ *testing.T, _ fixture, s *source) {
			s.pages = append(s.pages, []importer.Item{kazooItem("c", started)})
		}, false, func(v importer.Comparison) int64 { return v.Missing }, "missing"},
		{
			"different value", edit(func(r *recording.Recording) { r.Document = with(r.Document, "from", `"y"`) }),
			false, func(v importer.Comparison) int64 { return v.Different }, "from",
		},
		{
			"missing field", edit(func(r *recording.Recording) { r.Document = with(r.Document, "from", `null`) }),
			false, func(v importer.Comparison) int64 { return v.Different }, "from",
		},
		{
			"additional field", edit(func(r *recording.Recording) { r.Document = with(r.Document, "to", `"y"`) }),
			false, func(v importer.Comparison) int64 { return v.Different }, "to",
		},
		{"tagged by a user", edit(func(r *recording.Recording) {
			r.Document, r.Modified = with(r.Document, "user_metadata", `{"a":1}`), started+99
		}), true, func(v importer.Comparison) int64 { return v.Same - 1 }, ""},
		{"changed by a user in another field", edit(func(r *recording.Recording) {
			r.Document, r.Modified = with(r.Document, "from", `"y"`), started+99
		}), false, func(v importer.Comparison) int64 { return v.Different }, "from"},
		{"tagged without a trace", edit(func(r *recording.Recording) {
			r.Document = with(r.Document, "user_metadata", `{"a":1}`)
		}), false, func(v importer.Comparison) int64 { return v.Different }, "user_metadata"},
		{
			"different duration", edit(func(r *recording.Recording) { r.Document = with(r.Document, "duration", "61") }),
			false, func(v importer.Comparison) int64 { return v.Different }, "duration",
		},
		{"different time of creation", func(_ *testing.T, _ fixture, s *source) {
			s.pages[0].([]importer.Item)[0].Created = started + 5
		}, false, func(v importer.Comparison) int64 { return v.Different }, "pvt_created"},
		{"audio that cannot be fetched", func(_ *testing.T, _ fixture, s *source) {
			s.audio["202610-a"] = errors.New("500")
		}, false, func(v importer.Comparison) int64 { return v.Unchecked }, "500"},
		{"audio that was not copied", func(t *testing.T, p fixture, s *source) {
			s.pages = []any{[]importer.Item{kazooItem("d", started)}}
			s.audio["202610-d"] = mp3
			o := options()
			o.NoAudio = true
			check(t, importer.Run(t.Context(), s, p.target(), o))
		}, false, func(v importer.Comparison) int64 { return v.Damaged }, "missing"},
		{"different audio", func(t *testing.T, p fixture, _ *source) {
			other := slices.Clone(mp3)
			other[len(other)-1]++
			check(t, p.bucket.Put(t.Context(), key, "audio/mpeg", bytes.NewReader(other), int64(len(other))))
		}, false, func(v importer.Comparison) int64 { return v.Damaged }, "different"},
		{
			"missing audio", func(t *testing.T, p fixture, _ *source) { check(t, p.bucket.Remove(t.Context(), key)) },
			false, func(v importer.Comparison) int64 { return v.Damaged }, "missing",
		},
		{"audio that the source lost", func(t *testing.T, p fixture, s *source) {
			s.pages = []any{[]importer.Item{kazooItem("d", started)}}
			s.audio["202610-d"] = importer.ErrGone
			check(t, importer.Run(t.Context(), s, p.target(), options()))
		}, true, func(v importer.Comparison) int64 { return v.Same }, ""},
		{"only in the target", func(t *testing.T, p fixture, _ *source) {
			check(t, p.store.Put(t.Context(), &recording.Recording{Account: account, ID: "202610-x", Created: started, Document: "{}"}))
		}, true, func(v importer.Comparison) int64 { return v.More }, ""},
		{"unreadable list", func(_ *testing.T, _ fixture, s *source) {
			s.pages = append(s.pages, errors.New("503"))
		}, false, func(v importer.Comparison) int64 { return v.Lists }, "503"},
		{"audio changed in the source", func(_ *testing.T, _ fixture, s *source) {
			s.audio["202610-a"] = append(bytes.Clone(mp3), 0)
		}, false, func(v importer.Comparison) int64 { return v.Damaged }, "different"},
		{"audio that cannot be copied", func(_ *testing.T, _ fixture, s *source) {
			bad := kazooItem("bad", started)
			bad.Fault = importer.ErrRefused
			s.pages = append(s.pages, []importer.Item{bad})
		}, true, func(v importer.Comparison) int64 { return v.Refused }, "cannot be imported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t)
			s := &source{
				pages: []any{[]importer.Item{kazooItem("a", started), kazooItem("b", started)}},
				audio: map[string]any{"202610-a": mp3, "202610-b": mp3},
			}
			check(t, importer.Run(t.Context(), s, p.target(), options()))
			c.change(t, p, s)
			var reported results
			o := importer.VerifyOptions{Options: options(), Audio: true}
			o.Report = reported.add
			v, err := importer.Verify(t.Context(), s, p.target(), o)
			if err != nil || v.Good() != c.good || c.want(v) != 1 {
				t.Errorf("Verify = %+v, %v", v, err)
			}
			if c.text != "" && (len(reported.all) != 1 || !strings.Contains(reported.all[0].Reason, c.text)) {
				t.Errorf("reported %+v, want %q", reported.all, c.text)
			}
		})
	}
}

func with(d recording.Document, field, value string) recording.Document {
	changed, err := d.With(field, value)
	if err != nil {
		panic(err)
	}
	return changed
}

// A dry run counts the results that a real run would have, and changes nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	first := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3}}
	check(t, importer.Run(t.Context(), first, p.target(), options()))
	file := importer.Item{
		Name: "f.mp3", Account: account, Stem: "f", Started: started, Document: "{}",
		Audio: recording.Audio{Place: recording.Managed, Size: 1000},
	}
	silent, bad := kazooItem("silent", started), kazooItem("bad", started)
	silent.Audio, bad.Fault = recording.Audio{}, importer.ErrRefused
	s := &source{
		pages: []any{[]importer.Item{kazooItem("a", started), kazooItem("b", started), file, silent, bad}},
		audio: map[string]any{"202610-b": mp3},
	}
	o := options()
	check(t, importer.DryRun(t.Context(), s, p.target(), o))
	c := o.Tally.Count()
	if c.Copied != 3 || c.Known != 1 || c.Refused != 1 || c.Silent != 1 || c.ToCopy.Recordings != 2 {
		t.Errorf("%+v, want 3 to copy, 1 known, 1 refused, 1 without audio, and 2 with audio to copy", c)
	}
	if got, want := c.ToCopy.Total(), int64(len(mp3)+1000); got != want {
		t.Errorf("about %d bytes, want %d", got, want)
	}
	if len(s.opened) != 0 || len(p.keys(t)) != 1 {
		t.Errorf("opened %v, %d objects", s.opened, len(p.keys(t)))
	}
}

// A file name always maps to the same recording, even if the file's metadata
// changes later.
func TestRunStems(t *testing.T) {
	t.Parallel()
	p, wav := newFixture(t), demo(t, "10-reminder.wav")
	file := importer.Item{
		Note: "assumed", Name: "2026/f.wav", Account: account, Stem: "2026/f", Started: started, Document: `{"from":"1001@x"}`,
		Audio: recording.Audio{Place: recording.Managed, Size: int64(len(wav))},
	}
	s := &source{pages: []any{[]importer.Item{file}}, audio: map[string]any{"2026/f.wav": wav}}
	id := recording.StemID(account, "2026/f", started)
	for _, at := range []recording.Seconds{started, started - 90*24*3600} {
		file.Started = at
		s.pages = []any{[]importer.Item{file}}
		o := options()
		var reported results
		o.Report = reported.add
		check(t, importer.Run(t.Context(), s, p.target(), o))
		if want := at == started; (len(reported.all) == 1 && reported.all[0].Reason == "assumed") != want {
			t.Errorf("reported %+v, want the note: %v", reported.all, want)
		}
		if c := o.Tally.Count(); c.Done() != 1 || (c.Copied == 1) != (at == started) {
			t.Errorf("%+v, want one item, copied in the first run only", c)
		}
	}
	r := p.get(t, id)
	ms, _ := r.Document.Int("duration_ms")
	from, _ := r.Document.Text("from")
	call, _ := r.Document.Text("call_id")
	start, _ := r.Document.Int("start")
	if start != int64(started) || ms == 0 || from != "1001@x" || call != id || r.Created != started {
		t.Errorf("%+v, want the facts of the name and of the audio", r)
	}
	v, err := importer.Verify(t.Context(), s, p.target(), importer.VerifyOptions{Options: options(), Audio: true})
	if err != nil || !v.Good() || v.Same != 1 {
		t.Errorf("Verify = %+v, %v", v, err)
	}
}

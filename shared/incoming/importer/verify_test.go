package importer_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/recording"
)

// Each way in which what is here may differ from what the source has.
func TestVerify(t *testing.T) {
	t.Parallel()
	mp3 := demo(t, "03-wrong-number.mp3")
	key := recording.ImportedKey(account, "202610-a")
	edit := func(change func(*recording.Recording)) func(*testing.T, place, *source) {
		return func(t *testing.T, p place, _ *source) {
			_, err := p.store.Update(t.Context(), account, "202610-a", func(r *recording.Recording) error {
				change(r)
				return nil
			})
			check(t, err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, p place, s *source)
		good   bool
		want   func(v importer.Verdict) int64
		text   string
	}{
		{"the same", func(*testing.T, place, *source) {}, true, func(v importer.Verdict) int64 { return v.Same - 1 }, ""},
		{"deleted here", func(t *testing.T, p place, _ *source) {
			_, err := p.store.Delete(t.Context(), account, "202610-a", func(*recording.Recording) error { return nil })
			check(t, err)
		}, true, func(v importer.Verdict) int64 { return v.Deleted }, ""},
		{"missing", func(_ *testing.T, _ place, s *source) {
			s.pages = append(s.pages, []importer.Item{kazoos("c", begun)})
		}, false, func(v importer.Verdict) int64 { return v.Missing }, "missing"},
		{
			"another value", edit(func(r *recording.Recording) { r.Document = with(r.Document, "from", `"y"`) }),
			false, func(v importer.Verdict) int64 { return v.Different }, "from",
		},
		{
			"a field that is gone", edit(func(r *recording.Recording) { r.Document = with(r.Document, "from", `null`) }),
			false, func(v importer.Verdict) int64 { return v.Different }, "from",
		},
		{
			"a field more", edit(func(r *recording.Recording) { r.Document = with(r.Document, "to", `"y"`) }),
			false, func(v importer.Verdict) int64 { return v.Different }, "to",
		},
		{"tagged by a user", edit(func(r *recording.Recording) {
			r.Document, r.Modified = with(r.Document, "user_metadata", `{"a":1}`), begun+99
		}), true, func(v importer.Verdict) int64 { return v.Same - 1 }, ""},
		{"other audio", func(t *testing.T, p place, _ *source) {
			other := slices.Clone(mp3)
			other[len(other)-1]++
			check(t, p.bucket.Put(t.Context(), key, "audio/mpeg", bytes.NewReader(other), int64(len(other))))
		}, false, func(v importer.Verdict) int64 { return v.Damaged }, "another"},
		{
			"no audio", func(t *testing.T, p place, _ *source) { check(t, p.bucket.Remove(t.Context(), key)) },
			false, func(v importer.Verdict) int64 { return v.Damaged }, "missing",
		},
		{"audio that the source does not have any more", func(t *testing.T, p place, s *source) {
			s.pages = []any{[]importer.Item{kazoos("d", begun)}}
			s.sounds["202610-d"] = importer.ErrGone
			check(t, importer.Run(t.Context(), s, p.target(), options()))
		}, true, func(v importer.Verdict) int64 { return v.Same }, ""},
		{"here only", func(t *testing.T, p place, _ *source) {
			check(t, p.store.Put(t.Context(), &recording.Recording{Account: account, ID: "202610-x", Created: begun, Document: "{}"}))
		}, true, func(v importer.Verdict) int64 { return v.More }, ""},
		{"a list that cannot be read", func(_ *testing.T, _ place, s *source) {
			s.pages = append(s.pages, errors.New("503"))
		}, false, func(v importer.Verdict) int64 { return v.Lists }, "503"},
		{"audio of the source has changed", func(_ *testing.T, _ place, s *source) {
			s.sounds["202610-a"] = append(bytes.Clone(mp3), 0)
		}, false, func(v importer.Verdict) int64 { return v.Damaged }, "another"},
		{"audio that cannot be taken", func(_ *testing.T, _ place, s *source) {
			bad := kazoos("bad", begun)
			bad.Fault = importer.ErrRefused
			s.pages = append(s.pages, []importer.Item{bad})
		}, true, func(v importer.Verdict) int64 { return v.Untaken }, "cannot be taken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			s := &source{
				pages:  []any{[]importer.Item{kazoos("a", begun), kazoos("b", begun)}},
				sounds: map[string]any{"202610-a": mp3, "202610-b": mp3},
			}
			check(t, importer.Run(t.Context(), s, p.target(), options()))
			c.change(t, p, s)
			var named results
			o := importer.VerifyOptions{Options: options(), Audio: true}
			o.Named = named.add
			v, err := importer.Verify(t.Context(), s, p.target(), o)
			if err != nil || v.Good() != c.good || c.want(v) != 1 {
				t.Errorf("Verify = %+v, %v", v, err)
			}
			if c.text != "" && (len(named.all) != 1 || !strings.Contains(named.all[0].Reason, c.text)) {
				t.Errorf("named %+v, want %q", named.all, c.text)
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

// A dry run counts what a run would do, and does nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	p, mp3 := newPlace(t), demo(t, "03-wrong-number.mp3")
	first := &source{pages: []any{[]importer.Item{kazoos("a", begun)}}, sounds: map[string]any{"202610-a": mp3}}
	check(t, importer.Run(t.Context(), first, p.target(), options()))
	file := importer.Item{
		Name: "f.mp3", Account: account, Stem: "f", Started: begun, Document: "{}",
		Audio: recording.Audio{Place: recording.Managed, Size: 1000},
	}
	silent, bad := kazoos("silent", begun), kazoos("bad", begun)
	silent.Audio, bad.Fault = recording.Audio{}, importer.ErrRefused
	s := &source{
		pages:  []any{[]importer.Item{kazoos("a", begun), kazoos("b", begun), file, silent, bad}},
		sounds: map[string]any{"202610-b": mp3},
	}
	o := options()
	check(t, importer.DryRun(t.Context(), s, p.target(), o))
	c := o.Tally.Count()
	if c.Copied != 3 || c.Known != 1 || c.Refused != 1 || c.Silent != 1 || c.ToCopy.Sounds != 2 {
		t.Errorf("%+v", c)
	}
	if got, want := c.ToCopy.Total(), int64(len(mp3)+1000); got != want {
		t.Errorf("about %d bytes, want %d", got, want)
	}
	if len(s.opened) != 0 || len(p.keys(t)) != 1 {
		t.Errorf("opened %v, %d objects", s.opened, len(p.keys(t)))
	}
}

// The name of a file stands for its recording for good, whatever is told of it
// later.
func TestRunStems(t *testing.T) {
	t.Parallel()
	p, wav := newPlace(t), demo(t, "10-reminder.wav")
	file := importer.Item{
		Name: "2026/f.wav", Account: account, Stem: "2026/f", Started: begun, Document: `{"from":"1001@x"}`,
		Audio: recording.Audio{Place: recording.Managed, Size: int64(len(wav))},
	}
	s := &source{pages: []any{[]importer.Item{file}}, sounds: map[string]any{"2026/f.wav": wav}}
	id := recording.StemID(account, "2026/f", begun)
	for _, started := range []recording.Seconds{begun, begun - 90*24*3600} {
		file.Started = started
		s.pages = []any{[]importer.Item{file}}
		o := options()
		check(t, importer.Run(t.Context(), s, p.target(), o))
		if c := o.Tally.Count(); c.Done() != 1 || (c.Copied == 1) != (started == begun) {
			t.Errorf("%+v", c)
		}
	}
	r := p.get(t, id)
	ms, _ := r.Document.Int("duration_ms")
	from, _ := r.Document.Text("from")
	call, _ := r.Document.Text("call_id")
	if ms == 0 || from != "1001@x" || call != id || r.Created != recording.SecondsOf(now) {
		t.Errorf("%+v", r)
	}
	v, err := importer.Verify(t.Context(), s, p.target(), importer.VerifyOptions{Options: options(), Audio: true})
	if err != nil || !v.Good() || v.Same != 1 {
		t.Errorf("Verify = %+v, %v", v, err)
	}
}

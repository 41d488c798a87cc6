package importer_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// urls maps a url in a document, as JSON, to whether an import keeps it.
var urls = map[string]bool{
	`"https://example.com/call.mp3?x=1"`:     true,
	`"HTTP://example.com"`:                   true,
	`""`:                                     true,
	`"javascript:alert(1)"`:                  false,
	`" javascript:alert(1)"`:                 false,
	`"java\\nscript:alert(1)"`:               false,
	`"JaVaScRiPt:alert(1)"`:                  false,
	`"data:text/html,<script>"`:              false,
	`"file:///etc/passwd"`:                   false,
	`"ftp://example.com/call.mp3"`:           false,
	`"https://user:secret@example.com/x"`:    false,
	`"https://user@example.com/x"`:           false,
	`"//example.com/call.mp3"`:               false,
	`"call.mp3"`:                             false,
	`["javascript:alert(1)"]`:                false,
	`{"a":"https://example.com"}`:            false,
	`7`:                                      false,
	`"https:\u002f\u002fuser:x@example.com"`: false,
}

// An unsafe url is removed from an exact document, and the report names the recording.
// Every other byte stays, and a comparison afterwards finds no difference.
func TestRunRemovesUnsafeURLs(t *testing.T) {
	t.Parallel()
	p, mp3, n := newFixture(t), demo(t, "03-wrong-number.mp3"), 0
	for raw, kept := range urls {
		for _, place := range []recording.Place{recording.Nowhere, recording.Managed, recording.External} {
			n++
			it := kazooItem(strconv.Itoa(n), started)
			before := it.Document
			it.Document = recording.Document(strings.TrimSuffix(string(before), "}") + `,"url":` + raw + `,"x":1.50}`)
			it.Audio.Place = place
			s := &source{pages: []any{[]importer.Item{it}}, audio: map[string]any{it.Name: mp3}}
			var reported results
			o := options()
			o.Report = reported.add
			check(t, importer.Run(t.Context(), s, p.target(), o))
			r := p.get(t, it.ID)
			want := it.Document
			if !kept {
				want = recording.Document(strings.TrimSuffix(string(before), "}") + `,"x":1.50}`)
			}
			named := slices.ContainsFunc(reported.all, func(r importer.Result) bool {
				return r.ID == it.ID && r.Outcome == importer.Copied && strings.Contains(r.Reason, "its url was removed")
			})
			if r.Document != want || named == kept {
				t.Errorf("url %s: stored %s, reported %+v; want %s, named: %v", raw, r.Document, reported.all, want, !kept)
			}
			if strings.Contains(string(mustJSON(t, reported.all)), "secret") {
				t.Errorf("url %s: the report quotes it: %+v", raw, reported.all)
			}
			if !kept && place == recording.External && r.Audio.Place != recording.Nowhere || (kept || place != recording.External) && r.Audio.Place != place {
				t.Errorf("url %s: the audio is %+v, in the source %q", raw, r.Audio, place)
			}
			again := options()
			check(t, importer.Run(t.Context(), s, p.target(), again))
			if c := again.Tally.Count(); c.Known != 1 {
				t.Errorf("url %s: a second run counts %+v, want it already there", raw, c)
			}
			v, err := importer.Verify(t.Context(), s, p.target(), importer.VerifyOptions{Options: options()})
			check(t, err)
			if v.Same != 1 || !v.Good() {
				t.Errorf("url %s: Verify = %+v, want the same", raw, v)
			}
		}
	}
}

// An unsafe url that an earlier version has copied differs, until the next run removes
// it.
func TestRunRemovesAnUnsafeURLFromAnExistingRecording(t *testing.T) {
	t.Parallel()
	for _, place := range []recording.Place{recording.Managed, recording.External} {
		p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
		it := kazooItem("a", started)
		it.Document = `{"url":"javascript:alert(1)","start":5,"x":1.50}`
		it.Audio.Place = place
		s := &source{pages: []any{[]importer.Item{it}}, audio: map[string]any{it.Name: mp3}}
		check(t, importer.Run(t.Context(), s, p.target(), options()))
		_, err := p.store.Update(t.Context(), account, it.ID, func(r *recording.Recording) error {
			r.Document = it.Document
			if place == recording.External {
				r.Audio = recording.Audio{Place: place}
			}
			return nil
		})
		check(t, err)
		v, err := importer.Verify(t.Context(), s, p.target(), importer.VerifyOptions{Options: options()})
		check(t, err)
		if v.Different != 1 {
			t.Errorf("%s: Verify = %+v, want it different", place, v)
		}
		var reported results
		o := options()
		o.Report = reported.add
		check(t, importer.Run(t.Context(), s, p.target(), o))
		r := p.get(t, it.ID)
		if c := o.Tally.Count(); c.Updated != 1 || r.Document != `{"start":5,"x":1.50}` || r.Audio.Place == recording.External {
			t.Errorf("%s: %+v, stored %+v, want the url removed", place, c, r)
		}
		if len(reported.all) != 1 || !strings.Contains(reported.all[0].Reason, "its url was removed") {
			t.Errorf("%s: reported %+v, want the removed url", place, reported.all)
		}
		v, err = importer.Verify(t.Context(), s, p.target(), importer.VerifyOptions{Options: options()})
		check(t, err)
		if v.Same != 1 || !v.Good() {
			t.Errorf("%s: Verify = %+v, want the same", place, v)
		}
	}
}

// A document with a number beyond a double is refused, at any depth.
func TestRunRefusesNumbersBeyondADouble(t *testing.T) {
	t.Parallel()
	for document, refused := range map[recording.Document]bool{
		`{"x":1e400}`:                          true,
		`{"user_metadata":{"a":[1,-1e999]}}`:   true,
		`{"x":1e308,"y":1.50,"z":"1e400"}`:     false,
		`{"x":123456789012345678901234567890}`: false,
	} {
		p := newFixture(t)
		it := kazooItem("a", started)
		it.Document, it.Audio = document, recording.Audio{}
		s := &source{pages: []any{[]importer.Item{it}}}
		var reported results
		o := options()
		o.Report = reported.add
		check(t, importer.DryRun(t.Context(), s, p.target(), o))
		check(t, importer.Run(t.Context(), s, p.target(), o))
		c := o.Tally.Count()
		if refused && (c.Refused != 2 || !strings.Contains(reported.all[0].Reason, "number that is too large for a double")) || !refused && c.Copied != 2 {
			t.Errorf("%s: %+v, reported %+v; want it refused: %v", document, c, reported.all, refused)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	check(t, err)
	return text
}

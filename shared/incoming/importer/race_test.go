package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// Another request creates or deletes the recording while its audio is fetched.
func TestRunConflict(t *testing.T) {
	t.Parallel()
	mp3 := demo(t, "03-wrong-number.mp3")
	other := recording.Recording{Account: account, ID: "202610-a", Created: started, Modified: started, Document: "{}"}
	for _, c := range []struct {
		name    string
		during  func(t *testing.T, p fixture)
		want    importer.Outcome
		objects int
	}{
		{"imported", func(t *testing.T, p fixture) {
			r := other
			r.Audio = recording.Audio{Place: recording.Managed, Key: recording.ImportedKey(account, r.ID), ContentType: "audio/mpeg", Size: int64(len(mp3))}
			check(t, p.store.Put(t.Context(), &r))
		}, importer.Known, 1},
		{"created by a recorder, pending", func(t *testing.T, p fixture) {
			r := other
			check(t, p.store.Put(t.Context(), &r))
		}, importer.Copied, 1},
		{"created by a recorder, with audio", func(t *testing.T, p fixture) {
			r := other
			r.Audio = recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 1}
			check(t, p.store.Put(t.Context(), &r))
		}, importer.Known, 0},
		{"created and deleted", func(t *testing.T, p fixture) {
			r := other
			check(t, p.store.Put(t.Context(), &r))
			_, err := p.store.Delete(t.Context(), account, r.ID, store.Deletion{})
			check(t, err)
		}, importer.Deleted, 0},
		{"imported, and deleted so that it can be restored", func(t *testing.T, p fixture) {
			r := other // its audio has the key that this run uses
			r.Audio = recording.Audio{Place: recording.Managed, Key: recording.ImportedKey(account, r.ID), ContentType: "audio/mpeg", Size: int64(len(mp3))}
			check(t, p.store.Put(t.Context(), &r))
			_, err := p.store.Delete(t.Context(), account, r.ID, store.Deletion{Until: started + 1000})
			check(t, err)
		}, importer.Deleted, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t)
			s := &source{
				pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3},
				during: func(*importer.Item) { c.during(t, p) },
			}
			o := options()
			check(t, importer.Run(t.Context(), s, p.target(), o))
			if outcomes(o.Tally.Count())[c.want] != 1 || len(p.keys(t)) != c.objects {
				t.Errorf("%+v with the objects %v, want %s and %d objects", o.Tally.Count(), p.keys(t), c.want, c.objects)
			}
		})
	}
}

// stopping is a target that ends the run at a given call, as a kill would.
type stopping struct {
	importer.Store
	faults *faultstore.Store
	at     int
	kill   context.CancelFunc
}

func (s stopping) maybeKill() {
	if s.faults.Calls() >= s.at {
		s.kill()
	}
}

func (s stopping) Put(ctx context.Context, r *recording.Recording) error {
	err := s.faults.Put(ctx, r)
	s.maybeKill()
	return err
}

func (s stopping) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	found, err := s.faults.Find(ctx, account, ids)
	s.maybeKill()
	return found, err
}

// Regardless of how often a run is interrupted, the last run leaves the same result
// as one uninterrupted run.
func TestRunResumes(t *testing.T) {
	t.Parallel()
	p, mp3, wav := newFixture(t), demo(t, "03-wrong-number.mp3"), demo(t, "10-reminder.wav")
	s := &source{audio: map[string]any{}}
	var want []string
	for i := range 5 {
		var page []importer.Item
		for j := range 4 {
			it := kazooItem(fmt.Sprintf("r%d%d", i, j), started)
			s.audio[it.Name] = append(bytes.Clone([2][]byte{mp3, wav}[j%2]), byte(i), byte(j))
			want = append(want, recording.ImportedKey(account, it.ID))
			page = append(page, it)
		}
		s.pages = append(s.pages, page)
	}
	kills := 0
	for n := 1; ; n++ {
		ctx, kill := context.WithCancel(t.Context())
		faults := faultstore.New(p.store)
		o := options()
		err := importer.Run(ctx, s, importer.Target{Store: stopping{p.store, faults, n, kill}, Audio: p.bucket}, o)
		kill()
		if err == nil {
			break
		}
		kills++
	}
	if kills < 3 {
		t.Errorf("ended only %d times", kills)
	}
	if diff := cmp.Diff(want, p.keys(t)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	for _, page := range s.pages {
		for _, it := range page.([]importer.Item) {
			r := p.get(t, it.ID)
			if data, _ := s.audio[it.Name].([]byte); r.Document != it.Document || !bytes.Equal(p.play(t, r), data) {
				t.Errorf("%s differs from the source", it.ID)
			}
		}
	}
	total := 0
	for _, n := range s.opened {
		total += n
	}
	if most := len(want) + kills*options().Concurrency; total > most {
		t.Errorf("audio was opened %d times, want at most %d", total, most)
	}
}

// A failed store call only delays the run, whether the call took effect or not.
func TestRunWaitsForTheStore(t *testing.T) {
	t.Parallel()
	mp3 := demo(t, "03-wrong-number.mp3")
	for n := 1; n <= 4; n++ {
		for _, when := range []faultstore.When{faultstore.Before, faultstore.After} {
			p := newFixture(t)
			s := &source{
				pages: []any{[]importer.Item{kazooItem("a", started)}, []importer.Item{kazooItem("b", started)}},
				audio: map[string]any{"202610-a": mp3, "202610-b": mp3},
			}
			o := options()
			o.Concurrency = 1
			faults := faultstore.New(p.store, faultstore.Fault{Call: n, When: when, Err: store.ErrUnavailable})
			if err := importer.Run(t.Context(), s, importer.Target{Store: faults, Audio: p.bucket}, o); err != nil {
				t.Fatal(err)
			}
			c := o.Tally.Count()
			if c.Copied+c.Known != 2 || c.Waits != 1 || !c.Complete() || len(p.keys(t)) != 2 {
				t.Errorf("call %d, after %v: %+v, objects %v, want both copied after one wait", n, when, c, p.keys(t))
			}
		}
	}
}

// If the store refuses the document of a run, the run does not remove its audio, because another
// run may have stored its own under the same key.
func TestRunLeavesTheAudioOfARefusedDocument(t *testing.T) {
	t.Parallel()
	mp3 := demo(t, "03-wrong-number.mp3")
	for _, c := range []struct {
		name  string
		fault faultstore.Fault
		other bool // another run stores the recording first
		want  importer.Outcome
	}{
		{"too large", faultstore.Fault{Err: store.ErrTooLarge}, true, importer.Refused},
		{"too large, and the other run is about to store it", faultstore.Fault{Err: store.ErrTooLarge}, false, importer.Refused},
		{"another error", faultstore.Fault{Err: errors.New("no permission")}, true, importer.Failed},
		{"another error, although it is stored", faultstore.Fault{Err: errors.New("broken answer"), When: faultstore.After}, false, importer.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t)
			stored := func() {
				s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3}}
				check(t, importer.Run(t.Context(), s, p.target(), options()))
			}
			s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3}}
			if c.other {
				s.during = func(*importer.Item) { stored() }
			}
			o, put := options(), 2
			c.fault.Call = put
			check(t, importer.Run(t.Context(), s, importer.Target{Store: faultstore.New(p.store, c.fault), Audio: p.bucket}, o))
			if outcomes(o.Tally.Count())[c.want] != 1 {
				t.Errorf("%+v, want one %s", o.Tally.Count(), c.want)
			}
			if keys := p.keys(t); len(keys) != 1 {
				t.Errorf("objects %v, want the audio left alone", keys)
			}
			stored()
			if got := p.play(t, p.get(t, "202610-a")); !bytes.Equal(got, mp3) {
				t.Errorf("the recording plays %d bytes, want its audio", len(got))
			}
		})
	}
}

// Two concurrent runs do not interfere with each other.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	s := &source{audio: map[string]any{}}
	for i := range 6 {
		var page []importer.Item
		for j := range 5 {
			it := kazooItem(fmt.Sprintf("r%d%d", i, j), started)
			s.audio[it.Name] = append(bytes.Clone(mp3), byte(i), byte(j))
			page = append(page, it)
		}
		s.pages = append(s.pages, page)
	}
	counts := make([]importer.Count, 2)
	var both sync.WaitGroup
	for i := range counts {
		both.Go(func() {
			o := options()
			check(t, importer.Run(t.Context(), s, p.target(), o))
			counts[i] = o.Tally.Count()
		})
	}
	both.Wait()
	if a, b := counts[0], counts[1]; a.Copied+b.Copied != 30 || a.Known+b.Known != 30 || !a.Complete() || !b.Complete() {
		t.Errorf("counts %+v and %+v, want 30 copied, 30 known, and both complete", a, b)
	}
	if n := len(p.keys(t)); n != 30 {
		t.Errorf("%d objects, want 30", n)
	}
	v, err := importer.Verify(t.Context(), s, p.target(), importer.VerifyOptions{Options: options(), Audio: true})
	if err != nil || v.Same != 30 || v.More != 0 {
		t.Errorf("Verify = %+v, %v", v, err)
	}
}

// A file with audio that cannot be read creates no recording, since a file has nothing else.
func TestRunFilesWithoutAudio(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want importer.Outcome
	}{
		{fmt.Errorf("%w: it was renamed", importer.ErrGone), importer.Failed},
		{errors.New("it is being changed"), importer.Failed},
		{fmt.Errorf("%w: a link", importer.ErrRefused), importer.Refused},
	} {
		p := newFixture(t)
		file := importer.Item{
			Name: "f.wav", Account: account, Stem: "f", Started: started, Document: `{}`, Audio: recording.Audio{Place: recording.Managed},
		}
		s := &source{pages: []any{[]importer.Item{file}}, audio: map[string]any{"f.wav": c.err}}
		o := options()
		check(t, importer.Run(t.Context(), s, p.target(), o))
		_, err := p.store.Get(t.Context(), account, recording.StemID(account, "f", started))
		if outcomes(o.Tally.Count())[c.want] != 1 || !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after %v: %+v, and Get = %v", c.err, o.Tally.Count(), err)
		}
	}
}

// If the store stays unavailable through all retries, the item fails, and the next
// run copies it.
func TestRunStoreUnavailable(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3}}
	var faults []faultstore.Fault
	for n := 2; n < 20; n++ {
		faults = append(faults, faultstore.Fault{Call: n, Err: store.ErrUnavailable})
	}
	o := options()
	check(t, importer.Run(t.Context(), s, importer.Target{Store: faultstore.New(p.store, faults...), Audio: p.bucket}, o))
	if c := o.Tally.Count(); c.Failed != 1 || c.Complete() {
		t.Errorf("%+v, want one failure", c)
	}
	o = options()
	check(t, importer.Run(t.Context(), s, p.target(), o))
	if c := o.Tally.Count(); c.Copied != 1 || !c.Complete() || !bytes.Equal(p.play(t, p.get(t, "202610-a")), mp3) {
		t.Errorf("after the next run: %+v, want the audio copied", c)
	}
}

// Of two files with the same ID, the first is copied and the second reported, in
// the first run and in the next one.
func TestRunSameID(t *testing.T) {
	t.Parallel()
	p, mp3, wav := newFixture(t), demo(t, "03-wrong-number.mp3"), demo(t, "10-reminder.wav")
	a := importer.Item{
		Name: "a.mp3", Account: account, ID: "202610-x", Started: started, Document: `{}`, Audio: recording.Audio{Place: recording.Managed},
	}
	b := a
	b.Name = "b.wav"
	s := &source{pages: []any{[]importer.Item{a, b, a}}, audio: map[string]any{"a.mp3": mp3, "b.wav": wav}}
	for i := range 2 {
		o := options()
		o.Concurrency = 1
		check(t, importer.Run(t.Context(), s, p.target(), o))
		c := o.Tally.Count()
		if c.Refused != 1 || c.Copied+c.Known != 2 || c.Copied != int64(1-i) {
			t.Errorf("run %d: %+v, want one refused item", i, c)
		}
		if !bytes.Equal(p.play(t, p.get(t, "202610-x")), mp3) {
			t.Errorf("run %d: the audio is not that of the first file", i)
		}
	}
}

// A PBX that saves the document first may report external audio, or none, until it
// has the audio.
func TestRunAudioThatComesLater(t *testing.T) {
	t.Parallel()
	for _, at := range []recording.Audio{{}, {Place: recording.External, ContentType: "audio/mpeg"}} {
		p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
		it := kazooItem("a", started)
		it.Audio = at
		s := &source{pages: []any{[]importer.Item{it}}, audio: map[string]any{"202610-a": mp3}}
		check(t, importer.Run(t.Context(), s, p.target(), options()))
		s.pages = []any{[]importer.Item{kazooItem("a", started)}}
		o := options()
		check(t, importer.DryRun(t.Context(), s, p.target(), o))
		if c := o.Tally.Count(); c.Copied != 1 {
			t.Errorf("dry run for %+v: %+v, want one recording to copy", at, c)
		}
		o = options()
		check(t, importer.Run(t.Context(), s, p.target(), o))
		if c := o.Tally.Count(); c.Copied != 1 || !bytes.Equal(p.play(t, p.get(t, "202610-a")), mp3) {
			t.Errorf("run for %+v: %+v, want the audio copied", at, c)
		}
	}
}

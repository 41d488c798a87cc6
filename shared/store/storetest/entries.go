package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// entries are the cases for entries, except for pages.
var entries = []testCase{
	{"an entry is written, read, replaced and removed", func(s *suite) {
		later := recording.SecondsOf(time.Now().Add(time.Hour))
		e := s.entry("k/1", `{"name":"PBX \"1\" ü"}`)
		e.Expires = later
		s.writeEntries(store.EntryWrite{Entry: e})
		first := s.wantEntry(e)
		e.Value, e.Expires = []byte(`[]`), 0
		s.writeEntries(store.EntryWrite{Entry: e})
		if second := s.wantEntry(e); first == "" || second == first {
			s.Errorf("the revision is %q, then %q, want two different ones", first, second)
		}
		s.writeEntries(store.EntryWrite{Entry: e, Delete: true})
		s.wantNoEntry(e.EntryKey)
		s.writeEntries(store.EntryWrite{Entry: e, Delete: true}) // removing nothing succeeds
	}},
	{"entries are read in the order of the keys asked for", func(s *suite) {
		a, b, c := s.entry("a", "1"), s.entry("b", "2"), s.entry("c", "3")
		c.Partition += "/other"
		s.writeEntries(store.EntryWrite{Entry: a}, store.EntryWrite{Entry: b}, store.EntryWrite{Entry: c})
		missing := s.entry("missing", "").EntryKey
		got := s.readEntries(c.EntryKey, missing, a.EntryKey, b.EntryKey, a.EntryKey)
		if want := "3 1 2 1"; values(got) != want {
			s.Errorf("Entries = %s, want %s", values(got), want)
		}
		if got := s.readEntries(); len(got) != 0 {
			s.Errorf("Entries without a key = %v", got)
		}
		if got := s.readEntries(missing, s.entry("none", "").EntryKey); len(got) != 0 {
			s.Errorf("Entries of two unknown keys = %v", got)
		}
	}},
	{"conditions of a single entry", func(s *suite) { s.wantConditions() }},
	{"conditions of an entry in a transaction", func(s *suite) {
		i := 0
		s.wantConditions(func() store.EntryWrite {
			i++
			return store.EntryWrite{Entry: s.entry(fmt.Sprint("with", i), "{}")}
		})
	}},
	{"all writes apply or none", func(s *suite) {
		a, b, c := s.entry("a", "1"), s.entry("b", "1"), s.entry("c", "1")
		s.writeEntries(store.EntryWrite{Entry: a}, store.EntryWrite{Entry: b})
		a.Value, b.Value = []byte("2"), []byte("2")
		b.Revision = "another"
		s.wantErr("WriteEntries with an unmet condition", s.store.WriteEntries(s.Context(),
			store.EntryWrite{Entry: a}, store.EntryWrite{Entry: c, If: store.IfAbsent},
			store.EntryWrite{Entry: b, If: store.IfUnchanged, Delete: true}), store.ErrConflict)
		if got := s.readEntries(a.EntryKey, b.EntryKey, c.EntryKey); values(got) != "1 1" {
			s.Errorf("the entries are %s, want 1 1", values(got))
		}
		s.wantErr("WriteEntries with an unmet check", s.store.WriteEntries(s.Context(),
			store.EntryWrite{Entry: a}, store.EntryWrite{Entry: b, If: store.IfAbsent, CheckOnly: true}), store.ErrConflict)
		if got := s.readEntries(a.EntryKey, b.EntryKey); values(got) != "1 1" {
			s.Errorf("the entries are %s, want 1 1", values(got))
		}
	}},
	{"a check writes nothing", func(s *suite) {
		a, b := s.entry("a", "1"), s.entry("b", "1")
		s.writeEntries(store.EntryWrite{Entry: a})
		a.Revision = s.wantEntry(a)
		changed := a
		changed.Value = []byte("2")
		for _, condition := range []store.Condition{store.Always, store.IfUnchanged} {
			s.writeEntries(store.EntryWrite{Entry: changed, If: condition, CheckOnly: true})
			s.writeEntries(store.EntryWrite{Entry: changed, If: condition, CheckOnly: true}, store.EntryWrite{Entry: b})
		}
		if got := s.wantEntry(a); got != a.Revision {
			s.Errorf("a check changed the revision from %q to %q", a.Revision, got)
		}
	}},
	{"an expired entry counts as absent", func(s *suite) {
		e, live := s.entry("a", "1"), s.entry("b", "1")
		e.Expires = recording.SecondsOf(time.Now().Add(-time.Minute))
		s.writeEntries(store.EntryWrite{Entry: e, If: store.IfAbsent}, store.EntryWrite{Entry: live})
		s.wantNoEntry(e.EntryKey)
		if got := s.readEntries(e.EntryKey, live.EntryKey); len(got) != 1 || got[0].Key != "b" {
			s.Errorf("Entries = %+v, want only the one that lasts", got)
		}
		e.Value, e.Expires = []byte("2"), recording.SecondsOf(time.Now().Add(time.Hour))
		s.writeEntries(store.EntryWrite{Entry: e, If: store.IfAbsent})
		revision := s.wantEntry(e)
		e.Revision, e.Expires = revision, recording.SecondsOf(time.Now().Add(-time.Minute))
		s.writeEntries(store.EntryWrite{Entry: e, If: store.IfUnchanged})
		s.wantErr("WriteEntries of an expired entry", s.store.WriteEntries(s.Context(),
			store.EntryWrite{Entry: e, If: store.IfUnchanged}), store.ErrConflict)
	}},
	{"entries are separate from recordings", func(s *suite) {
		e := s.entry("202601-b", `{}`)
		e.Partition = s.account
		s.writeEntries(store.EntryWrite{Entry: e})
		_, err := s.store.Get(s.Context(), s.account, "202601-b")
		s.wantErr("Get", err, store.ErrNotFound)
		s.put(s.rec("b", 0, ""), s.rec("c", 0, ""))
		s.wantList(store.Query{}, "c", "b")
		s.wantEntry(e)
		s.wantNoEntry(store.EntryKey{Partition: s.account, Key: "202601-c"})
		s.wantSecrets(s.account)
	}},
	{"limits of entries", func(s *suite) {
		large := s.entry(strings.Repeat("k", store.MaxEntryKey), strings.Repeat("v", store.MaxEntry))
		large.Partition = (large.Partition + strings.Repeat("p", store.MaxEntryKey))[:store.MaxEntryKey]
		s.writeEntries(store.EntryWrite{Entry: large, If: store.IfAbsent})
		if got := s.readEntries(large.EntryKey); len(got) != 1 || !bytes.Equal(got[0].Value, large.Value) {
			s.Error("the largest entry was changed")
		}
		for name, grow := range map[string]func(*store.Entry){
			"value":     func(e *store.Entry) { e.Value = append(slices.Clone(e.Value), 'v') },
			"key":       func(e *store.Entry) { e.Key += "k" },
			"partition": func(e *store.Entry) { e.Partition += "p" },
		} {
			larger := large
			grow(&larger)
			s.wantErr("WriteEntries with a larger "+name, s.store.WriteEntries(s.Context(), store.EntryWrite{Entry: larger}), store.ErrTooLarge)
		}
		var many, heavy []store.EntryWrite
		var keys []store.EntryKey
		for i := range store.MaxEntries + 1 {
			many = append(many, store.EntryWrite{Entry: s.entry(fmt.Sprintf("many%03d", i), "1")})
			keys = append(keys, many[i].EntryKey)
		}
		for i := range store.MaxWrite/store.MaxEntry + 1 {
			heavy = append(heavy, store.EntryWrite{Entry: s.entry(fmt.Sprintf("heavy%d", i), strings.Repeat("v", store.MaxEntry))})
		}
		s.wantErr("WriteEntries of too many", s.store.WriteEntries(s.Context(), many...), store.ErrTooLarge)
		s.wantErr("WriteEntries of too much", s.store.WriteEntries(s.Context(), heavy...), store.ErrTooLarge)
		s.writeEntries(many[:store.MaxEntries]...)
		s.writeEntries(heavy[:len(heavy)-1]...)
		s.writeEntries()
		if got := s.readEntries(keys[:store.MaxEntries]...); len(got) != store.MaxEntries || got[99].Key != "many099" {
			s.Errorf("%d entries, want %d in order", len(got), store.MaxEntries)
		}
	}},
	{"clients that change entries at the same time lose nothing", func(s *suite) {
		const clients, changes = 4, 5
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for done := 0; done < changes; {
					switch err := s.increment(); {
					case err == nil:
						done++
					case !errors.Is(err, store.ErrConflict):
						s.Errorf("WriteEntries = %v", err)
						return
					}
				}
			})
		}
		wg.Wait()
		if a, b := s.counters(); a != clients*changes || b != a {
			s.Errorf("the counters are %d and %d, want %d", a, b, clients*changes)
		}
	}},
}

// wantConditions checks each condition on an entry that exists and on one that does not.
// Each write is accompanied by those that the functions return.
func (s *suite) wantConditions(with ...func() store.EntryWrite) {
	s.Helper()
	write := func(w store.EntryWrite) error {
		writes := []store.EntryWrite{w}
		for _, f := range with {
			writes = append(writes, f())
		}
		return s.store.WriteEntries(s.Context(), writes...)
	}
	for i, c := range []struct {
		exists    bool
		condition store.Condition
		revision  string // "" is the current one
		fails     bool
	}{
		{false, store.Always, "", false},
		{false, store.IfAbsent, "", false},
		{false, store.IfUnchanged, "another", true},
		{false, store.IfUnchanged, "", true},
		{true, store.Always, "", false},
		{true, store.IfAbsent, "", true},
		{true, store.IfUnchanged, "", false},
		{true, store.IfUnchanged, "another", true},
	} {
		for kind, w := range map[string]store.EntryWrite{"store": {}, "delete": {Delete: true}, "check": {CheckOnly: true}} {
			w.Entry, w.If = s.entry(fmt.Sprint(kind, i), "1"), c.condition
			if c.exists {
				s.writeEntries(store.EntryWrite{Entry: w.Entry})
				w.Revision = s.wantEntry(w.Entry)
			}
			if c.revision != "" {
				w.Revision = c.revision
			}
			w.Value = []byte("2")
			err := write(w)
			if c.fails != errors.Is(err, store.ErrConflict) || !c.fails && err != nil {
				s.Errorf("case %d, %s: WriteEntries = %v, want a conflict: %v", i, kind, err, c.fails)
			}
			want := "1"
			if !c.fails && kind == "store" {
				want = "2"
			} else if !c.exists || !c.fails && kind == "delete" {
				want = ""
			}
			if got := values(s.readEntries(w.EntryKey)); got != want {
				s.Errorf("case %d, %s: the entry is %q, want %q", i, kind, got, want)
			}
		}
	}
}

// increment adds 1 to two entries of the suite, each of which counts from nothing.
func (s *suite) increment() error {
	var writes []store.EntryWrite
	for _, key := range []string{"count/a", "count/b"} {
		w := store.EntryWrite{Entry: s.entry(key, "1"), If: store.IfAbsent}
		found, err := s.store.Entries(s.Context(), w.EntryKey)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			var n int
			if err := json.Unmarshal(found[0].Value, &n); err != nil {
				return err
			}
			w.If, w.Revision, w.Value = store.IfUnchanged, found[0].Revision, fmt.Append(nil, n+1)
		}
		writes = append(writes, w)
	}
	return s.store.WriteEntries(s.Context(), writes...)
}

// counters returns the counts of increment.
func (s *suite) counters() (a, b int) {
	s.Helper()
	for key, n := range map[string]*int{"count/a": &a, "count/b": &b} {
		s.patiently("Entries", func() error {
			found, err := s.store.Entries(s.Context(), s.entry(key, "").EntryKey)
			if err != nil || len(found) == 0 {
				return err
			}
			return json.Unmarshal(found[0].Value, n)
		})
	}
	return a, b
}

// lossyEntries lets clients count in two entries over a network that loses answers. A
// count that succeeded is in both entries, one that failed is in both or in neither.
func (s *suite) lossyEntries() {
	const clients, changes = 3, 5
	s = s.inNewAccount(s.reporter)
	var mu sync.Mutex
	done, unknown := 0, 0
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range changes {
				err := s.increment()
				mu.Lock()
				switch {
				case err == nil:
					done++
				case errors.Is(err, store.ErrUnavailable):
					unknown++
				case !errors.Is(err, store.ErrConflict):
					s.Errorf("WriteEntries = %v, want success, %v or %v", err, store.ErrUnavailable, store.ErrConflict)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if a, b := s.counters(); a < done || a > done+unknown || b != a {
		s.Errorf("the counters are %d and %d after %d changes and %d of unknown outcome", a, b, done, unknown)
	}
}

// entry returns an entry of the suite's account that is not stored yet.
func (s *suite) entry(key, value string) store.Entry {
	return store.Entry{EntryKey: store.EntryKey{Partition: "test/" + s.account, Key: key}, Value: []byte(value)}
}

// writeEntries writes entries, which must succeed.
func (s *suite) writeEntries(writes ...store.EntryWrite) {
	s.Helper()
	if err := s.store.WriteEntries(s.Context(), writes...); err != nil {
		s.Fatalf("WriteEntries: %v", err)
	}
}

// readEntries reads entries by their keys.
func (s *suite) readEntries(keys ...store.EntryKey) []store.Entry {
	s.Helper()
	got, err := s.store.Entries(s.Context(), keys...)
	if err != nil {
		s.Fatalf("Entries: %v", err)
	}
	return got
}

// wantEntry fails the case unless want is stored, and returns its revision.
func (s *suite) wantEntry(want store.Entry) string {
	s.Helper()
	got := s.readEntries(want.EntryKey)
	if len(got) != 1 || got[0].EntryKey != want.EntryKey || !bytes.Equal(got[0].Value, want.Value) || got[0].Expires != want.Expires {
		s.Fatalf("Entries = %+v, want %+v", got, want)
	}
	return got[0].Revision
}

// wantNoEntry fails the case if there is an entry with this key.
func (s *suite) wantNoEntry(k store.EntryKey) {
	s.Helper()
	if got := s.readEntries(k); len(got) != 0 {
		s.Errorf("Entries = %+v, want none", got)
	}
}

// values returns the values of entries, separated by spaces.
func values(entries []store.Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, string(e.Value))
	}
	return strings.Join(all, " ")
}

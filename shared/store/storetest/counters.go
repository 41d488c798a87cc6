package storetest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// counterCases are the cases for counters, and for writes without a transaction.
var counterCases = []testCase{
	{"a counter counts from nothing", func(s *suite) {
		c := s.entry("count", "")
		s.writeEntries(store.EntryWrite{Entry: c, Add: map[string]int64{"in": 2, "size": 1 << 40}, Set: map[string]int64{"at": 7}})
		s.writeEntries(store.EntryWrite{Entry: c, Add: map[string]int64{"in": -3, "out": 1}, Set: map[string]int64{"at": 9}})
		s.wantNumbers(c.EntryKey, map[string]int64{"in": -1, "size": 1 << 40, "out": 1, "at": 9})
		if p := s.entryPage(store.EntryQuery{Prefix: "count", Limit: 2}); len(p.Entries) != 1 || len(p.Entries[0].Value) == 0 {
			s.Errorf("a page with a counter = %+v", p)
		}
	}},
	{"a counter and an entry change together or not at all", func(s *suite) {
		c, e := s.entry("count", ""), s.entry("marker", "1")
		add := store.EntryWrite{Entry: c, Add: map[string]int64{"all": 1}}
		s.writeEntries(add, store.EntryWrite{Entry: e, If: store.IfAbsent})
		s.wantErr("WriteEntries", s.store.WriteEntries(s.Context(), add, store.EntryWrite{Entry: e, If: store.IfAbsent}), store.ErrConflict)
		s.wantNumbers(c.EntryKey, map[string]int64{"all": 1})
	}},
	{"a counter replaces an entry, and an entry a counter", func(s *suite) {
		e := s.entry("both", `"text"`)
		s.writeEntries(store.EntryWrite{Entry: e})
		s.writeEntries(store.EntryWrite{Entry: e, Add: map[string]int64{"all": 1}})
		s.wantNumbers(e.EntryKey, map[string]int64{"all": 1})
		s.writeEntries(store.EntryWrite{Entry: e})
		s.wantEntry(e)
		s.writeEntries(store.EntryWrite{Entry: e, Delete: true})
		s.wantNoEntry(e.EntryKey)
	}},
	{"a counter is removed only if nobody has counted since", func(s *suite) {
		c := s.entry("count", "")
		up := store.EntryWrite{Entry: c, Add: map[string]int64{"all": 1}}
		s.writeEntries(up)
		s.writeEntries(store.EntryWrite{Entry: c, Add: map[string]int64{"all": -1}})
		read := s.readEntries(c.EntryKey)
		if len(read) != 1 {
			s.Fatalf("Entries = %+v, want the counter", read)
		}
		remove := store.EntryWrite{Entry: store.Entry{EntryKey: c.EntryKey, Revision: read[0].Revision}, If: store.IfUnchanged, Delete: true}
		s.writeEntries(up)
		s.wantErr("WriteEntries", s.store.WriteEntries(s.Context(), remove), store.ErrConflict)
		s.wantNumbers(c.EntryKey, map[string]int64{"all": 1})
		remove.Revision = s.readEntries(c.EntryKey)[0].Revision
		s.writeEntries(remove)
		s.wantNoEntry(c.EntryKey)
		s.writeEntries(up)
		s.wantNumbers(c.EntryKey, map[string]int64{"all": 1})
		s.wantErr("WriteEntries of an earlier removal", s.store.WriteEntries(s.Context(), remove), store.ErrConflict)
	}},
	{"a counter expires", func(s *suite) {
		c := s.entry("count", "")
		c.Expires = recording.SecondsOf(time.Now().Add(-time.Minute))
		s.writeEntries(store.EntryWrite{Entry: c, Set: map[string]int64{"all": 1}})
		s.wantNoEntry(c.EntryKey)
	}},
	{"clients that count at the same time lose nothing", func(s *suite) {
		const clients, changes = 4, 5
		c := s.entry("count", "")
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for range changes {
					if err := s.store.WriteEntries(s.Context(), store.EntryWrite{Entry: c, Add: map[string]int64{"all": 1}}); err != nil {
						s.Errorf("WriteEntries = %v", err)
					}
				}
			})
		}
		wg.Wait()
		s.wantNumbers(c.EntryKey, map[string]int64{"all": clients * changes})
	}},
	{"entries are written and removed each by itself", func(s *suite) {
		var writes []store.EntryWrite
		for i := range store.MaxEntries {
			writes = append(writes, store.EntryWrite{Entry: s.entry(fmt.Sprintf("each%03d", i), strconv.Itoa(i))})
		}
		s.writeEach(writes...)
		s.writeEach()
		for i := range writes {
			writes[i].Delete, writes[i].Value = i%2 == 0, []byte("new")
		}
		s.writeEach(writes...)
		p := s.entryPage(store.EntryQuery{Prefix: "each", Limit: store.MaxEntries})
		for _, e := range p.Entries {
			if string(e.Value) != "new" || e.Revision == "" {
				s.Errorf("%s has the value %s and the revision %q", e.Key, e.Value, e.Revision)
			}
		}
		if len(p.Entries) != store.MaxEntries/2 {
			s.Errorf("%d entries are left, want %d", len(p.Entries), store.MaxEntries/2)
		}
		s.wantErr("WriteEach of too many", s.store.WriteEach(s.Context(), append(writes, writes[0])...), store.ErrTooLarge)
	}},
}

// writeEach writes entries without a transaction, which must succeed.
func (s *suite) writeEach(writes ...store.EntryWrite) {
	s.Helper()
	if err := s.store.WriteEach(s.Context(), writes...); err != nil {
		s.Fatalf("WriteEach: %v", err)
	}
}

// wantNumbers fails the case unless the counter has exactly these numbers.
func (s *suite) wantNumbers(key store.EntryKey, want map[string]int64) {
	s.Helper()
	got, text := s.readEntries(key), map[string]int64{}
	if len(got) != 1 || json.Unmarshal(got[0].Value, &text) != nil || fmt.Sprint(text) != fmt.Sprint(want) {
		s.Errorf("the counter is %s, want %v", values(got), want)
	}
}

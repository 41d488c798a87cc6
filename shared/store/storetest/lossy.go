package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// RunLossy tests a store that loses answers: h opens a driver with requests that fail
// at random, before or after they take effect. Several clients change the same
// recordings. A change that succeeded must be stored exactly once. A change that
// failed with store.ErrUnavailable must be stored once or not at all. The only
// other error allowed is store.ErrConflict. The same holds for writes of entries.
func RunLossy(t *testing.T, h Harness) {
	s := &suite{reporter: t, store: h.Open(t), account: "t" + token()}
	for round := range 8 {
		s.lossyRound(fmt.Sprintf("r%d", round))
		s.lossyEntries()
	}
}

// lossyRound creates a recording and lets clients add their marks to its document.
func (s *suite) lossyRound(id string) {
	const clients, changes = 4, 6
	r := s.rec(id, 0, "")
	r.Document = `{"marks":" "}`
	s.patiently("Put", func() error {
		err := s.store.Put(s.Context(), &r)
		if errors.Is(err, store.ErrExists) { // an earlier try has stored it
			return nil
		}
		return err
	})
	var mu sync.Mutex
	results := map[string]error{}
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for i := range changes {
				mark := fmt.Sprintf("%d-%d", client, i)
				_, err := s.store.Update(s.Context(), s.account, r.ID, func(r *recording.Recording) error {
					text, _ := strings.CutSuffix(string(r.Document), `"}`)
					r.Document = recording.Document(text + mark + ` "}`)
					return nil
				})
				mu.Lock()
				results[mark] = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	document := ""
	s.patiently("Get", func() error {
		got, err := s.store.Get(s.Context(), s.account, r.ID)
		if err == nil {
			document = string(got.Document)
		}
		return err
	})
	for mark, err := range results {
		n := strings.Count(document, " "+mark+" ")
		switch {
		case err == nil && n != 1, err != nil && n > 1, errors.Is(err, store.ErrConflict) && n != 0:
			s.Errorf("Update = %v, but the change is stored %d times", err, n)
		case err != nil && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrConflict):
			s.Errorf("Update = %v, want success, %v or %v", err, store.ErrUnavailable, store.ErrConflict)
		}
	}
}

// patiently retries a call while the store is unavailable.
func (s *suite) patiently(method string, call func() error) {
	s.Helper()
	for range 20 {
		err := call()
		if err == nil {
			return
		}
		s.wantErr(method, err, store.ErrUnavailable)
	}
	s.Fatalf("%s failed 20 times", method)
}

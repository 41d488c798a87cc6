package api

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// failing returns handlers over a store that fails at its n-th call.
func failing(t *testing.T, n int, when faultstore.When) *single {
	t.Helper()
	return newFaultySingle(t, Delivery{}, faults{writer: func(w DeleteStore) DeleteStore {
		driver, ok := w.(faultstore.Driver)
		if !ok {
			t.Fatalf("%T is no faultstore.Driver", w)
		}
		return faultstore.New(driver, faultstore.Fault{Call: n, When: when, Err: store.ErrUnavailable})
	}})
}

// The store fails at any point of a delete, before or after the effect. The answer
// is correct, and a retry leads to the same result. The audio is removed only after
// the tombstone exists, and until that is recorded the purge stays pending.
func TestDeleteWithAFaultAnywhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		call          int
		when          faultstore.When
		status, again int
		pending       bool // whether the purge is pending at the end
		audio         bool // whether the audio still exists at the end
	}{
		{"holds not read", 1, faultstore.Before, http.StatusServiceUnavailable, http.StatusOK, false, false},
		{"no tombstone", 2, faultstore.Before, http.StatusServiceUnavailable, http.StatusOK, false, false},
		{"tombstone, answer lost", 2, faultstore.After, http.StatusServiceUnavailable, http.StatusNotFound, true, true},
		{"purge not confirmed", 3, faultstore.Before, http.StatusOK, http.StatusNotFound, true, true},
		{"purge of what was set aside not confirmed", 4, faultstore.Before, http.StatusOK, http.StatusNotFound, true, false},
		{"purge not recorded", 5, faultstore.Before, http.StatusOK, http.StatusNotFound, true, false},
		{"purge recorded, answer lost", 5, faultstore.After, http.StatusOK, http.StatusNotFound, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := failing(t, tt.call, tt.when)
			rec := s.put(t, noise(10), nil)
			s.do(t, http.MethodDelete, onePath, "").wantStatus(t, tt.status, "")
			s.do(t, http.MethodDelete, onePath, "").wantStatus(t, tt.again, "")
			s.do(t, http.MethodGet, onePath, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
			s.wantTombstone(t, tt.pending)
			_, err := s.bucket.Stat(t.Context(), rec.AudioKey())
			if got := !errors.Is(err, media.ErrNotFound); got != tt.audio {
				t.Errorf("Stat = %v, want audio to exist: %v", err, tt.audio)
			}
		})
	}
}

// If the answer to a patch is lost, a retry gives the same document.
func TestPatchWithAFault(t *testing.T) {
	t.Parallel()
	const body = `{"data":{"user_metadata":{"tag":"new"}}}`
	for name, when := range map[string]faultstore.When{"without effect": faultstore.Before, "answer lost": faultstore.After} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := failing(t, 1, when)
			s.put(t, nil, nil)
			s.do(t, http.MethodPatch, onePath, body).wantStatus(t, http.StatusServiceUnavailable, "")
			s.wantTag(t, map[faultstore.When]string{faultstore.Before: `"old"`, faultstore.After: `"new"`}[when])
			s.do(t, http.MethodPatch, onePath, body).wantStatus(t, http.StatusOK, "")
			s.wantTag(t, `"new"`)
		})
	}
}

// If the answer to a patch with If-Match is lost, a retry is a 412, and the document
// shows that the patch was made (contract, After a lost answer).
func TestConditionalPatchWithALostAnswer(t *testing.T) {
	t.Parallel()
	const body = `{"user_metadata":{"tag":"new"}}`
	s := failing(t, 1, faultstore.After)
	before := s.put(t, nil, nil).Revision
	s.do(t, http.MethodPatch, onePath, body, "If-Match", before).wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
	s.do(t, http.MethodPatch, onePath, body, "If-Match", before).wantStatus(t, http.StatusPreconditionFailed, "precondition_failed")
	p := s.do(t, http.MethodGet, onePath, "")
	if tag := p.text(t, "data", "user_metadata", "tag"); tag != "new" || p.text(t, "revision") == before {
		t.Errorf("GET = tag %q, revision %s, want new and another revision than %s", tag, p.text(t, "revision"), before)
	}
}

// If the answer to a delete with If-Match is lost, a retry is a 404, as without
// If-Match.
func TestConditionalDeleteWithALostAnswer(t *testing.T) {
	t.Parallel()
	s := failing(t, 2, faultstore.After)
	before := s.put(t, nil, nil).Revision
	s.do(t, http.MethodDelete, onePath, "", "If-Match", before).wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
	s.do(t, http.MethodDelete, onePath, "", "If-Match", before).wantStatus(t, http.StatusNotFound, "bad_identifier")
}

// Of several clients that send the same patch with the same revision, one succeeds, so
// that a patch can take a lock.
func TestOneOfEqualConditionalPatchesSucceeds(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	before := s.put(t, nil, nil).Revision
	const clients = 8
	var succeeded, failed atomic.Int32
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			p := s.do(t, http.MethodPatch, onePath, `{"user_metadata":{"locked":true}}`, "If-Match", before)
			switch p.status {
			case http.StatusOK:
				succeeded.Add(1)
			case http.StatusPreconditionFailed:
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if succeeded.Load() != 1 || failed.Load() != clients-1 {
		t.Errorf("%d patches succeeded and %d were a 412, want 1 and %d", succeeded.Load(), failed.Load(), clients-1)
	}
}

// wantTag checks the user_metadata in the store.
func (s *single) wantTag(t *testing.T, want string) {
	t.Helper()
	rec, err := s.store.Get(t.Context(), oneAccount, oneID)
	if err != nil {
		t.Fatalf("Get = %v", err)
	}
	got, _ := rec.Document.Raw("user_metadata", "tag")
	deep, _ := rec.Document.Raw("user_metadata", "deep")
	if got != want || recording.Document(deep) != `{"a":1,"b":2}` {
		t.Errorf("user_metadata has tag %s and deep %s, want %s and the rest unchanged", got, deep, want)
	}
}

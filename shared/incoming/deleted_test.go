package incoming_test

import (
	"bytes"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// A deleted recording that keeps coming in, by any way, stays deleted for longer than a tombstone
// lasts: each attempt renews the tombstone.
func TestEveryWayInRenewsTombstones(t *testing.T) {
	t.Parallel()
	audio, err := os.ReadFile("../audiofile/testdata/alaw.wav")
	check(t, err)
	const id = "202601-deleted"
	all := ways[:len(ways):len(ways)]
	all = append(all, all[0]) // with a name, like the ways
	all[len(all)-1].name, all[len(all)-1].bring = "audio in the bucket", func(p *place, account string, c call) error {
		key := recording.AudioKey(account, id)
		check(p, p.bucket.Put(p.Context(), key, "audio/wav", bytes.NewReader(c.audio), int64(len(c.audio))))
		return p.ingest(key)
	}
	for _, way := range all {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			var day atomic.Int64
			p := newPlaceAt(t, func() time.Time { return noon.AddDate(0, 0, int(day.Load())) })
			account := accountOf(way.name)
			c := call{map[string]string{"id": id, "start": "63937071000"}, audio}
			check(t, way.bring(p, account, c))
			id := p.only(account).ID
			_, err := p.store.Delete(t.Context(), account, id, store.Deletion{})
			check(t, err)
			check(t, p.store.Purged(t.Context(), account, id, ""))
			for range 3 {
				day.Add(store.TombstoneDays / 2)
				_ = way.bring(p, account, c) // some ways return an error, others take and remove the audio
				got, err := p.store.Tombstone(t.Context(), account, id)
				want := recording.SecondsOf(noon.AddDate(0, 0, int(day.Load())+store.TombstoneDays))
				if err != nil || got.Expires != want {
					t.Fatalf("after %d days: tombstone %+v, %v, want it to expire at %d", day.Load(), got, err, want)
				}
			}
			if left := p.all(account); len(left) > 0 {
				t.Errorf("recordings = %+v, want none", left)
			}
		})
	}
}

// If the tombstone of a deleted recording cannot be renewed, the client learns that it
// must retry.
func TestPutReportsATombstoneThatIsNotRenewed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := &recording.Recording{Account: "a", ID: "202601-x", Created: 1, Document: "{}"}
	check(t, incoming.Put(t.Context(), p.store, r))
	if err := incoming.Put(t.Context(), p.store, r); !errors.Is(err, store.ErrExists) {
		t.Errorf("Put = %v, want ErrExists", err)
	}
	_, err := p.store.Delete(t.Context(), "a", "202601-x", store.Deletion{})
	check(t, err)
	if err := incoming.Put(t.Context(), p.store, r); !errors.Is(err, store.ErrDeleted) {
		t.Errorf("Put of a deleted recording = %v, want ErrDeleted", err)
	}
	faulty := faultstore.New(p.store, faultstore.Fault{Call: 2, When: faultstore.Before, Err: store.ErrUnavailable})
	if err := incoming.Put(t.Context(), faulty, r); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Put without a renewal = %v, want ErrUnavailable", err)
	}
}

package dynamo

import (
	"context"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// TestUnitsOfAPage measures the read units that docs/reference/cost.md states, with the budget of
// the API's filtered lists.
func TestUnitsOfAPage(t *testing.T) {
	t.Parallel()
	s := live(t)
	const n = 6000
	recordings := samples(0, n)
	for i := range recordings {
		if i%2 == 1 {
			recordings[i].Document = recording.Document(strings.ReplaceAll(string(recordings[i].Document), "inbound", "outbound"))
		}
		if i >= n/2 { // of a Kazoo, in an account of its own
			recordings[i].Account, recordings[i].Document = "kazoo", kazooDocument
		}
	}
	fill(t, s, recordings)
	inbound := func(r *recording.Recording) bool { return strings.Contains(string(r.Document), `"inbound"`) }
	none := func(*recording.Recording) bool { return false }
	work := store.Work{Calls: 8, Bytes: 1 << 20} // a quarter, so that the table may be small
	for name, tt := range map[string]struct {
		q     store.Query
		calls int
		units float64
	}{
		"page":                    {store.Query{Account: account}, 1, 3.5},
		"page, filter keeps half": {store.Query{Account: account, Keep: inbound, Work: work}, 2, 7.5},
		"page, filter keeps none": {store.Query{Account: account, Keep: none, Work: work}, 6, 131},
		"of a Kazoo":              {store.Query{Account: "kazoo"}, 1, 6.5},
		"of a Kazoo, keeps none":  {store.Query{Account: "kazoo", Keep: none, Work: work}, 5, 131},
	} {
		entry := new(requestlog.Entry)
		tt.q.Limit = 50
		p, err := s.Page(requestlog.With(t.Context(), entry), tt.q)
		if err != nil || p.Next == nil || entry.Calls > tt.calls || entry.ReadUnits > tt.units {
			t.Errorf("%s: %d calls, %v units, error %v, want at most %d calls and %v units", name, entry.Calls, entry.ReadUnits, err, tt.calls, tt.units)
		}
		t.Logf("%s: %d recordings, %d calls, %v units", name, len(p.Recordings), entry.Calls, entry.ReadUnits)
	}
}

// TestUnitsOfWrites measures the units of the writes that docs/reference/cost.md states.
func TestUnitsOfWrites(t *testing.T) {
	t.Parallel()
	s := live(t)
	r := sample(1)
	r.Document = kazooDocument
	nothing := func(*recording.Recording) error { return nil }
	for _, tt := range []struct {
		name        string
		call        func(ctx context.Context) error
		read, write float64
	}{
		{"create", func(ctx context.Context) error { return s.Put(ctx, &r) }, 0, 3},
		{"patch", func(ctx context.Context) error { _, err := s.Update(ctx, r.Account, r.ID, nothing); return err }, 1, 3},
		{"delete", func(ctx context.Context) error {
			_, err := s.Delete(ctx, r.Account, r.ID, store.Deletion{})
			return err
		}, 1, 3},
		{"note that the audio is gone", func(ctx context.Context) error { return s.Purged(ctx, r.Account, r.ID, "") }, 0, 1},
	} {
		entry := new(requestlog.Entry)
		if err := tt.call(requestlog.With(t.Context(), entry)); err != nil || entry.ReadUnits != tt.read || entry.WriteUnits != tt.write {
			t.Errorf("%s: error %v, %v read units and %v write units, want %v and %v", tt.name, err, entry.ReadUnits, entry.WriteUnits, tt.read, tt.write)
		}
	}
}

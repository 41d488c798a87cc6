package search_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
)

// The index over DynamoDB Local costs the documented units, and survives runs that die.
func TestIndexOverDynamoDB(t *testing.T) {
	t.Parallel()
	t.Run("kills", func(t *testing.T) {
		t.Parallel()
		kills(t, dynamotest.Open(t, time.Now), false, changes(t, 40))
	})
	t.Run("units", func(t *testing.T) {
		t.Parallel()
		units(t, dynamotest.Open(t, time.Now))
	})
}

// ordinary is a recording with everything that Kazoo writes, of two parties with names.
func ordinary(i int) recording.Recording {
	r := rec(i, recording.Seconds(i), "fd629247106418bba0cdf672d26c953d", "Renate Schmidt")
	n := strconv.Itoa(1_000_000 + i)
	r.Document = recording.Document(`{"call_id":"a84b4c76e6671` + n + `@10.0.0.1","callee_id_name":"Ada Lovelace","callee_id_number":"+49301234567",` +
		`"caller_id_name":"Renate Schmidt","caller_id_number":"+1555` + n + `","direction":"inbound","duration":62,"from":"+1555` + n +
		`@acme.example.com","interaction_id":"63927460385-` + n + `","name":"call_recording_a84b4c76e6671` + n + `.mp3","to":"+49301234567@acme.example.com"}`)
	return r
}

// units checks the read and write units of docs/reference/cost.md.
func units(t *testing.T, s *dynamo.Store) {
	t.Helper()
	x, spent := indexer(s, false), func(do func(context.Context) error) requestlog.Entry {
		var e requestlog.Entry
		if err := do(requestlog.With(t.Context(), &e)); err != nil {
			t.Fatal(err)
		}
		return e
	}
	for i := range 120 {
		r := ordinary(i)
		if err := s.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		index := func(ctx context.Context) error { return x.Index(ctx, account, r.ID) }
		if first := spent(index); first.WriteUnits > 25 || first.ReadUnits > 5 {
			t.Errorf("indexing an ordinary recording takes %+v", first)
		} else if i == 0 {
			t.Logf("indexing an ordinary recording: %v write units, %v read units, %d calls", first.WriteUnits, first.ReadUnits, first.Calls)
		}
		if again := spent(index); again.WriteUnits > 0 || again.ReadUnits > 2 {
			t.Errorf("a duplicated event takes %+v", again)
		}
	}
	r := ordinary(1)
	if _, err := s.Update(t.Context(), account, r.ID, func(r *recording.Recording) error { r.Audio.Size = 500_000; return nil }); err != nil {
		t.Fatal(err)
	}
	completed := spent(func(ctx context.Context) error { return x.Index(ctx, account, r.ID) })
	if t.Logf("indexing audio that has arrived: %v write units", completed.WriteUnits); completed.WriteUnits > 8 {
		t.Errorf("indexing audio that has arrived takes %+v", completed)
	}
	gone := ordinary(119)
	if _, err := s.Delete(t.Context(), account, gone.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	removed := spent(func(ctx context.Context) error { return x.Index(ctx, account, gone.ID) })
	if t.Logf("indexing a deletion: %v write units, %v read units", removed.WriteUnits, removed.ReadUnits); removed.WriteUnits > 28 || removed.ReadUnits > 7 {
		t.Errorf("indexing a deletion takes %+v", removed)
	}
	if err := s.Purged(t.Context(), account, gone.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Revive(t.Context(), &gone, ""); err != nil {
		t.Fatal(err)
	}
	if err := x.Index(t.Context(), account, gone.ID); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]struct {
		calls int
		units float64
	}{
		"renate": {2, 60}, "ren*": {2, 60}, "301234567": {2, 60}, "15551000007": {2, 5}, "nothing": {1, 1}, "renate lovelace": {3, 65}, "renate 15551000007": {3, 10},
	} {
		q := store.Query{Account: account, Limit: 50}
		page := spent(func(ctx context.Context) error {
			_, err := search.Page(ctx, s, parse(t, text), q, nil)
			return err
		})
		t.Logf("a page for %q: %d calls, %v read units", text, page.Calls, page.ReadUnits)
		if page.Calls > want.calls || page.ReadUnits > want.units {
			t.Errorf("a page for %q takes %d calls and %v units, want %v", text, page.Calls, page.ReadUnits, want)
		}
	}
	summary := spent(func(ctx context.Context) error {
		got, err := search.Summarize(ctx, s, search.Range{Account: account, All: true}, search.ByDay)
		if got.Count != 120 || got.Seconds != 120*62 {
			t.Errorf("the summary = %+v", got)
		}
		return err
	})
	if t.Logf("a summary: %d calls, %v read units", summary.Calls, summary.ReadUnits); summary.Calls > 1 {
		t.Errorf("a summary takes %d calls", summary.Calls)
	}
}

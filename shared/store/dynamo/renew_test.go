package dynamo

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Renew changes only a tombstone's expiry. It leaves alone a tombstone that was
// renewed within the last day, a tombstone with a pending purge, and a recording.
func TestRenew(t *testing.T) {
	t.Parallel()
	now := time.Date(2023, 11, 3, 8, 0, 0, 0, time.UTC) // of the store
	r := sample(1)
	purged := tombstoneOf(stored(t), &r, "rev", recording.SecondsOf(now))
	delete(purged, attrPurgePending)
	expiring := func(at time.Time) item {
		m := maps.Clone(purged)
		m[attrExpires] = num(at.Unix())
		return m
	}
	until := now.AddDate(0, 0, store.TombstoneDays)
	for _, c := range []struct {
		name  string
		found item
		write answer
		want  string
	}{
		{"almost expired", expiring(now.Add(time.Hour)), writeDone, "GetItem PutItem"},
		{"a day old", expiring(until.Add(-24 * time.Hour)), writeDone, "GetItem PutItem"},
		{"restored meanwhile", expiring(now), conditionFailed(stored(t)), "GetItem PutItem"},
		{"removed meanwhile", expiring(now), conditionFailed(nil), "GetItem PutItem"},
		{"renewed an hour ago", expiring(until.Add(-time.Hour)), nil, "GetItem"},
		{"pending purge", tombstoneOf(stored(t), &r, "rev", recording.SecondsOf(now)), nil, "GetItem"},
		{"recording", stored(t), nil, "GetItem"},
		{"nothing", nil, nil, "GetItem"},
	} {
		f := newFake(t, respondItem(c.found), c.write)
		if err := openAt(t, f.url, fastLimits()).Renew(t.Context(), account, r.ID); err != nil {
			t.Errorf("%s: Renew = %v", c.name, err)
		}
		if got := f.operations(); got != c.want {
			t.Errorf("%s: calls %s, want %s", c.name, got, c.want)
			continue
		}
		if c.write == nil {
			continue
		}
		if diff := cmp.Diff(wireItem(expiring(until)), wireItem(written(t, f.calls()[1]))); diff != "" {
			t.Errorf("%s: tombstone (-want +got):\n%s", c.name, diff)
		}
		if got := f.calls()[1].input["ConditionExpression"]; got != "attribute_exists(deleted) AND rev = :revision" {
			t.Errorf("%s: condition %v", c.name, got)
		}
	}
}

// A renewal that DynamoDB does not store is an error, unless another client was faster.
func TestRenewFails(t *testing.T) {
	t.Parallel()
	r := sample(1)
	purged := tombstoneOf(stored(t), &r, "rev", 63866880100)
	delete(purged, attrPurgePending)
	purged[attrExpires] = num(int64(1698998400))
	f := newFake(t, respondItem(purged), respondError(400, "AccessDeniedException", "no"))
	if err := openAt(t, f.url, fastLimits()).Renew(t.Context(), account, r.ID); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Renew = %v, want %v", err, store.ErrUnavailable)
	}
}

package dynamo

import (
	"context"
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// TestCapacityIsAddedUp uses a request that has taken ten units of each kind before. Every
// call adds the units that DynamoDB reports: three for one request, or three and one for the
// parts of a batch or of a transaction.
func TestCapacityIsAddedUp(t *testing.T) {
	t.Parallel()
	const one = `"ConsumedCapacity":{"TableName":"recordings","CapacityUnits":3}`
	const two = `"ConsumedCapacity":[{"TableName":"recordings","CapacityUnits":3},{"TableName":"recordings","CapacityUnits":1}]`
	read, batch := respond(200, `{"Items":[],`+one+`}`), respond(200, `{"Responses":{},`+two+`}`)
	transaction := respond(200, `{`+two+`}`)
	guards := []store.Guard{{EntryKey: store.EntryKey{Partition: "account/a", Key: "hold"}, Revision: "1"}}
	entries := []store.EntryWrite{{Entry: entryOf("a", "1")}, {Entry: entryOf("b", "1")}}
	id := sample(1).ID
	for _, c := range []struct {
		name        string
		answers     []answer
		call        func(ctx context.Context, s *Store) error
		read, write float64
	}{
		{"Page", []answer{read}, func(ctx context.Context, s *Store) error {
			_, err := s.Page(ctx, store.Query{Account: account, Limit: 5})
			return err
		}, 13, 10},
		{"Page of deleted recordings", []answer{read}, func(ctx context.Context, s *Store) error {
			_, err := s.Page(ctx, store.Query{Account: account, Limit: 5, Deleted: true})
			return err
		}, 13, 10},
		{"PageEntries", []answer{read}, func(ctx context.Context, s *Store) error {
			_, err := s.PageEntries(ctx, store.EntryQuery{Partition: "account/a", Limit: 5})
			return err
		}, 13, 10},
		{"Accounts", []answer{read}, func(ctx context.Context, s *Store) error {
			_, _, err := s.Accounts(ctx, "", false)
			return err
		}, 13, 10},
		{"Rows", []answer{read}, func(ctx context.Context, s *Store) error {
			_, err := s.Rows(ctx, account, "", 5)
			return err
		}, 13, 10},
		{"ListSecrets", []answer{read}, func(ctx context.Context, s *Store) error {
			_, err := s.ListSecrets(ctx, account)
			return err
		}, 13, 10},
		{"Get", []answer{respondItem(stored(t))}, func(ctx context.Context, s *Store) error {
			_, err := s.Get(ctx, account, id)
			return err
		}, 11, 10},
		{"Find", []answer{batch}, func(ctx context.Context, s *Store) error {
			_, err := s.Find(ctx, account, []string{id})
			return err
		}, 14, 10},
		{"Put", []answer{writeDone}, func(ctx context.Context, s *Store) error {
			r := sample(1)
			return s.Put(ctx, &r)
		}, 10, 13},
		{"Purged", []answer{writeDone}, func(ctx context.Context, s *Store) error {
			return s.Purged(ctx, account, id, "")
		}, 10, 13},
		{"Delete under a guard", []answer{respondItem(stored(t)), transaction}, func(ctx context.Context, s *Store) error {
			_, err := s.Delete(ctx, account, id, store.Deletion{Guards: guards})
			return err
		}, 11, 14},
		{"Unclaim", []answer{transaction}, func(ctx context.Context, s *Store) error {
			return s.Unclaim(ctx, account, store.KeptClaim{Key: "c", ID: id, Revision: "1"})
		}, 10, 14},
		{"WriteEntries", []answer{transaction}, func(ctx context.Context, s *Store) error {
			return s.WriteEntries(ctx, entries...)
		}, 10, 14},
		{"WriteEach", []answer{transaction}, func(ctx context.Context, s *Store) error {
			return s.WriteEach(ctx, entries...)
		}, 10, 14},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			log := &requestlog.Entry{ReadUnits: 10, WriteUnits: 10}
			s := openAt(t, newFake(t, c.answers...).url, fastLimits())
			if err := c.call(requestlog.With(t.Context(), log), s); err != nil || log.ReadUnits != c.read || log.WriteUnits != c.write {
				t.Errorf("error %v, %v read and %v write units, want %v and %v", err, log.ReadUnits, log.WriteUnits, c.read, c.write)
			}
		})
	}
}

// TestGuardedDeleteMeetsATransaction gets a guarded deletion into the way of another
// transaction. It tries again: the guard has not changed.
func TestGuardedDeleteMeetsATransaction(t *testing.T) {
	t.Parallel()
	guard := store.Guard{EntryKey: store.EntryKey{Partition: "account/a", Key: "hold"}, Revision: "1"}
	f := newFake(t, respondItem(stored(t)), canceledBy(`{"Code":"None"},{"Code":"TransactionConflict"}`), respond(200, `{}`))
	_, err := openAt(t, f.url, fastLimits()).Delete(t.Context(), account, sample(1).ID, store.Deletion{Guards: []store.Guard{guard}})
	if want := "GetItem TransactWriteItems TransactWriteItems"; err != nil || f.operations() != want {
		t.Errorf("Delete = %v after %s, want success after %s", err, f.operations(), want)
	}
}

// TestLostAnswerOfAGuardedDelete loses the answer of a guarded deletion. When the second
// attempt finds the recording or the guard changed, the first may have taken effect.
func TestLostAnswerOfAGuardedDelete(t *testing.T) {
	t.Parallel()
	guard := store.Guard{EntryKey: store.EntryKey{Partition: "account/a", Key: "hold"}, Revision: "1"}
	for name, reasons := range map[string]string{
		"the recording changed": `{"Code":"ConditionalCheckFailed"},{"Code":"None"}`,
		"the guard changed":     `{"Code":"None"},{"Code":"ConditionalCheckFailed"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, respondItem(stored(t)), reset, canceledBy(reasons))
			_, err := openAt(t, f.url, fastLimits()).Delete(t.Context(), account, sample(1).ID, store.Deletion{Guards: []store.Guard{guard}})
			if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrGuard) || errors.Is(err, store.ErrNotFound) {
				t.Errorf("Delete = %v, want %v", err, store.ErrUnavailable)
			}
		})
	}
}

// TestEndOfTheTimeForARestore covers the ends of the range of Deletion.Until.
func TestEndOfTheTimeForARestore(t *testing.T) {
	t.Parallel()
	for until, valid := range map[recording.Seconds]bool{-1: false, 0: true, 99999999999: true, 100000000000: false} {
		f := newFake(t, respondItem(stored(t)), writeDone)
		_, err := openAt(t, f.url, fastLimits()).Delete(t.Context(), account, sample(1).ID, store.Deletion{Until: until})
		if valid != (err == nil) || !valid && !errors.Is(err, errUntil) {
			t.Errorf("Delete until %d = %v, want success: %t", until, err, valid)
		}
	}
}

// A claim ends with the second in which it expires, although DynamoDB removes its item later.
func TestClaimEndsOnTime(t *testing.T) {
	t.Parallel()
	const now = 1698998400 // the time of openAt's clock
	for expires, want := range map[int64]error{now - 1: store.ErrNotFound, now: store.ErrNotFound, now + 1: nil} {
		m := item{attrRecording: str("202601-a"), attrMade: str("x"), attrExpires: num(expires)}
		c, err := openAt(t, newFake(t, respondItem(m)).url, fastLimits()).Claimed(t.Context(), account, "key")
		if !errors.Is(err, want) || err == nil && c != (store.Claim{ID: "202601-a", Made: "x"}) {
			t.Errorf("Claimed at %d of a claim until %d = %+v, %v, want %v", now, expires, c, err, want)
		}
	}
}

// The update of a counter has no ADD clause without members: DynamoDB rejects an empty one.
func TestUpdateOfACounter(t *testing.T) {
	t.Parallel()
	s := openAt(t, "http://127.0.0.1:1", fastLimits())
	one, two := map[string]int64{"one": 1}, map[string]int64{"two": 2}
	for _, c := range []struct {
		w    store.EntryWrite
		want string
	}{
		{store.EntryWrite{Set: one}, "SET rev = :rev, entry = :empty, #one = :one"},
		{store.EntryWrite{Add: two}, "SET rev = :rev, entry = :empty ADD #two :two"},
		{store.EntryWrite{Set: one, Add: two}, "SET rev = :rev, entry = :empty, #one = :one ADD #two :two"},
	} {
		if got := *s.countingUpdate(&c.w, "r", nil, nil).UpdateExpression; got != c.want {
			t.Errorf("update %q, want %q", got, c.want)
		}
	}
}

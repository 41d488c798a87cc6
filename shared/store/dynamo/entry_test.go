package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
)

// entryOf returns an entry that is not stored yet.
func entryOf(key, value string) store.Entry {
	return store.Entry{EntryKey: store.EntryKey{Partition: "test", Key: key}, Value: []byte(value)}
}

// The kinds of writes: each stores or removes the entry "a".
var entryWrites = map[string]func(ctx context.Context, s *Store, revision string) error{
	"a new entry": func(ctx context.Context, s *Store, _ string) error {
		return s.WriteEntries(ctx, store.EntryWrite{Entry: entryOf("a", "new"), If: store.IfAbsent})
	},
	"a change": func(ctx context.Context, s *Store, revision string) error {
		e := entryOf("a", "new")
		e.Revision = revision
		return s.WriteEntries(ctx, store.EntryWrite{Entry: e, If: store.IfUnchanged})
	},
	"a write without a condition": func(ctx context.Context, s *Store, _ string) error {
		return s.WriteEntries(ctx, store.EntryWrite{Entry: entryOf("a", "new")})
	},
	"a removal": func(ctx context.Context, s *Store, revision string) error {
		e := entryOf("a", "")
		e.Revision = revision
		return s.WriteEntries(ctx, store.EntryWrite{Entry: e, If: store.IfUnchanged, Delete: true})
	},
	"two entries": func(ctx context.Context, s *Store, revision string) error {
		e := entryOf("a", "new")
		e.Revision = revision
		return s.WriteEntries(ctx, store.EntryWrite{Entry: e, If: store.IfUnchanged}, store.EntryWrite{Entry: entryOf("b", "new"), If: store.IfAbsent})
	},
}

// If the answer of a write is lost, its retry finds that the write has taken effect.
// If another client writes in between, the store must not write again. It reports
// success, as a transaction with a token does, or that the outcome is unknown.
func TestLostAnswersOfEntries(t *testing.T) {
	t.Parallel()
	for name, write := range entryWrites {
		for _, another := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, another client writes: %v", name, another), func(t *testing.T) {
				t.Parallel()
				e := emulator.New()
				s := openEmulator(t, e)
				revision := ""
				if name != "a new entry" {
					if err := s.WriteEntries(t.Context(), store.EntryWrite{Entry: entryOf("a", "old")}); err != nil {
						t.Fatal(err)
					}
					found, err := s.Entries(t.Context(), entryOf("a", "").EntryKey)
					if err != nil {
						t.Fatal(err)
					}
					revision = found[0].Revision
				}
				failed := false
				e.Fault = func(string) emulator.Fault {
					if failed {
						return emulator.None
					}
					failed = true
					return emulator.Lost
				}
				if another {
					e.Meanwhile = func() {
						if err := openEmulator(t, e).WriteEntries(t.Context(), store.EntryWrite{Entry: entryOf("a", "other")}); err != nil {
							t.Error(err)
						}
					}
				}
				err := write(t.Context(), s, revision)
				if err != nil && (!another || !errors.Is(err, store.ErrUnavailable)) {
					t.Errorf("WriteEntries = %v", err)
				}
				want := "new"
				if another {
					want = "other"
				} else if name == "a removal" {
					want = ""
				}
				got := ""
				found, err := s.Entries(t.Context(), entryOf("a", "").EntryKey)
				if err != nil {
					t.Fatal(err)
				}
				if len(found) > 0 {
					got = string(found[0].Value)
				}
				if got != want {
					t.Errorf("the entry is %q, want %q", got, want)
				}
			})
		}
	}
}

// Every kind of write succeeds with DynamoDB Local, though it loses each first answer.
func TestEntriesSurviveLostAnswers(t *testing.T) {
	t.Parallel()
	l := &lossy{client: standard().Client(idle).Transport}
	s := live(t, func(o *Options) { o.HTTPClient = &http.Client{Transport: l} })
	revision := ""
	for i, name := range []string{"a new entry", "a change", "a write without a condition", "two entries", "a removal"} {
		if err := entryWrites[name](t.Context(), s, revision); err != nil {
			t.Fatalf("%s: WriteEntries = %v, want nil", name, err)
		}
		found, err := s.Entries(t.Context(), entryOf("a", "").EntryKey)
		if err != nil || len(found) == 0 != (name == "a removal") {
			t.Fatalf("%s: Entries = %+v, %v", name, found, err)
		}
		if n := l.lost.Load(); n != 2*int64(i+1) {
			t.Errorf("%s: %d attempts so far, want two for each write", name, n)
		}
		if len(found) > 0 {
			revision = found[0].Revision
		}
	}
}

// canceledBy answers that a transaction was canceled for these reasons.
func canceledBy(reasons string) answer {
	return respond(400, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[`+reasons+`]}`)
}

func TestCanceledTransactions(t *testing.T) {
	t.Parallel()
	done := respond(200, `{"ConsumedCapacity":[{"TableName":"recordings","CapacityUnits":4}]}`)
	const conflict, throttled, unmet = `{"Code":"TransactionConflict"}`, `{"Code":"ThrottlingError"}`, `{"Code":"ConditionalCheckFailed"}`
	two := []store.EntryWrite{{Entry: entryOf("a", "1"), If: store.IfAbsent}, {Entry: entryOf("b", "1"), If: store.IfAbsent}}
	for _, c := range []struct {
		name    string
		writes  []store.EntryWrite
		answers []answer
		want    error
		calls   int
	}{
		{"another transaction uses an item", two, []answer{canceledBy(conflict + `,{"Code":"None"}`), canceledBy(throttled), done}, nil, 3},
		{"a single write meets a transaction", two[:1], []answer{respondError(400, "TransactionConflictException", "in use"), writeDone}, nil, 2},
		{"an unmet condition beside a conflict", two, []answer{canceledBy(conflict + "," + unmet)}, store.ErrConflict, 1},
		{"an unmet condition", two, []answer{canceledBy(`{"Code":"None"},` + unmet)}, store.ErrConflict, 1},
		{"in progress", two, []answer{respondError(400, "TransactionInProgressException", "wait"), done}, nil, 2},
		{"another reason", two, []answer{canceledBy(`{"Code":"ItemCollectionSizeLimitExceeded"}`)}, store.ErrUnavailable, 1},
		{"no reason", two, []answer{canceledBy("")}, store.ErrUnavailable, 1},
		{"the answer lost, then in use, then another client's entry", two[:1], []answer{
			reset, respondError(400, "TransactionConflictException", "in use"), conditionFailed(item{attrRevision: str("another")}),
		}, store.ErrUnavailable, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, c.answers...)
			n := fastLimits()
			n.Attempt = time.Minute
			err := openAt(t, f.url, n).WriteEntries(t.Context(), c.writes...)
			if !errors.Is(err, c.want) || len(f.calls()) != c.calls {
				t.Errorf("WriteEntries = %v after %d calls, want %v after %d", err, len(f.calls()), c.want, c.calls)
			}
			tokens := map[any]bool{}
			for _, call := range f.calls() {
				tokens[call.input["ClientRequestToken"]] = true
			}
			if len(tokens) != 1 {
				t.Errorf("%d different tokens, want the same in every attempt", len(tokens))
			}
		})
	}
}

// An endless conflict ends with the context.
func TestEndlessConflict(t *testing.T) {
	t.Parallel()
	f := newFake(t, canceledBy(`{"Code":"TransactionConflict"}`))
	n := fastLimits()
	n.Attempt, n.Useful = time.Minute, time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := openAt(t, f.url, n).WriteEntries(ctx, store.EntryWrite{Entry: entryOf("a", "1")}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("WriteEntries = %v, want %v", err, store.ErrUnavailable)
	}
}

// Keys that DynamoDB skips are requested again.
func TestEntriesContinuesABatch(t *testing.T) {
	t.Parallel()
	keys := []item{entryKey(entryOf("a", "").EntryKey), entryKey(entryOf("b", "").EntryKey)}
	a, b := entryItem(&store.EntryWrite{Entry: entryOf("a", "1")}, "r"), entryItem(&store.EntryWrite{Entry: entryOf("b", "2")}, "r")
	f := newFake(t, respondBatch(nil, keys), respondBatch(nil, keys), respondBatch([]item{b}, keys[:1]), respondBatch(nil, keys[:1]), respondBatch([]item{a}, nil))
	got, err := openAt(t, f.url, fastLimits()).Entries(t.Context(), entryOf("a", "").EntryKey, entryOf("b", "").EntryKey)
	if err != nil || len(got) != 2 || got[0].Key != "a" || got[1].Key != "b" || len(f.calls()) != 5 {
		t.Errorf("Entries = %+v, %v after %d calls, want a and b after 5", got, err, len(f.calls()))
	}
}

// So are those of one that is skipped once.
func TestEntriesContinuesABatchOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		respond(200, `{"Responses":{"recordings":[{"a":{"S":"#test"},"id":{"S":"b"},"entry":{"S":"2"},"rev":{"S":"r"}}]},`+
			`"UnprocessedKeys":{"recordings":{"Keys":[{"a":{"S":"#test"},"id":{"S":"a"}}]}}}`),
		respond(200, `{"Responses":{"recordings":[{"a":{"S":"#test"},"id":{"S":"a"},"entry":{"S":"1"},"rev":{"S":"r"}}]},"UnprocessedKeys":{}}`))
	got, err := openAt(t, f.url, fastLimits()).Entries(t.Context(), entryOf("a", "").EntryKey, entryOf("b", "").EntryKey)
	if err != nil || len(got) != 2 || got[0].Key != "a" || got[1].Key != "b" || len(f.calls()) != 2 {
		t.Errorf("Entries = %+v, %v after %d calls, want a and b after 2", got, err, len(f.calls()))
	}
}

// The item of an entry is as the package comment describes it.
func TestEntryItem(t *testing.T) {
	t.Parallel()
	f := newFake(t, writeDone)
	e := entryOf("k", `{"x":1}`)
	e.Expires = recording.SecondsOf(time.Unix(1_800_000_000, 0))
	entry := new(requestlog.Entry)
	if err := openAt(t, f.url, fastLimits()).WriteEntries(requestlog.With(t.Context(), entry), store.EntryWrite{Entry: e, If: store.IfAbsent}); err != nil {
		t.Fatal(err)
	}
	m := written(t, f.calls()[0])
	expires, err := number(m, attrExpires)
	if err != nil || text(m, attrAccount) != "#test" || text(m, attrID) != "k" || text(m, attrEntry) != `{"x":1}` ||
		text(m, attrRevision) == "" || expires != 1_800_000_000 || len(m) != 5 {
		t.Errorf("the item is %v, %v", m, err)
	}
	if entry.Calls != 1 || entry.WriteUnits != 3 {
		t.Errorf("%d calls and %v write units in the log, want 1 and 3", entry.Calls, entry.WriteUnits)
	}
}

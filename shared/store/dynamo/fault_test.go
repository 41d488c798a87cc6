package dynamo

import (
	"context"
	"errors"
	"hash/crc32"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/attempt/attempttest"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// operations holds one call of each operation of a store that uses the network.
var operations = []struct {
	name string
	call func(ctx context.Context, s *Store) error
}{
	{"Get", func(ctx context.Context, s *Store) error {
		_, err := s.Get(ctx, account, sample(1).ID)
		return err
	}},
	{"Tombstone", func(ctx context.Context, s *Store) error {
		_, err := s.Tombstone(ctx, account, sample(1).ID)
		return err
	}},
	{"Page", func(ctx context.Context, s *Store) error {
		_, err := s.Page(ctx, store.Query{Account: account, Limit: 50})
		return err
	}},
	{"Put", func(ctx context.Context, s *Store) error {
		r := sample(1)
		return s.Put(ctx, &r)
	}},
	{"Find", func(ctx context.Context, s *Store) error {
		_, err := s.Find(ctx, account, []string{sample(1).ID, sample(2).ID})
		return err
	}},
	{"Revive", func(ctx context.Context, s *Store) error {
		r := sample(1)
		return s.Revive(ctx, &r, "")
	}},
	{"Update", func(ctx context.Context, s *Store) error {
		_, err := s.Update(ctx, account, sample(1).ID, func(*recording.Recording) error { return nil })
		return err
	}},
	{"Delete", func(ctx context.Context, s *Store) error {
		_, err := s.Delete(ctx, account, sample(1).ID, store.Deletion{})
		return err
	}},
	{"Secret", func(ctx context.Context, s *Store) error {
		_, err := s.Secret(ctx, account, "0a")
		return err
	}},
	{"AddSecret", func(ctx context.Context, s *Store) error {
		return s.AddSecret(ctx, store.Secret{Account: account, ID: "0a", Sum: "aa"})
	}},
	{"ListSecrets", func(ctx context.Context, s *Store) error {
		_, err := s.ListSecrets(ctx, account)
		return err
	}},
	{"RevokeSecret", func(ctx context.Context, s *Store) error { return s.RevokeSecret(ctx, account, "0a") }},
	{"Entries, one", func(ctx context.Context, s *Store) error {
		_, err := s.Entries(ctx, entryOf("a", "").EntryKey)
		return err
	}},
	{"Entries, two", func(ctx context.Context, s *Store) error {
		_, err := s.Entries(ctx, entryOf("a", "").EntryKey, entryOf("b", "").EntryKey)
		return err
	}},
	{"PageEntries", func(ctx context.Context, s *Store) error {
		_, err := s.PageEntries(ctx, store.EntryQuery{Partition: "test", Limit: 50})
		return err
	}},
	{"WriteEntries, one", func(ctx context.Context, s *Store) error {
		return s.WriteEntries(ctx, store.EntryWrite{Entry: entryOf("a", "1"), If: store.IfAbsent})
	}},
	{"WriteEntries, two", func(ctx context.Context, s *Store) error {
		return s.WriteEntries(ctx, store.EntryWrite{Entry: entryOf("a", "1")}, store.EntryWrite{Entry: entryOf("b", ""), Delete: true})
	}},
	{"Purged", func(ctx context.Context, s *Store) error {
		return s.Purged(ctx, account, sample(1).ID, "")
	}},
}

// transientFaults are the faults that the store retries.
var transientFaults = []struct {
	name   string
	answer answer
}{
	{"throttled", respondError(400, "ProvisionedThroughputExceededException", "too fast")},
	{"throttled account", respondError(400, "ThrottlingException", "too fast")},
	{"request limit", respondError(400, "RequestLimitExceeded", "too fast")},
	{"internal error", respondError(500, "InternalServerError", "sorry")},
	{"unavailable", respond(503, "<html>Service Unavailable</html>")},
	{"bad gateway", respond(502, "")},
	{"nonsense", respond(200, "<html>hello</html>")},
	{"cut in the body", cut},
	{"connection closed", reset},
	{"no answer", noAnswer},
	{"stalled answer", stall},
}

func TestTransientFaultsGetThreeAttempts(t *testing.T) {
	t.Parallel()
	for _, fault := range transientFaults {
		for _, op := range operations {
			t.Run(fault.name+"/"+op.name, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, fault.answer)
				entry := new(requestlog.Entry)
				err := op.call(requestlog.With(t.Context(), entry), openAt(t, f.url, fastLimits()))
				if !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s = %v, want %v", op.name, err, store.ErrUnavailable)
				}
				if got := len(f.calls()); got != 3 || entry.Calls != 3 {
					t.Errorf("%d calls, %d in the log, want 3", got, entry.Calls)
				}
				if err != nil && strings.Contains(err.Error(), f.url) {
					t.Errorf("the error shows the URL: %v", err)
				}
			})
		}
	}
}

func TestTransientFaultsRecover(t *testing.T) {
	t.Parallel()
	r := sample(1)
	m, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range transientFaults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, fault.answer, fault.answer, respondItem(m))
			entry := new(requestlog.Entry)
			if _, err := openAt(t, f.url, fastLimits()).Get(requestlog.With(t.Context(), entry), account, r.ID); err != nil {
				t.Errorf("Get = %v, want success at the third attempt", err)
			}
			if entry.Calls != 3 || entry.ReadUnits != 1 {
				t.Errorf("%d calls and %v read units in the log, want 3 and 1", entry.Calls, entry.ReadUnits)
			}
		})
	}
}

func TestPermanentFaultsAreNotRetried(t *testing.T) {
	t.Parallel()
	limits := fastLimits()
	limits.Attempt = time.Minute // a busy machine must not turn the answer into a time-out
	for _, tt := range []struct {
		name   string
		answer answer
		want   error // nil: an error outside package store
	}{
		{"no table", respondError(400, "ResourceNotFoundException", "no such table"), store.ErrUnavailable},
		{"no permission", respondError(400, "AccessDeniedException", "not yours"), store.ErrUnavailable},
		{"bad key", respondError(400, "UnrecognizedClientException", "who?"), store.ErrUnavailable},
		{"item too large", respondError(400, "ValidationException", "Item size has exceeded the maximum allowed size"), store.ErrTooLarge},
		{"item to update too large", respondError(400, "ValidationException", "Item size to update has exceeded the maximum allowed size"), store.ErrTooLarge},
		{"bad request", respondError(400, "ValidationException", "The provided starting key is invalid"), nil},
		{"malformed body", respondError(400, "SerializationException", "?"), nil},
	} {
		for _, op := range operations {
			t.Run(tt.name+"/"+op.name, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, tt.answer)
				err := op.call(t.Context(), openAt(t, f.url, limits))
				if tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("%s = %v, want %v", op.name, err, tt.want)
				}
				if tt.want == nil && (err == nil || isStoreError(err)) {
					t.Errorf("%s = %v, want an error that package store does not define", op.name, err)
				}
				if got := len(f.calls()); got != 1 {
					t.Errorf("%d calls, want 1", got)
				}
			})
		}
	}
}

func isStoreError(err error) bool {
	for _, e := range []error{
		store.ErrNotFound, store.ErrExists, store.ErrDeleted, store.ErrConflict, store.ErrTooLarge, store.ErrUnavailable,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func TestRefusedConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	address := attempttest.ClosedAddress(t)
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			if err := op.call(t.Context(), openAt(t, address, fastLimits())); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s = %v, want %v", op.name, err, store.ErrUnavailable)
			}
		})
	}
}

func TestConnectIsBounded(t *testing.T) {
	t.Parallel()
	n := fastLimits()
	n.Connect, n.Attempt = 10*time.Millisecond, time.Minute
	n.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err := openAt(t, "http://192.0.2.1", n).Get(t.Context(), account, sample(1).ID)
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Get = %v, want %v", err, store.ErrUnavailable)
	}
}

func TestNoRetryWithoutTime(t *testing.T) {
	t.Parallel()
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, respondError(500, "InternalServerError", "sorry"))
			n := fastLimits()
			n.Attempt = time.Minute
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := op.call(ctx, openAt(t, f.url, n)); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s = %v, want %v", op.name, err, store.ErrUnavailable)
			}
			if got := len(f.calls()); got != 1 {
				t.Errorf("%d calls, want 1", got)
			}
		})
	}
}

func TestCancellationEndsTheCall(t *testing.T) {
	t.Parallel()
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			f := newFake(t, func(w http.ResponseWriter, in map[string]any) {
				cancel()
				noAnswer(w, in)
			})
			n := fastLimits()
			n.Attempt = time.Minute
			err := op.call(ctx, openAt(t, f.url, n))
			if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s = %v, want %v because of %v", op.name, err, store.ErrUnavailable, context.Canceled)
			}
			if got := len(f.calls()); got != 1 {
				t.Errorf("%d calls, want 1", got)
			}
		})
	}
}

func TestStandardLimits(t *testing.T) {
	t.Parallel()
	n := standard()
	if n.Connect != 500*time.Millisecond || n.Attempt != time.Second || n.Attempts != 3 {
		t.Errorf("standard() = connect %v, attempt %v, %d attempts, want those of docs/adr/007", n.Connect, n.Attempt, n.Attempts)
	}
	for range 100 {
		if d, err := n.Retryer().RetryDelay(2, nil); err != nil || d < 0 || d > 2*n.Backoff {
			t.Fatalf("RetryDelay(2) = %v, %v, want 0 to %v", d, err, 2*n.Backoff)
		}
	}
}

// checked gives the answers of a with a checksum: that of the answer, or another one.
func checked(a answer, valid bool) answer {
	return func(w http.ResponseWriter, request map[string]any) {
		recorder := httptest.NewRecorder()
		a(recorder, request)
		sum := crc32.ChecksumIEEE(recorder.Body.Bytes())
		if !valid {
			sum++
		}
		w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(sum), 10))
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	}
}

// An answer that does not match its checksum is as good as lost: a read is repeated, and
// the retry of a write recognizes its own revision.
func TestDamagedAnswersAreRetried(t *testing.T) {
	t.Parallel()
	r := sample(1)
	m, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	limits := fastLimits()
	limits.Attempt = time.Minute // a slow machine must not make it one attempt more
	f := newFake(t, checked(respondItem(m), false), checked(respondItem(m), true))
	got, err := openAt(t, f.url, limits).Get(t.Context(), r.Account, r.ID)
	if err != nil || got.Document != r.Document || len(f.calls()) != 2 {
		t.Errorf("Get = %v, error %v after %d calls, want the recording after 2", got, err, len(f.calls()))
	}
	f = newFake(t, checked(respondItem(m), false))
	if _, err := openAt(t, f.url, limits).Get(t.Context(), r.Account, r.ID); !errors.Is(err, store.ErrUnavailable) || len(f.calls()) != 3 {
		t.Errorf("Get = %v after %d calls, want %v after 3", err, len(f.calls()), store.ErrUnavailable)
	}
	f = newFake(t, checked(writeDone, false), checked(conditionFailed(item{attrRevision: str("another")}), true))
	if err := openAt(t, f.url, limits).Put(t.Context(), &r); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Put = %v, want %v: the damaged answer may have been a success", err, store.ErrUnavailable)
	}
}

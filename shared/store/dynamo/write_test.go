package dynamo

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// stored returns the table's item of sample(1).
func stored(t *testing.T) item {
	t.Helper()
	r := sample(1)
	m, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// with returns a copy of m with one attribute set to value.
func with(m item, name, value string) item {
	out := item{name: str(value)}
	for k, v := range m {
		if k != name {
			out[k] = v
		}
	}
	return out
}

func noChange(*recording.Recording) error { return nil }

// TestWriteSucceedsAfterALostAnswer loses the answer of a write that took effect. The
// SDK's second attempt then finds the item of the first.
func TestWriteSucceedsAfterALostAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before []answer
		call   func(ctx context.Context, s *Store) (string, error)
	}{
		{"Put", nil, func(ctx context.Context, s *Store) (string, error) {
			r := sample(1)
			err := s.Put(ctx, &r)
			return r.Revision, err
		}},
		{"Revive", nil, func(ctx context.Context, s *Store) (string, error) {
			r := sample(1)
			err := s.Revive(ctx, &r, "")
			return r.Revision, err
		}},
		{"Update", []answer{respondItem(stored(t))}, func(ctx context.Context, s *Store) (string, error) {
			r, err := s.Update(ctx, account, sample(1).ID, noChange)
			if err != nil {
				return "", err
			}
			return r.Revision, nil
		}},
		{"Delete", []answer{respondItem(stored(t))}, func(ctx context.Context, s *Store) (string, error) {
			r, err := s.Delete(ctx, account, sample(1).ID, store.Deletion{})
			if err != nil {
				return "", err
			}
			if diff := cmp.Diff(sample(1), *r); diff != "" {
				t.Errorf("Delete, -want +got: %s", diff)
			}
			return "", nil
		}},
	} {
		for _, lost := range []struct {
			name   string
			answer answer
		}{{"closed", reset}, {"cut", cut}, {"late", noAnswer}, {"500", respondError(500, "InternalServerError", "sorry")}} {
			t.Run(tt.name+"/"+lost.name, func(t *testing.T) {
				t.Parallel()
				var f *fake
				met := func(w http.ResponseWriter, in map[string]any) {
					conditionFailed(written(t, f.calls()[len(tt.before)]))(w, in)
				}
				f = newFake(t, append(append([]answer{}, tt.before...), lost.answer, met)...)
				revision, err := tt.call(t.Context(), openAt(t, f.url, fastLimits()))
				if err != nil {
					t.Fatalf("%s = %v, want success", tt.name, err)
				}
				calls := f.calls()
				if len(calls) != len(tt.before)+2 {
					t.Errorf("calls: %s", f.operations())
				}
				if sent := text(written(t, calls[len(calls)-1]), attrRevision); revision != "" && revision != sent {
					t.Errorf("revision %q, want the one sent, %q", revision, sent)
				}
			})
		}
	}
}

// TestPutReportsTheExistingItem also covers Revive, which fails on a tombstone only
// while the purge is pending.
func TestPutReportsTheExistingItem(t *testing.T) {
	t.Parallel()
	was := sample(1)
	for _, tt := range []struct {
		name  string
		found item
		want  error
	}{
		{"recording", stored(t), store.ErrExists},
		{"tombstone", tombstoneOf(stored(t), &was, "another", 63866880100), store.ErrDeleted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, conditionFailed(tt.found))
			r := sample(1)
			s := openAt(t, f.url, fastLimits())
			if err := s.Put(t.Context(), &r); !errors.Is(err, tt.want) {
				t.Errorf("Put = %v, want %v", err, tt.want)
			}
			if err := s.Revive(t.Context(), &r, ""); !errors.Is(err, tt.want) {
				t.Errorf("Revive = %v, want %v", err, tt.want)
			}
			if f.operations() != "PutItem PutItem" {
				t.Errorf("calls: %s, want one PutItem each", f.operations())
			}
		})
	}
}

func TestUpdateRetriesWithTheReturnedItem(t *testing.T) {
	t.Parallel()
	other := with(with(stored(t), attrRevision, "another"), attrDocument, `{"call_id":"new"}`)
	f := newFake(t, respondItem(stored(t)), conditionFailed(other), writeDone)
	var seen []recording.Document
	r, err := openAt(t, f.url, fastLimits()).Update(t.Context(), account, sample(1).ID, func(r *recording.Recording) error {
		seen = append(seen, r.Document)
		r.Modified++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []recording.Document{sample(1).Document, `{"call_id":"new"}`}; !cmp.Equal(seen, want) {
		t.Errorf("change saw %v, want %v", seen, want)
	}
	if f.operations() != "GetItem PutItem PutItem" {
		t.Errorf("calls: %s, want GetItem PutItem PutItem", f.operations())
	}
	if got := f.calls()[2].input["ExpressionAttributeValues"]; !cmp.Equal(got, any(map[string]any{":revision": map[string]any{"S": "another"}})) {
		t.Errorf("the condition of the second try = %v, want the returned revision", got)
	}
	if r.Document != `{"call_id":"new"}` || r.Modified != sample(1).Modified+1 {
		t.Errorf("Update = %+v", r)
	}
}

func TestUpdateOfADeletedRecording(t *testing.T) {
	t.Parallel()
	was := sample(1)
	for name, found := range map[string]item{
		"tombstone": tombstoneOf(stored(t), &was, "another", 63866880100),
		"nothing":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, newFake(t, respondItem(stored(t)), conditionFailed(found)).url, fastLimits())
			if _, err := s.Update(t.Context(), account, was.ID, noChange); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Update = %v, want %v", err, store.ErrNotFound)
			}
			s = openAt(t, newFake(t, respondItem(stored(t)), conditionFailed(found)).url, fastLimits())
			if _, err := s.Delete(t.Context(), account, was.ID, store.Deletion{}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Delete = %v, want %v", err, store.ErrNotFound)
			}
		})
	}
}

// contested answers reads with the item and fails every write as if another
// client had changed the item.
func contested(t *testing.T) answer {
	t.Helper()
	read, write := respondItem(stored(t)), conditionFailed(with(stored(t), attrRevision, "another"))
	return func(w http.ResponseWriter, in map[string]any) {
		if in["Item"] != nil {
			write(w, in)
		} else {
			read(w, in)
		}
	}
}

func TestConflictGivesUp(t *testing.T) {
	t.Parallel()
	t.Run("before the deadline", func(t *testing.T) {
		t.Parallel()
		n := fastLimits()
		ctx, cancel := context.WithTimeout(t.Context(), 2*n.Attempt)
		defer cancel()
		_, err := openAt(t, newFake(t, contested(t)).url, n).Update(ctx, account, sample(1).ID, noChange)
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			t.Errorf("Update = %v, context: %v; want %v before the deadline", err, ctx.Err(), store.ErrConflict)
		}
	})
	t.Run("without a deadline", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, contested(t))
		n := fastLimits()
		n.Attempt = time.Minute // a busy machine may answer one of many calls late
		_, err := openAt(t, f.url, n).Delete(t.Context(), account, sample(1).ID, store.Deletion{})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("Delete = %v, want %v", err, store.ErrConflict)
		}
		if n := len(f.calls()); n != maxTries+maxTries/2 {
			t.Errorf("%d calls, want %d writes and half as many reads", n, maxTries)
		}
	})
	t.Run("when canceled", func(t *testing.T) {
		t.Parallel()
		n := fastLimits()
		n.conflict, n.patience = time.Hour, time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		answer := contested(t)
		tries := 0
		f := newFake(t, func(w http.ResponseWriter, in map[string]any) {
			answer(w, in)
			if in["Item"] != nil {
				if tries++; tries == 2 {
					time.AfterFunc(time.Second, cancel) // the client has the answer by then
				}
			}
		})
		if _, err := openAt(t, f.url, n).Update(ctx, account, sample(1).ID, noChange); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Update = %v, want %v", err, store.ErrConflict)
		}
	})
}

func TestCallbackErrorsAreReturnedUnchanged(t *testing.T) {
	t.Parallel()
	want := errors.New("not this one")
	reject := func(*recording.Recording) error { return want }
	f := newFake(t, respondItem(stored(t)))
	s := openAt(t, f.url, fastLimits())
	if _, err := s.Update(t.Context(), account, sample(1).ID, reject); err != want { //nolint:errorlint // the identical error
		t.Errorf("Update = %v, want the error of change", err)
	}
	if _, err := s.Delete(t.Context(), account, sample(1).ID, store.Deletion{Check: reject}); err != want { //nolint:errorlint // the identical error
		t.Errorf("Delete = %v, want the error of check", err)
	}
	if f.operations() != "GetItem GetItem" {
		t.Errorf("calls: %s, want no write", f.operations())
	}
}

func TestMalformedItemIsALayoutError(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]item{
		"no sort key":        {attrAccount: str(account), attrID: str("202311-1")},
		"short sort key":     {attrAccount: str(account), attrID: str("202311-1"), attrCreatedID: str("1#202311-1")},
		"letters in it":      {attrAccount: str(account), attrID: str("202311-1"), attrCreatedID: str("6386688006x#202311-1")},
		"another id":         {attrAccount: str(account), attrID: str("202311-1"), attrCreatedID: str("63866880062#202311-2")},
		"audio without size": {attrAccount: str(account), attrID: str("202311-1"), attrCreatedID: str("63866880062#202311-1"), attrAudio: str("managed audio/mpeg")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, newFake(t, respondItem(m)).url, fastLimits())
			r, err := s.Get(t.Context(), account, "202311-1")
			if !errors.Is(err, errLayout) || isStoreError(err) {
				t.Errorf("Get = %v, %v, want %v", r, err, errLayout)
			}
		})
	}
}

package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

const restorePath = onePath + "/restore"

// A deleted recording can be restored for RestoreDays, with its audio and everything else.
func TestRestore(t *testing.T) {
	t.Parallel()
	s := newFaultySingle(t, Delivery{}, faults{restoreDays: 7})
	rec := s.put(t, noise(100), nil)
	before := s.do(t, http.MethodGet, onePath, "")
	p := s.do(t, http.MethodDelete, onePath, "")
	p.wantStatus(t, http.StatusOK, "")
	until := recording.SecondsOf(oneNow.Add(7 * 24 * time.Hour))
	for _, part := range []string{`"deleted":true`, fmt.Sprintf(`"deleted_at":%d`, recording.SecondsOf(oneNow)), fmt.Sprintf(`"restorable_until":%d`, until)} {
		if !strings.Contains(p.body, part) {
			t.Errorf("body = %s, want %s", p.body, part)
		}
	}
	for _, path := range []string{onePath, audioPath} {
		s.do(t, http.MethodGet, path, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	}
	if _, err := s.bucket.Stat(t.Context(), rec.AudioKey()); err != nil {
		t.Fatalf("Stat = %v, want the audio kept", err)
	}
	for range 2 { // a client may repeat the request
		p = s.do(t, http.MethodPost, restorePath, "")
		p.wantStatus(t, http.StatusOK, "")
	}
	if p.header.Get("ETag") == "" || p.text(t, "revision") == rec.Revision {
		t.Errorf("ETag = %q, revision = %q, want a new revision", p.header.Get("ETag"), p.text(t, "revision"))
	}
	if data := p.object(t, "data"); data != before.object(t, "data") {
		t.Errorf("data = %s, want %s", data, before.object(t, "data"))
	}
	s.do(t, http.MethodGet, audioPath, "").wantStatus(t, http.StatusOK, "")
}

// object returns the JSON of a member of the envelope.
func (p reply) object(t testing.TB, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(p.body, `"`+name+`":`)
	if !found {
		t.Fatalf("body = %s, want %s", p.body, name)
	}
	data, _, _ := strings.Cut(rest, `,"status":`)
	return data
}

func TestRestoreErrors(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{}) // without RestoreDays
	s.put(t, noise(10), nil)
	user := func(name string) string {
		return oneBase + "/users/" + name + "/recordings/" + oneID + "/restore"
	}
	s.do(t, http.MethodPost, user("0123"), "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	s.do(t, http.MethodPost, user(oneUser), "").wantStatus(t, http.StatusOK, "")
	s.do(t, http.MethodDelete, onePath, "").wantStatus(t, http.StatusOK, "")
	s.do(t, http.MethodPost, restorePath, "").wantStatus(t, http.StatusGone, "gone")
	s.do(t, http.MethodPost, user(oneUser), "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	s.do(t, http.MethodPost, oneBase+"/recordings/202311-x/restore", "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	s.do(t, http.MethodPost, oneBase+"/recordings/x/restore", "").wantStatus(t, http.StatusNotFound, "bad_identifier")
}

// The time for a restore ends to the second, whether a sweep has run or not.
func TestRestoreAtTheLastSecond(t *testing.T) {
	t.Parallel()
	for offset, status := range map[time.Duration]int{-time.Second: http.StatusOK, 0: http.StatusGone, time.Hour: http.StatusGone} {
		s := newFaultySingle(t, Delivery{}, faults{restoreDays: 1})
		s.put(t, nil, nil)
		earlier := deletion.New(s.store, 1, func() time.Time { return oneNow.Add(-24*time.Hour - offset) })
		if _, err := earlier.Delete(t.Context(), oneAccount, oneID, deletion.Request{}); err != nil {
			t.Fatal(err)
		}
		p := s.do(t, http.MethodPost, restorePath, "")
		if p.wantStatus(t, status, ""); status == http.StatusGone && !strings.Contains(s.log.String(), "the time for a restore is over") {
			t.Errorf("log = %s, want the cause", s.log)
		}
	}
}

// The store fails at any point of a restore. A retry leads to the same result.
func TestRestoreWithAFault(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]faultstore.When{"without effect": faultstore.Before, "answer lost": faultstore.After} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFaultySingle(t, Delivery{}, faults{restoreDays: 7, writer: func(w DeleteStore) DeleteStore {
				return faultstore.New(w.(faultstore.Driver), faultstore.Fault{Call: 4, When: when, Err: store.ErrUnavailable})
			}})
			rec := s.put(t, noise(10), nil)
			s.do(t, http.MethodDelete, onePath, "").wantStatus(t, http.StatusOK, "") // lists the account, reads holds, deletes
			s.do(t, http.MethodPost, restorePath, "").wantStatus(t, http.StatusServiceUnavailable, "")
			s.do(t, http.MethodPost, restorePath, "").wantStatus(t, http.StatusOK, "")
			if _, err := s.bucket.Stat(t.Context(), rec.AudioKey()); errors.Is(err, media.ErrNotFound) {
				t.Errorf("Stat = %v, want the audio", err)
			}
		})
	}
}

// meddling is a store in which another client acts once, right after a restore has found that
// the recording exists.
type meddling struct {
	DeleteStore
	meddle func()
}

// Restore implements [store.Restorer].
func (m *meddling) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	r, err := m.DeleteStore.Restore(ctx, account, id, check)
	if do := m.meddle; do != nil && errors.Is(err, store.ErrExists) {
		m.meddle = nil
		do()
	}
	return r, err
}

// A restore that meets a delete restores the recording instead of answering 404.
func TestRestoreMeetsADelete(t *testing.T) {
	t.Parallel()
	var m *meddling
	s := newFaultySingle(t, Delivery{}, faults{restoreDays: 7, writer: func(next DeleteStore) DeleteStore {
		m = &meddling{DeleteStore: next}
		return m
	}})
	s.put(t, noise(100), nil)
	m.meddle = func() { s.do(t, http.MethodDelete, onePath, "").wantStatus(t, http.StatusOK, "") }
	s.do(t, http.MethodPost, restorePath, "").wantStatus(t, http.StatusOK, "")
	if m.meddle != nil {
		t.Error("the recording was not deleted meanwhile")
	}
	s.do(t, http.MethodGet, onePath, "").wantStatus(t, http.StatusOK, "")
}

// Bearers with the right to restore can list deleted recordings, in order, in pages and with
// filters.
func TestListOfDeleted(t *testing.T) {
	t.Parallel()
	s := newRuledAPI(t, nil)
	s.staff(t)
	for i := range 5 {
		id := fmt.Sprintf("202603-call%d", i)
		s.put(t, entry{id: id, owner: "member", created: daysAgo(9 - i)})
		d := deletion.New(s.store, 7+i, s.env.Now)
		if _, err := d.Delete(t.Context(), tenant, id, deletion.Request{By: "admin"}); err != nil {
			t.Fatal(err)
		}
	}
	s.put(t, entry{id: "202603-live", owner: "member", created: daysAgo(1)})
	admin := s.bearer(t, tenant, "admin")
	for query, want := range map[string][]string{
		"deleted=true":                                          {"202603-call4", "202603-call3", "202603-call2", "202603-call1", "202603-call0"},
		"deleted=true&ascending=true":                           {"202603-call0", "202603-call1", "202603-call2", "202603-call3", "202603-call4"},
		"deleted=true&paginate=false&ascending=true":            {"202603-call0", "202603-call1", "202603-call2", "202603-call3", "202603-call4"},
		"deleted=true&filter_owner_id=nobody":                   nil,
		fmt.Sprintf("deleted=true&created_from=%d", daysAgo(6)): {"202603-call4", "202603-call3"},
		"deleted=false":                                         {"202603-live"},
		"":                                                      {"202603-live"},
	} {
		if got := s.send(t, admin, http.MethodGet, tenantList+"?"+query, "").ids(t); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	one := s.send(t, admin, http.MethodGet, tenantList+"?deleted=true&page_size=1", "")
	part := fmt.Sprintf(`"deleted":true,"deleted_at":%d,"deleted_by":"admin","restorable_until":%d`,
		recording.SecondsOf(today), recording.SecondsOf(today.Add(11*24*time.Hour)))
	if !strings.Contains(string(one.body), part) {
		t.Errorf("body = %s, want %s", one.body, part)
	}
	var walked []string
	for next := ""; ; {
		p := s.send(t, admin, http.MethodGet, tenantList+"?deleted=true&page_size=2&start_key="+url.QueryEscape(next), "")
		walked = append(walked, p.ids(t)...)
		start := p.page(t).NextStart
		if start == nil {
			break
		}
		next = *start
	}
	if len(walked) != 5 {
		t.Errorf("pages of 2 show %q, want 5 recordings", walked)
	}
	for _, role := range []string{"auditor", "supervisor", "member"} {
		s.send(t, s.bearer(t, tenant, role), http.MethodGet, tenantList+"?deleted=true", "").wantRefusal(t, string(access.Restore))
		s.send(t, s.bearer(t, tenant, role), http.MethodPost, tenantList+"/202603-call1/restore", "").wantRefusal(t, string(access.Restore))
	}
	users := s.send(t, admin, http.MethodGet, tenantBase+"/users/member/recordings?deleted=true", "")
	if got := users.ids(t); len(got) != 5 {
		t.Errorf("the list of the user shows %q, want 5 recordings", got)
	}
}

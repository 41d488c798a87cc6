package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/store"
)

// memoryTrail keeps entries in memory. It fails if broken is true.
type memoryTrail struct {
	mu      sync.Mutex
	entries []audit.Entry
	broken  bool
}

func (m *memoryTrail) Record(_ context.Context, e audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return fmt.Errorf("%w: %w", audit.ErrUnrecorded, store.ErrUnavailable)
	}
	m.entries = append(m.entries, e)
	return nil
}

// take returns the entries since the last call, as "action result recording".
func (m *memoryTrail) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, e := range m.entries {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s%s%s", e.Action, e.Result, e.Recording, e.Object, atLink(e.Link))))
	}
	m.entries = nil
	return all
}

// atLink shows that an entry names a link, without the link's random ID.
func atLink(id string) string {
	if id == "" {
		return ""
	}
	return " by a link"
}

func (m *memoryTrail) want(t testing.TB, what string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, m.take()); diff != "" {
		t.Errorf("%s: entries (-want +got):\n%s", what, diff)
	}
}

// granted gives every token the same grant.
type granted access.Grant

func (g granted) Grant(_ context.Context, b auth.Bearer, account string) (access.Grant, error) {
	if b.Account != account {
		return access.Grant{}, access.ErrOutOfReach
	}
	return access.Grant(g), nil
}

// newAudited returns the API of single recordings with an audit trail in memory.
func newAudited(t testing.TB, g access.Grant, f faults) (*single, *memoryTrail) {
	trail := &memoryTrail{}
	f.env = func(e *Env) { e.Audit, e.Access = trail, granted(g) }
	return newFaultySingle(t, Delivery{}, f), trail
}

func TestTrail(t *testing.T) {
	t.Parallel()
	s, trail := newAudited(t, access.Full, faults{})
	s.put(t, noise(100), nil)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		header                   []string
		want                     []string
	}{
		{"the document", http.MethodGet, onePath, "", http.StatusOK, nil, nil},
		{"the audio", http.MethodGet, audioPath, "", http.StatusOK, nil, []string{"listen done " + oneID}},
		{"a range", http.MethodGet, audioPath, "", http.StatusPartialContent, []string{"Range", "bytes=1-2"}, []string{"listen done " + oneID}},
		{"the headers", http.MethodHead, audioPath, "", http.StatusOK, nil, nil},
		{"a redirect", http.MethodGet, audioPath + "&delivery=redirect", "", http.StatusFound, nil, []string{"listen done " + oneID}},
		{"unknown audio", http.MethodGet, oneBase + "/recordings/202311-x?accept=audio", "", http.StatusNotFound, nil, nil},
		{"a tag", http.MethodPatch, onePath, `{"data":{"user_metadata":{"tag":"new"}}}`, http.StatusOK, nil, []string{"tag done " + oneID}},
		{"a lost race", http.MethodPatch, onePath, `{"data":{"user_metadata":{"tag":"x"}}}`, http.StatusPreconditionFailed, []string{"If-Match", `"other"`}, nil},
		{"a new recording", http.MethodPut, oneBase + "/recordings", `{"data":{"id":"202311-new","start":63867780000}}`, http.StatusCreated, []string{"Content-Type", "application/json"}, []string{"create done 202311-new"}},
		{"a conflict", http.MethodPut, oneBase + "/recordings", `{"data":{"id":"202311-new","start":63867780001}}`, http.StatusConflict, []string{"Content-Type", "application/json"}, []string{"create done 202311-new", "create failed 202311-new"}},
		{"a delete", http.MethodDelete, onePath, "", http.StatusOK, nil, []string{"delete done " + oneID}},
		{"another delete", http.MethodDelete, onePath, "", http.StatusNotFound, nil, nil},
		{"another account", http.MethodDelete, "/v2/accounts/other/recordings/" + oneID, "", http.StatusForbidden, nil, []string{"delete refused " + oneID + "account/other"}},
	} {
		if got := s.do(t, c.method, c.path, c.body, c.header...); got.status != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.name, got.status, c.status, got.body)
		}
		trail.want(t, c.name, c.want...)
	}
}

// An entry has the user, the reason and the address of the client.
func TestTrailEntry(t *testing.T) {
	t.Parallel()
	s, trail := newAudited(t, access.Full, faults{})
	s.put(t, noise(100), nil)
	s.do(t, http.MethodGet, audioPath, "", "X-Reason", "case 7")
	want := []audit.Entry{{
		Account: oneAccount, Actor: audit.Actor{Account: oneAccount, Role: access.Admin}, Action: access.Listen, Recording: oneID,
		Result: audit.Done, Reason: "case 7", RequestID: "req-1", Address: "192.0.2.1:1234",
	}}
	if diff := cmp.Diff(want, trail.entries); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// For a bearer with limited rights, the trail has the same entry whether the recording
// belongs to another user or does not exist, so that both answers take the same time.
func TestTrailOfLimitedRights(t *testing.T) {
	t.Parallel()
	s, trail := newAudited(t, access.Grant{Role: access.User, Owner: "someone"}, faults{})
	s.put(t, noise(100), nil)
	for path, id := range map[string]string{audioPath: oneID, oneBase + "/recordings/202311-x?accept=audio": "202311-x"} {
		s.do(t, http.MethodGet, path, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
		trail.want(t, path, "listen refused "+id)
	}
	s.do(t, http.MethodDelete, onePath, "").wantStatus(t, http.StatusForbidden, "forbidden")
	trail.want(t, "delete", "delete refused "+oneID)
}

// Without its entry, nothing goes out, nothing changes, and the answer is 503.
func TestBrokenTrail(t *testing.T) {
	t.Parallel()
	s, trail := newAudited(t, access.Full, faults{})
	rec := s.put(t, noise(100), nil)
	trail.broken = true
	for _, c := range []struct{ method, path, body string }{
		{http.MethodGet, audioPath, ""},
		{http.MethodGet, audioPath + "&delivery=redirect", ""},
		{http.MethodPatch, onePath, `{"data":{"user_metadata":{"tag":"new"}}}`},
		{http.MethodPut, oneBase + "/recordings", `{"data":{"id":"202311-new","start":63867780000}}`},
		{http.MethodDelete, onePath, ""},
		{http.MethodGet, "/v2/accounts/other/recordings/" + oneID, ""},
	} {
		got := s.do(t, c.method, c.path, c.body, "Content-Type", "application/json")
		got.wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
		if got.header.Get("Location") != "" || got.header.Get("Content-Length") == "100" {
			t.Errorf("%s %s: headers %v", c.method, c.path, got.header)
		}
	}
	if got, err := s.store.Get(t.Context(), oneAccount, oneID); err != nil || got.Revision != rec.Revision {
		t.Errorf("Get = %+v, %v; want the recording unchanged", got, err)
	}
	if _, err := s.store.Get(t.Context(), oneAccount, "202311-new"); err == nil {
		t.Error("a recording was created")
	}
	s.do(t, http.MethodGet, onePath, "").wantStatus(t, http.StatusOK, "")
}

// A request has its entry even if the audio cannot be read, and no goroutine outlives it.
func TestTrailOfLostAudio(t *testing.T) {
	t.Parallel()
	s, trail := newAudited(t, access.Full, faults{audio: func(r media.Reader) media.Reader { return r }})
	s.put(t, nil, nil)
	s.do(t, http.MethodGet, audioPath, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	trail.want(t, "lost audio", "listen done "+oneID)
}

package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/search"
)

const holdsPath = tenantList + "/holds"

// newHoldAPI returns an API with holds and an audit trail, and the token of an
// administrator.
func newHoldAPI(t *testing.T) (*ruledAPI, string, *memoryTrail) {
	t.Helper()
	trail := &memoryTrail{}
	s := newRuledAPI(t, func(e *Env) { e.Audit = trail })
	s.staff(t)
	s.handlers[OpRetention] = Retention(s.env, s.store, hold.NewBook(s.store, s.env.Now, rand.Reader, false))
	view := retention.NewView(s.store, retention.NewRules(s.store, s.env.Now))
	s.handlers[OpList], s.handlers[OpGet] = List(s.env, view, s.sealer, true), Get(s.env, view, noAudio{}, Delivery{})
	return s, s.bearer(t, tenant, "admin"), trail
}

// placed places a hold and returns its ID.
func (s *ruledAPI) placed(t *testing.T, token, body string) string {
	t.Helper()
	made := s.send(t, token, http.MethodPost, holdsPath, body)
	if made.Code != http.StatusCreated {
		t.Fatalf("POST %s = %d %s", body, made.Code, made.body)
	}
	_, rest, _ := strings.Cut(string(made.body), `"data":{"id":"`)
	return rest[:16]
}

// A hold is placed, found, released, and still found.
func TestHolds(t *testing.T) {
	t.Parallel()
	s, root, trail := newHoldAPI(t)
	s.put(t, entry{id: "202603-call", created: daysAgo(1)})
	s.send(t, root, http.MethodGet, holdsPath, "").has(t, "GET without holds", http.StatusOK, `{"data":[],"status"`)
	const body = `{"data":{"case":"Smith v. Example","reason":"letter of the court","number":"+1 555 123 4567","from":63900000000}}`
	id := s.placed(t, root, body)
	if again := s.placed(t, root, body); again != id {
		t.Errorf("a retry placed the hold %s, want %s", again, id)
	}
	now := recording.SecondsOf(s.env.Now())
	whole := fmt.Sprintf(`{"id":"%s","case":"Smith v. Example","reason":"letter of the court","number":"+1 555 123 4567","from":63900000000,"placed":%d,"placed_by":"admin"`, id, now)
	s.send(t, root, http.MethodGet, holdsPath, "").has(t, "GET", http.StatusOK, `{"data":[`+whole+`}],"status"`)
	s.send(t, root, http.MethodGet, holdsPath+"/"+id, "").has(t, "GET of one", http.StatusOK, `{"data":`+whole+`},`)
	other := s.placed(t, root, `{"case":"2","reason":"r","recording_id":"202603-call"}`)
	account := s.placed(t, root, `{"case":"3","reason":"r","account":true}`)
	s.send(t, root, http.MethodGet, holdsPath+"/"+account, "").has(t, "GET of one on the account", http.StatusOK, `"reason":"r","account":true,"placed":`)

	s.send(t, root, http.MethodDelete, holdsPath+"/"+id, "").has(t, "a release without a reason", http.StatusBadRequest, `"reason":{"required":{`)
	end := fmt.Sprintf(`,"released":%d,"released_by":"admin","release_reason":"settled"}`, now)
	s.send(t, root, http.MethodDelete, holdsPath+"/"+id, `{"data":{"reason":"settled"}}`).has(t, "a release", http.StatusOK, `{"data":`+whole+end)
	s.send(t, root, http.MethodDelete, holdsPath+"/"+id+"?reason=again", "").has(t, "a second release", http.StatusOK, `{"data":`+whole+end)
	s.send(t, root, http.MethodDelete, holdsPath+"/"+account, "", "X-Reason", "over").has(t, "a release by the header", http.StatusOK, `"release_reason":"over"}`)
	s.send(t, root, http.MethodGet, holdsPath+"/"+id, "").has(t, "GET of a released one", http.StatusOK, end)
	s.send(t, root, http.MethodGet, holdsPath, "").has(t, "GET after releases", http.StatusOK, `{"data":[{"id":"`+other+`","case":"2","reason":"r","recording_id":"202603-call",`)
	first, second := min(id, account), max(id, account)
	s.send(t, root, http.MethodGet, holdsPath+"?released=true&page_size=1", "").has(t, "the first page", http.StatusOK, `"next_start_key":"`+first+`"`)
	s.send(t, root, http.MethodGet, holdsPath+"?released=true&page_size=1&start_key="+first, "").has(t, "the second page", http.StatusOK, `{"data":[{"id":"`+second+`"`)

	var got []string
	for _, e := range trail.entries {
		got = append(got, strings.Join([]string{string(e.Action), e.Object, e.Recording, e.Reason, string(e.Result)}, " "))
	}
	want := []string{
		"hold hold/" + id + "  letter of the court done", "hold hold/" + other + " 202603-call r done", "hold hold/" + account + "  r done",
		"release hold/" + id + "  settled done", "release hold/" + account + "  over done",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the trail has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// To hold and to release are rights of their own. Auditors see holds.
func TestHoldsNeedRights(t *testing.T) {
	t.Parallel()
	s, root, _ := newHoldAPI(t)
	id := s.placed(t, root, `{"case":"c","reason":"r","account":true}`)
	for _, role := range access.Roles {
		token := s.bearer(t, tenant, string(role))
		sees := role == access.Admin || role == access.Auditor
		for _, path := range []string{holdsPath, holdsPath + "/" + id} {
			if got := s.send(t, token, http.MethodGet, path, ""); (got.Code == http.StatusOK) != sees {
				t.Errorf("GET %s by %s = %d %s", path, role, got.Code, got.body)
			}
		}
		if role == access.Admin {
			continue
		}
		s.send(t, token, http.MethodPost, holdsPath, `{"case":"c","reason":"r","account":true}`).wantRefusal(t, "hold")
		s.send(t, token, http.MethodDelete, holdsPath+"/"+id+"?reason=r", "").wantRefusal(t, "release")
	}
	elsewhere := s.bearer(t, "a5a8b7a1f5c2e4f7a9b8c7d6e5f4a3b2", "")
	if got := s.send(t, elsewhere, http.MethodGet, holdsPath, ""); got.Code != http.StatusForbidden {
		t.Errorf("GET with a token of another account = %d", got.Code)
	}
}

// Mistakes have answers that name the field.
func TestBadHolds(t *testing.T) {
	t.Parallel()
	s, root, trail := newHoldAPI(t)
	for body, want := range map[string]string{
		`{"case":"c","reason":"r"}`:                                  `"account":{"wrong_format"`,
		`{"case":"c","reason":"r","account":false}`:                  `"account":{"wrong_format"`,
		`{"case":"c","reason":"r","account":true,"owner_id":"anna"}`: `"account":{"wrong_format"`,
		`{"reason":"r","account":true}`:                              `"case":{"required"`,
		`{"case":"c","account":true}`:                                `"reason":{"required"`,
		`{"case":"c","reason":"a\nb","account":true}`:                `"reason":{"wrong_format"`,
		`{"case":"c","reason":"r","number":"anonymous"}`:             `"number":{"wrong_format"`,
		`{"case":"c","reason":"r","owner_id":"an na"}`:               `"owner_id":{"wrong_format"`,
		`{"case":"c","reason":"r","recording_id":"x"}`:               `"recording_id":{"wrong_format"`,
		`{"case":"c","reason":"r","from":2,"to":1}`:                  `"to":{"wrong_format"`,
		`{"case":"c","reason":"r","from":-1}`:                        `"from":{"wrong_format"`,
		`{"case":"c","reason":"r","from":"yesterday"}`:               `"from":{"type"`,
		`{"case":"c","reason":"r","account":true,"until":1}`:         `"until":{"additionalProperties"`,
		`[]`: `"data":{"type"`,
		`{"case":"` + strings.Repeat("c", 201) + `","reason":"r","to":5}`: `"case":{"wrong_format"`,
	} {
		s.sendUnchecked(t, root, http.MethodPost, holdsPath, body).has(t, "POST "+body, http.StatusBadRequest, want)
	}
	s.send(t, root, http.MethodPost, holdsPath, `{"case":"c","reason":"r","recording_id":"202603-none"}`).
		has(t, "POST for no recording", http.StatusNotFound, `"cause":"202603-none"`)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		s.send(t, root, method, holdsPath+"/0123456789abcdef?reason=r", "").has(t, method+" of no hold", http.StatusNotFound, `"cause":"0123456789abcdef"`)
		s.sendUnchecked(t, root, method, holdsPath+"/x%2Fy?reason=r", "").has(t, method+" of no ID", http.StatusNotFound, `"bad_identifier"`)
	}
	s.sendUnchecked(t, root, http.MethodGet, holdsPath+"?released=maybe", "").has(t, "GET released=maybe", http.StatusBadRequest, `"released":{"type"`)
	if len(trail.entries) > 0 {
		t.Errorf("the trail has %+v", trail.entries)
	}
}

// Documents show their holds to bearers with a right to see them, in every form of a list
// but CSV. CSV has no column for them.
func TestDocumentsShowHolds(t *testing.T) {
	t.Parallel()
	s, root, _ := newHoldAPI(t)
	s.put(t, entry{id: "202603-call", owner: "user", created: daysAgo(1)}, entry{id: "202603-other", owner: "supervisor", created: daysAgo(1)})
	x := &search.Indexer{Store: s.store, Now: s.env.Now, Random: rand.Reader, Atomic: true}
	if err := x.Index(t.Context(), tenant, "202603-call"); err != nil {
		t.Fatal(err)
	}
	id := s.placed(t, root, `{"case":"c","reason":"r","owner_id":"user"}`)
	for _, role := range []access.Role{access.Admin, access.Auditor, access.User, access.Service} {
		token := s.bearer(t, tenant, string(role))
		sees := role == access.Admin || role == access.Auditor
		for _, path := range []string{
			"", "/202603-call", "?paginate=false", "?accept=csv", "?search=user", "?search=user&paginate=false", "?fields=id,_read_only",
			"?sort=duration&paginate=false", fmt.Sprintf("?sort=duration&created_from=%d", daysAgo(2)), "?search=user&sort=from", "?sort=from&search=user&accept=csv",
		} {
			got := s.send(t, token, http.MethodGet, tenantList+path, "")
			if text := string(got.body); got.Code != http.StatusOK || !strings.Contains(text, "202603-call") || strings.Contains(text, id) != (sees && !strings.Contains(path, "csv")) {
				t.Errorf("GET %s by %s = %d %s, shows holds: %v", path, role, got.Code, text, sees)
			}
		}
	}
}

// A PATCH does not take a recording out of a hold on a number that only its user_metadata has.
func TestPatchLeavesTheNumberOfAHold(t *testing.T) {
	t.Parallel()
	s, root, _ := newHoldAPI(t)
	s.handlers[OpPatch] = Patch(s.env, retention.NewView(s.store, retention.NewRules(s.store, s.env.Now)))
	s.put(t, entry{id: "202603-call", owner: "user", created: daysAgo(1)})
	patch := func(metadata string, want int) string {
		t.Helper()
		got := s.send(t, root, http.MethodPatch, tenantList+"/202603-call", `{"data":{"user_metadata":`+metadata+`}}`)
		if got.Code != want {
			t.Errorf("PATCH %s = %d %s, want %d", metadata, got.Code, got.body, want)
		}
		return string(got.body)
	}
	patch(`{"callback":"+49 30 1234567"}`, http.StatusOK)
	id := s.placed(t, root, `{"case":"c","reason":"r","number":"030 1234567"}`)
	patch(`{"note":"called back"}`, http.StatusOK)
	patch(`{"callback":"0049 30 1234567"}`, http.StatusOK)
	for _, metadata := range []string{`{"callback":null}`, `{"callback":"+49 30 1234568"}`} {
		if body := patch(metadata, http.StatusConflict); !strings.Contains(body, "on legal hold") || !strings.Contains(body, id) {
			t.Errorf("PATCH %s = %s, want the hold %s", metadata, body, id)
		}
	}
	patch(`{"callback":null,"note":"of 030 1234567","number":"030 1234567"}`, http.StatusOK)
}

// racingTrail is an audit trail that calls meanwhile once, before its first entry.
type racingTrail struct {
	memoryTrail

	meanwhile func()
}

func (r *racingTrail) Record(ctx context.Context, e audit.Entry) error {
	if meanwhile := r.meanwhile; meanwhile != nil {
		r.meanwhile = nil
		meanwhile()
	}
	return r.memoryTrail.Record(ctx, e)
}

// Two requests for the same hold at the same time place one, and both get it. The audit trail shows
// that the second request placed nothing.
func TestSameHoldTwiceAtATime(t *testing.T) {
	t.Parallel()
	trail := &racingTrail{}
	s := newRuledAPI(t, func(e *Env) { e.Audit = trail })
	s.staff(t)
	s.handlers[OpRetention] = Retention(s.env, s.store, hold.NewBook(s.store, s.env.Now, rand.Reader, false))
	root := s.bearer(t, tenant, "admin")
	const body = `{"case":"c","reason":"r","owner_id":"user"}`
	var first string
	trail.meanwhile = func() { first = s.placed(t, root, body) }
	if second := s.placed(t, root, body); second != first || first == "" {
		t.Errorf("the holds are %q and %q, want one", first, second)
	}
	active, err := hold.Read(t.Context(), s.store, tenant)
	if err != nil || len(active.Holds()) != 1 {
		t.Errorf("the holds are %+v, %v, want one", active.Holds(), err)
	}
	got := trail.take()
	if len(got) != 3 || got[0] != "hold done hold/"+first || got[2] != strings.Replace(got[1], "done", "failed", 1) {
		t.Errorf("the trail is %q", got)
	}
}

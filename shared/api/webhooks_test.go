package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/webhook"
)

const hooksPath = tenantList + "/webhooks"

// newHookAPI returns an API with webhooks.
func newHookAPI(t testing.TB) *ruledAPI {
	t.Helper()
	s := newRuledAPI(t, nil)
	s.staff(t)
	if _, err := s.directory.SetUser(t.Context(), otherTenant, "admin", access.UserEntry{Role: access.Admin}); err != nil {
		t.Fatal(err)
	}
	s.handlers[OpAccess] = Manage(s.env, s.store, s.sealer, &webhook.Book{Entries: s.store, Feed: feed.New(s.store, s.env.Now), Now: s.env.Now})
	return s
}

// hook sends a request about webhooks as an administrator, and decodes the webhook in the
// answer.
func (s *ruledAPI) hook(t testing.TB, method, path, body string, status int) (w webhookData) {
	t.Helper()
	g := s.send(t, s.bearer(t, tenant, "admin"), method, path, body, "Content-Type", "application/json")
	g.want(t, status, "")
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(g.body, &answer); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(answer.Data, &w) // a list stays zero
	return w
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	s := newHookAPI(t)
	made := s.hook(t, http.MethodPost, hooksPath, `{"data":{"url":"https://hooks.example.com/x?key=1"}}`, http.StatusCreated)
	if !strings.HasPrefix(made.Secret, webhook.SecretPrefix) || made.State != "active" || made.URL != "https://hooks.example.com/x?key=1" {
		t.Errorf("POST = %+v", made)
	}
	shown := s.hook(t, http.MethodGet, hooksPath+"/"+made.ID, "", http.StatusOK)
	secret := made.Secret
	if made.Secret = ""; shown != made {
		t.Errorf("GET = %+v, want %+v", shown, made)
	}
	list := s.send(t, s.bearer(t, tenant, "admin"), http.MethodGet, hooksPath, "")
	list.want(t, http.StatusOK, "")
	if !strings.Contains(string(list.body), made.ID) || strings.Contains(string(list.body), secret) {
		t.Errorf("the list is %s", list.body)
	}
	other := s.send(t, s.bearer(t, otherTenant, "admin"), http.MethodGet, "/v2/accounts/"+otherTenant+"/recordings/webhooks/"+made.ID, "")
	other.want(t, http.StatusNotFound, "bad_identifier")
	if removed := s.hook(t, http.MethodDelete, hooksPath+"/"+made.ID, "", http.StatusOK); removed != made {
		t.Errorf("DELETE = %+v, want %+v", removed, made)
	}
	s.send(t, s.bearer(t, tenant, "admin"), http.MethodDelete, hooksPath+"/"+made.ID, "").want(t, http.StatusNotFound, "bad_identifier")
	if s.log.Len() == 0 || strings.Contains(s.log.String(), secret) || strings.Contains(s.log.String(), "hooks.example.com") {
		t.Errorf("the log is %s, want lines without the secret and the URL", s.log)
	}
}

func TestWebhookRefusals(t *testing.T) {
	t.Parallel()
	s := newHookAPI(t)
	for body, want := range map[string]string{
		`{"data":{"url":"http://hooks.example.com/"}}`:               `"url":{"wrong_format":`,
		`{"data":{"url":"https://169.254.169.254/"}}`:                `"url":{"wrong_format":`,
		`{"data":{"url":"https://localhost/"}}`:                      `"url":{"wrong_format":`,
		`{"data":{}}`:                                                `"url":{"wrong_format":`,
		`{"data":{"url":"https://hooks.example.com/","secret":"x"}}`: `"secret":{"additionalProperties":`,
		`{"data":{"url":5}}`:                                         `"url":{"type":`,
	} {
		r := ruledRequest(t, s.bearer(t, tenant, "admin"), http.MethodPost, hooksPath, body, []string{"Content-Type", "application/json"})
		g := serveUnchecked(t, s.handlers[OpAccess], r)
		g.want(t, http.StatusBadRequest, "validation error")
		if !strings.Contains(string(g.body), want) {
			t.Errorf("%s = %s, want %s", body, g.body, want)
		}
	}
	const good = `{"data":{"url":"https://hooks.example.com/"}}`
	for _, role := range access.Roles {
		if role == access.Admin {
			continue
		}
		g := s.send(t, s.bearer(t, tenant, string(role)), http.MethodPost, hooksPath, good, "Content-Type", "application/json")
		g.want(t, http.StatusForbidden, "forbidden")
	}
	for range webhook.MaxPerAccount {
		s.hook(t, http.MethodPost, hooksPath, good, http.StatusCreated)
	}
	more := s.send(t, s.bearer(t, tenant, "admin"), http.MethodPost, hooksPath, good, "Content-Type", "application/json")
	more.want(t, http.StatusConflict, "datastore_conflict")
	s.handlers[OpAccess] = Manage(s.env, s.store, s.sealer, nil)
	s.send(t, s.bearer(t, tenant, "admin"), http.MethodGet, hooksPath, "").want(t, http.StatusNotFound, "not_found")
}

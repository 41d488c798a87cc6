package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

func TestLinkIsMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "https://pbx.example.com/live")
	owner := s.as(t, oneAccount, oneUser)
	now := recording.SecondsOf(oneNow)

	made := s.ask(t, owner, http.MethodPost, linksPath, `{"data":{"expires_in":60,"plays":1,"inline":true,"ui_metadata":{}}}`)
	made.wantStatus(t, http.StatusCreated, "")
	var first linkData
	made.data(t, &first)
	want := linkData{ID: first.ID, URL: first.URL, Created: now, Expires: now + 60, Plays: 1, Inline: true, Maker: oneUser}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("POST (-want +got):\n%s", diff)
	}
	if base := "https://pbx.example.com/live" + linksPath + "/" + first.ID + "/" + first.ID[:8] + "-"; !strings.HasPrefix(first.URL, base) || len(first.URL) != len(base)+43 {
		t.Errorf("url = %s, want %s and 43 characters", first.URL, base)
	}
	if got := made.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %s", got)
	}
	s.trail.want(t, "POST", "share done "+oneID+" by a link")

	bare := s.ask(t, owner, http.MethodPost, linksPath, `{}`)
	var second linkData
	bare.data(t, &second)
	if bare.wantStatus(t, http.StatusCreated, ""); second.Expires != now+3600 || second.Plays != 0 || second.Inline {
		t.Errorf("the defaults are %+v, want an hour, any number of plays, and saving", second)
	}

	var list []linkData
	all := s.ask(t, owner, http.MethodGet, linksPath, "")
	all.data(t, &list)
	first.URL, second.URL = "", ""
	ordered := []linkData{first, second}
	slices.SortFunc(ordered, func(a, b linkData) int { return strings.Compare(a.ID, b.ID) })
	if diff := cmp.Diff(ordered, list); diff != "" {
		t.Errorf("GET (-want +got):\n%s", diff)
	}
	if strings.Contains(all.body, first.ID[:8]+"-") || strings.Contains(all.body, "sum") {
		t.Errorf("the list has a secret: %s", all.body)
	}
	s.trail.take()

	var revoked linkData
	s.ask(t, owner, http.MethodDelete, linksPath+"/"+first.ID, "").data(t, &revoked)
	if diff := cmp.Diff(first, revoked); diff != "" {
		t.Errorf("DELETE (-want +got):\n%s", diff)
	}
	s.trail.want(t, "DELETE", "share done "+oneID+" by a link")
	s.ask(t, owner, http.MethodDelete, linksPath+"/"+first.ID, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	if s.ask(t, owner, http.MethodGet, linksPath, "").data(t, &list); len(list) != 1 || list[0].ID != second.ID {
		t.Errorf("after DELETE, the list is %+v", list)
	}
	s.advance(2 * time.Hour)
	if empty := s.ask(t, owner, http.MethodGet, linksPath, ""); !strings.Contains(empty.body, `"data":[]`) {
		t.Errorf("after the expiry, the list is %s", empty.body)
	}
}

// Without a public URL, the link has the address that the request came to.
func TestLinkHasTheAddressOfTheRequest(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	for want, header := range map[string][]string{
		"https://example.com" + linksPath:          nil,
		"http://example.com" + linksPath:           {"X-Forwarded-Proto", "http"},
		"https://example.com/live" + linksPath:     {"X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/live"},
		"https://example.com/live/a/b" + linksPath: {"X-Forwarded-Prefix", "/live/a/b"},
	} {
		made := s.ask(t, s.as(t, oneAccount, oneUser), http.MethodPost, linksPath, `{}`, header...)
		if got := made.text(t, "data", "url"); !strings.HasPrefix(got, want+"/") {
			t.Errorf("%q: url = %s, want %s/…", header, got, want)
		}
	}
}

func TestWrongLinks(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	owner := s.as(t, oneAccount, oneUser)
	for body, want := range map[string]string{
		`{"data":{"expires_in":0}}`:              "expires_in.minimum",
		`{"data":{"expires_in":-1}}`:             "expires_in.minimum",
		`{"data":{"expires_in":2678401}}`:        "expires_in.maximum",
		`{"data":{"expires_in":"60"}}`:           "expires_in.type",
		`{"data":{"expires_in":1.5}}`:            "expires_in.type",
		`{"data":{"expires_in":1e300}}`:          "expires_in.type",
		`{"data":{"expires_in":null}}`:           "expires_in.type",
		`{"data":{"plays":-1}}`:                  "plays.minimum",
		`{"data":{"plays":1001}}`:                "plays.maximum",
		`{"data":{"plays":true}}`:                "plays.type",
		`{"data":{"inline":"true"}}`:             "inline.type",
		`{"data":{"recording_id":"202601-a"}}`:   "recording_id.additionalProperties",
		`{"data":{"url":"https://example.com"}}`: "url.additionalProperties",
		`{"data":[]}`:                            "data.type",
		`[]`:                                     "data.type",
	} {
		got := s.askUnchecked(t, owner, http.MethodPost, linksPath, body, false)
		got.wantStatus(t, http.StatusBadRequest, "validation error")
		var data map[string]map[string]any
		got.data(t, &data)
		field, code, _ := strings.Cut(want, ".")
		if data[field][code] == nil {
			t.Errorf("%s: data = %v, want %s", body, data, want)
		}
	}
	for name, c := range map[string]struct {
		body    string
		header  []string
		status  int
		message string
	}{
		"no JSON":      {`{`, nil, http.StatusBadRequest, "parse_error"},
		"nothing":      {``, nil, http.StatusBadRequest, "parse_error"},
		"twice":        {`{"plays":1,"plays":2}`, nil, http.StatusBadRequest, "parse_error"},
		"another type": {`{}`, []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType, "unsupported_media_type"},
		"only audio":   {`{}`, []string{"Accept", "audio/mpeg"}, http.StatusNotAcceptable, "not_acceptable"},
	} {
		t.Run(name, func(t *testing.T) {
			s.askUnchecked(t, owner, http.MethodPost, linksPath, c.body, false, c.header...).wantStatus(t, c.status, c.message)
		})
	}
	s.trail.take()
	for _, plays := range []string{"0", "1000"} {
		s.ask(t, owner, http.MethodPost, linksPath, `{"data":{"expires_in":2678400,"plays":`+plays+`}}`).wantStatus(t, http.StatusCreated, "")
	}
}

func TestTooManyLinks(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	owner := s.as(t, oneAccount, oneUser)
	id := ""
	for range link.MaxLive {
		id, _ = s.made(t, owner, `{}`)
	}
	s.trail.take()
	s.ask(t, owner, http.MethodPost, linksPath, `{}`).wantStatus(t, http.StatusConflict, "datastore_conflict")
	s.trail.want(t, "one more", "share done "+oneID+" by a link", "share failed "+oneID+" by a link")
	s.ask(t, owner, http.MethodDelete, linksPath+"/"+id, "").wantStatus(t, http.StatusOK, "")
	s.ask(t, owner, http.MethodPost, linksPath, `{}`).wantStatus(t, http.StatusCreated, "")
	var list []linkData
	if s.ask(t, owner, http.MethodGet, linksPath, "").data(t, &list); len(list) != link.MaxLive {
		t.Errorf("%d links, want %d", len(list), link.MaxLive)
	}
}

// Links need the right to share the recording. For a recording out of reach, the answers
// are those for an unknown ID.
func TestLinksOutOfReach(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	id, _ := s.made(t, s.as(t, oneAccount, oneUser), `{}`)
	for _, role := range access.Roles {
		s.role(t, string(role), role)
	}
	if _, err := s.directory.SetGroup(t.Context(), oneAccount, "group", access.Group{Leaders: []string{"supervisor"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.directory.AddMembers(t.Context(), oneAccount, "group", oneUser); err != nil {
		t.Fatal(err)
	}
	const unknown = "202311-unknown"
	for user, status := range map[string]int{
		"admin": http.StatusOK, "supervisor": http.StatusOK, "user": http.StatusNotFound, "stranger": http.StatusNotFound,
		"auditor": http.StatusForbidden, "service": http.StatusForbidden, "": http.StatusForbidden,
	} {
		token := s.as(t, oneAccount, user)
		for _, c := range []struct{ method, path, body string }{
			{http.MethodGet, "/links", ""}, {http.MethodPost, "/links", `{}`}, {http.MethodDelete, "/links/" + id, ""},
		} {
			if status == http.StatusOK && c.method == http.MethodDelete {
				continue
			}
			s.trail.take()
			answer := s.ask(t, token, c.method, onePath+c.path, c.body)
			entries := s.trail.take()
			other := s.ask(t, token, c.method, oneBase+"/recordings/"+unknown+c.path, c.body)
			name := fmt.Sprintf("%s %s by %q", c.method, c.path, user)
			switch status {
			case http.StatusOK:
				if answer.status/100 != 2 || other.status != http.StatusNotFound {
					t.Errorf("%s = %d, %d for an unknown ID", name, answer.status, other.status)
				}
			case http.StatusForbidden:
				if answer.wantStatus(t, status, "forbidden"); answer.text(t, "data", "cause") != "share" || other.status != status {
					t.Errorf("%s = %s, %d for an unknown ID", name, answer.body, other.status)
				}
			default:
				if want := strings.ReplaceAll(other.body, unknown, oneID); other.status != status || answer.status != status || answer.body != want {
					t.Errorf("%s = %d %s, want the answer for an unknown ID, %d %s", name, answer.status, answer.body, other.status, want)
				}
			}
			if status != http.StatusOK && !slices.Equal(entries, []string{"share refused " + oneID}) {
				t.Errorf("%s: entries %q", name, entries)
			}
		}
	}
	s.ask(t, s.as(t, "other", ""), http.MethodPost, linksPath, `{}`).wantStatus(t, http.StatusForbidden, "forbidden")
	s.ask(t, "", http.MethodPost, linksPath, `{}`).wantStatus(t, http.StatusUnauthorized, "invalid_credentials")
	s.ask(t, s.as(t, oneAccount, oneUser), http.MethodGet, oneBase+"/recordings/nomonth/links", "").wantStatus(t, http.StatusNotFound, "bad_identifier")
}

// Without an entry in the audit trail, no link is made or revoked, and none plays.
func TestLinksNeedTheTrail(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{Default: media.Redirect}, "")
	owner := s.as(t, oneAccount, oneUser)
	id, path := s.made(t, owner, `{}`)
	s.trail.broken = true
	for _, c := range []struct{ token, method, path, body string }{
		{owner, http.MethodPost, linksPath, `{}`},
		{owner, http.MethodDelete, linksPath + "/" + id, ""},
		{"", http.MethodGet, path, ""},
	} {
		got := s.ask(t, c.token, c.method, c.path, c.body)
		if got.wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable"); got.header.Get("Location") != "" {
			t.Errorf("%s: headers %v", c.method, got.header)
		}
	}
	s.trail.broken = false
	var list []linkData
	if s.ask(t, owner, http.MethodGet, linksPath, "").data(t, &list); len(list) != 1 || list[0].ID != id {
		t.Errorf("links: %+v, want the one", list)
	}
}

// Browsers may make and revoke links from other origins.
func TestPreflightsOfLinks(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	for path, want := range map[string]string{
		linksPath:                  "OPTIONS, GET, POST",
		linksPath + "/id":          "OPTIONS, DELETE",
		linksPath + "/id/a-secret": "OPTIONS, GET, HEAD",
	} {
		got := s.askUnchecked(t, "", http.MethodOptions, path, "", false)
		if got.status != http.StatusOK || got.header.Get("Access-Control-Allow-Methods") != want {
			t.Errorf("OPTIONS %s = %d, %q; want %q", path, got.status, got.header.Get("Access-Control-Allow-Methods"), want)
		}
	}
}

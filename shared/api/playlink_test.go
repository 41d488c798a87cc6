package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// checkLinkHeaders checks the headers that keep a link and its audio from others.
func checkLinkHeaders(t testing.TB, what string, p reply) {
	t.Helper()
	if p.header.Get("Cache-Control") != "no-store" || p.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%s: headers %v", what, p.header)
	}
}

func TestLinkPlays(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	owner := s.as(t, oneAccount, oneUser)
	_, inline := s.made(t, owner, `{"data":{"inline":true}}`)
	_, saved := s.made(t, owner, `{}`)
	audio := string(noise(100))
	for _, c := range []struct {
		name, method, path string
		header             []string
		status             int
		body               string
		want               []string // headers
	}{
		{"all", http.MethodGet, inline, nil, http.StatusOK, audio, []string{"Content-Disposition", `inline; filename="202311-6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071.mp3"`, "Content-Length", "100"}},
		{"to save", http.MethodGet, saved, nil, http.StatusOK, audio, []string{"Content-Disposition", `attachment; filename="202311-6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071.mp3"`}},
		{"whatever the query says", http.MethodGet, saved + "?inline=true&accept=json&delivery=redirect", nil, http.StatusOK, audio, []string{"Content-Disposition", `attachment; filename="202311-6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071.mp3"`}},
		{"whatever the client accepts", http.MethodGet, saved, []string{"Accept", "application/json"}, http.StatusOK, audio, nil},
		{"a range", http.MethodGet, saved, []string{"Range", "bytes=10-19"}, http.StatusPartialContent, audio[10:20], []string{"Content-Range", "bytes 10-19/100"}},
		{"the headers", http.MethodHead, saved, nil, http.StatusOK, "", []string{"Content-Length", "100", "Content-Type", "audio/mpeg"}},
		{"a slash at the end", http.MethodGet, saved + "/", nil, http.StatusOK, audio, nil},
		{"v1", http.MethodGet, strings.Replace(saved, "/v2/", "/v1/", 1), nil, http.StatusOK, audio, nil},
		{"with a bad token", http.MethodGet, saved, []string{"X-Auth-Token", "x"}, http.StatusOK, audio, nil},
	} {
		got := s.askUnchecked(t, "", c.method, c.path, "", !strings.Contains(c.path, "?") && !strings.HasSuffix(c.path, "/"), c.header...)
		if got.status != c.status || got.body != c.body {
			t.Errorf("%s = %d with %d bytes, want %d with %d", c.name, got.status, len(got.body), c.status, len(c.body))
		}
		checkLinkHeaders(t, c.name, got)
		for i := 0; i < len(c.want); i += 2 {
			if h := got.header.Get(c.want[i]); h != c.want[i+1] {
				t.Errorf("%s: %s = %q, want %q", c.name, c.want[i], h, c.want[i+1])
			}
		}
	}
	s.ask(t, "", http.MethodGet, saved, "", "Range", "bytes=100-").wantStatus(t, http.StatusRequestedRangeNotSatisfiable, "")
	tag := s.ask(t, "", http.MethodGet, saved, "").header.Get("ETag")
	again := s.ask(t, "", http.MethodGet, saved, "", "If-None-Match", tag)
	again.wantStatus(t, http.StatusNotModified, "")
	checkLinkHeaders(t, "304", again)
	s.askUnchecked(t, "", http.MethodPut, saved, "x", false).wantStatus(t, http.StatusMethodNotAllowed, "invalid_method")
}

// A link streams audio that does not fit into one answer, where the gateway streams.
func TestLinkStreams(t *testing.T) {
	t.Parallel()
	data := noise(gatewayLimit + 1)
	s := newLinkAPIOf(t, streaming, "", data)
	_, path := s.made(t, s.as(t, oneAccount, oneUser), `{}`)
	got := s.ask(t, "", http.MethodGet, path, "", "Range", "bytes=0-")
	got.wantStatus(t, http.StatusPartialContent, "")
	checkLinkHeaders(t, "stream", got)
	if got.body != string(data) {
		t.Errorf("got %d bytes that are not the %d bytes of audio", len(got.body), len(data))
	}
}

// The audit trail names the link of who listened.
func TestTrailOfLinks(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	id, path := s.made(t, s.as(t, oneAccount, oneUser), `{}`)
	s.trail.take()
	s.ask(t, "", http.MethodHead, path, "")
	s.ask(t, "", http.MethodGet, path, "", "X-Reason", "a claim of the client")
	want := []audit.Entry{{
		Account: oneAccount, Action: access.Listen, Recording: oneID, Result: audit.Done, RequestID: "req-1", Address: "192.0.2.1:1234", Link: id,
	}}
	if diff := cmp.Diff(want, s.trail.entries); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// A presigned URL ends with the link at the latest.
func TestLinkRedirects(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{Default: media.Redirect, PresignTTL: 5 * time.Minute}, "")
	owner := s.as(t, oneAccount, oneUser)
	_, path := s.made(t, owner, `{"data":{"expires_in":3600,"inline":true}}`)
	const listening = 2*62*time.Second + 10*time.Minute
	for _, c := range []struct{ wait, want time.Duration }{
		{0, listening}, {58 * time.Minute, 2 * time.Minute}, {time.Minute + 58*time.Second, 2 * time.Second}, {1500 * time.Millisecond, time.Second},
	} {
		s.advance(c.wait)
		got := s.ask(t, "", http.MethodGet, path, "")
		got.wantStatus(t, http.StatusFound, "")
		checkLinkHeaders(t, "redirect", got)
		u, err := url.Parse(got.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("X-Amz-Expires") != strconv.Itoa(int(c.want/time.Second)) || q.Get("response-cache-control") != "no-store" ||
			!strings.HasPrefix(q.Get("response-content-disposition"), "inline") {
			t.Errorf("after %s more, Location = %s, want it for %s", c.wait, u, c.want)
		}
	}
	s.ask(t, "", http.MethodHead, path, "").wantStatus(t, http.StatusOK, "")
	s.advance(500 * time.Millisecond)
	s.ask(t, "", http.MethodGet, path, "").wantStatus(t, http.StatusNotFound, "not_found")
}

// A link that has ended and a URL that never was a link have the same answer.
func TestDeadLinks(t *testing.T) {
	t.Parallel()
	const user = "77bc1d2e3f405162738495a6b7c8d9e1" // has the role admin
	for name, end := range map[string]func(t *testing.T, s *linkAPI, id, path string) string{
		"expired": func(_ *testing.T, s *linkAPI, _, path string) string { s.advance(time.Hour); return path },
		"revoked": func(t *testing.T, s *linkAPI, id, path string) string {
			s.ask(t, s.as(t, oneAccount, oneUser), http.MethodDelete, linksPath+"/"+id, "").wantStatus(t, http.StatusOK, "")
			return path
		},
		"played": func(t *testing.T, s *linkAPI, _, path string) string {
			s.ask(t, "", http.MethodGet, path, "", "User-Agent", "another client").wantStatus(t, http.StatusOK, "")
			return path
		},
		"recording deleted": func(t *testing.T, s *linkAPI, _, path string) string {
			if _, err := s.store.Delete(t.Context(), oneAccount, oneID, store.Deletion{}); err != nil {
				t.Fatal(err)
			}
			return path
		},
		"maker's role changed": func(t *testing.T, s *linkAPI, _, path string) string { s.role(t, user, access.Auditor); return path },
		"maker's role removed": func(t *testing.T, s *linkAPI, _, path string) string {
			if err := s.directory.RemoveUser(t.Context(), oneAccount, user); err != nil {
				t.Fatal(err)
			}
			return path
		},
		"account disabled": func(t *testing.T, s *linkAPI, _, path string) string {
			if err := s.tree.Add(t.Context(), oneAccount, "", ""); err != nil {
				t.Fatal(err)
			}
			if err := s.tree.Disable(t.Context(), oneAccount); err != nil {
				t.Fatal(err)
			}
			return path
		},
		"wrong secret":      func(_ *testing.T, _ *linkAPI, _, path string) string { return path[:len(path)-1] + "!" },
		"longer secret":     func(_ *testing.T, _ *linkAPI, _, path string) string { return path + "A" },
		"another account":   replaced(oneAccount, "other"),
		"malformed account": replaced(oneAccount, "a%2Fb%00"),
		"long account":      replaced(oneAccount, strings.Repeat("a", 3000)),
		"another recording": replaced(oneID, "202311-other"),
		"malformed ID":      replaced(oneID, "nomonth"),
		"another link": func(_ *testing.T, _ *linkAPI, id, path string) string {
			return strings.Replace(path, id, "0123456789abcdef", 1)
		},
		"malformed link": func(_ *testing.T, _ *linkAPI, id, path string) string {
			return strings.Replace(path, id, "%2e%2e%2fx", 1)
		},
		"long link": func(_ *testing.T, _ *linkAPI, id, path string) string {
			return strings.Replace(path, id, strings.Repeat("a", 3000), 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newLinkAPI(t, Delivery{}, "")
			s.role(t, user, access.Admin)
			id, path := s.made(t, s.as(t, oneAccount, user), `{"data":{"plays":1}}`)
			s.ask(t, "", http.MethodHead, path, "").wantStatus(t, http.StatusOK, "")
			path = end(t, s, id, path)
			s.trail.take()
			got := s.askUnchecked(t, "", http.MethodGet, path, "", false)
			got.wantStatus(t, http.StatusNotFound, "not_found")
			checkDead(t, got)
			s.askUnchecked(t, "", http.MethodHead, path, "", false).wantStatus(t, http.StatusNotFound, "")
			s.trail.want(t, name)
		})
	}
}

// The links of tokens end when the issuer of the tokens is removed, or may not issue tokens for the
// account any more.
func TestLinksOfARemovedIssuer(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	s.issuers["acme"] = &auth.Issuer{Name: "acme"}
	l, secret, err := s.links.Draft(link.Link{
		Account: oneAccount, Recording: oneID, Expires: recording.SecondsOf(s.now().Add(time.Hour)),
		Maker: link.Maker{Issuer: "acme", Account: oneAccount, Owner: "u", Role: string(access.Admin)},
	})
	if err == nil {
		err = s.links.Make(t.Context(), l, secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := linksPath + "/" + l.ID + "/" + secret
	s.ask(t, "", http.MethodGet, path, "").wantStatus(t, http.StatusOK, "")
	s.issuers["acme"] = &auth.Issuer{Name: "acme", Accounts: []string{"other"}}
	checkDead(t, s.ask(t, "", http.MethodGet, path, ""))
	delete(s.issuers, "acme")
	dead := s.ask(t, "", http.MethodGet, path, "")
	dead.wantStatus(t, http.StatusNotFound, "not_found")
	checkDead(t, dead)
}

func replaced(old, with string) func(*testing.T, *linkAPI, string, string) string {
	return func(_ *testing.T, _ *linkAPI, _, path string) string { return strings.Replace(path, old, with, 1) }
}

// checkDead checks the only answer for dead links, apart from the time.
func checkDead(t *testing.T, p reply) {
	t.Helper()
	body, _, _ := strings.Cut(p.body, `,"timestamp"`)
	const want = `{"data":{"doc":"/v2/errors#not_found","message":"this link does not work, or no longer works"},` +
		`"error":"404","message":"not_found","status":"error","request_id":"req-1","version":"` + Version + `","node":`
	if !strings.HasPrefix(body, want) {
		t.Errorf("body = %s, want %s…", p.body, want)
	}
	if p.header.Get("Referrer-Policy") != "no-referrer" || p.header.Get("ETag") != "" {
		t.Errorf("headers %v", p.header)
	}
}

// One listening is one play, however many ranges it takes. A listening ends some time
// after the audio would have.
func TestPlaysOfALink(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	owner := s.as(t, oneAccount, oneUser)
	id, path := s.made(t, owner, `{"data":{"plays":2,"expires_in":86400}}`)
	play := func(address, agent string, status int) {
		t.Helper()
		s.ask(t, "", http.MethodGet, path, "", "Remote", address, "User-Agent", agent, "Range", "bytes=0-9").wantStatus(t, status, "")
	}
	played := func(want int) {
		t.Helper()
		var list []linkData
		if s.ask(t, owner, http.MethodGet, linksPath, "").data(t, &list); len(list) != 1 || list[0].ID != id || list[0].Played != want {
			t.Errorf("links %+v, want one that was played %d times", list, want)
		}
	}
	s.ask(t, "", http.MethodHead, path, "").wantStatus(t, http.StatusOK, "")
	played(0)
	for range 5 {
		play("192.0.2.1", "player", http.StatusPartialContent)
	}
	played(1)
	s.advance(window(62*time.Second) - time.Second)
	play("192.0.2.1", "player", http.StatusPartialContent)
	played(1)
	play("192.0.2.2", "player", http.StatusPartialContent)
	played(2)
	play("192.0.2.2", "another", http.StatusNotFound)
	play("192.0.2.3", "player", http.StatusNotFound)
	s.advance(time.Second)
	play("192.0.2.1", "player", http.StatusNotFound)
	play("192.0.2.2", "player", http.StatusPartialContent)
	played(2)
}

// While the audio is pending, the answer explains that, and no play is counted.
func TestLinkOfPendingAudio(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	s.put(t, nil, func(r *recording.Recording) { r.ID, r.Audio = "202311-pending", recording.Audio{} })
	made := s.ask(t, s.as(t, oneAccount, oneUser), http.MethodPost, oneBase+"/recordings/202311-pending/links", `{"data":{"plays":1}}`)
	u, err := url.Parse(made.text(t, "data", "url"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := s.ask(t, "", http.MethodGet, u.Path, "", "User-Agent", fmt.Sprint(s.now()))
		got.wantStatus(t, http.StatusNotFound, "bad_identifier")
		if !strings.Contains(got.text(t, "data", "details"), "has not arrived") {
			t.Errorf("body %s", got.body)
		}
		s.advance(time.Second)
	}
}

// No log line has a secret of a link, its address or the maker.
func TestLinksStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	s := newLinkAPI(t, Delivery{}, "")
	_, path := s.made(t, s.as(t, oneAccount, oneUser), `{}`)
	secret := path[strings.LastIndex(path, "/")+1:]
	for _, target := range []string{path, path + "x", strings.Replace(path, oneID, "202311-other", 1), path + "?verb=DELETE"} {
		s.askUnchecked(t, "", http.MethodGet, target, "", false, "User-Agent", "agent-of-the-listener")
	}
	s.askUnchecked(t, "", http.MethodPut, path, "", false)
	log := s.log.String()
	if n := strings.Count(log, "\n"); n != 6 || strings.Count(log, `"route":"share"`) < 5 {
		t.Errorf("%d lines:\n%s", n, log)
	}
	for _, leak := range []string{secret, secret[9:], secret[:8] + "-", "192.0.2.1", "agent-of-the-listener", oneUser, oneID} {
		if strings.Contains(log, leak) {
			t.Errorf("the log has %s:\n%s", leak, log)
		}
	}
}

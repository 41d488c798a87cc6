package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/requestlog"
)

func TestOrderOfTheChecks(t *testing.T) {
	t.Parallel()
	s := sample(t)
	fallback := Fallback(s.env, nil)
	other := s.tokenOf(t, otherTenant)
	const none = "-"
	for _, tt := range []struct {
		name, method, path, token string
		want                      int
		message                   string
	}{
		{"no token, no route", "GET", "/nosuch", none, 401, "invalid_credentials"},
		{"no token, wrong method", "POST", tenantList, none, 401, "invalid_credentials"},
		{"no token, bad account", "GET", "/v2/accounts/%00/recordings", none, 401, "invalid_credentials"},
		{"bad token", "GET", tenantList, "rubbish", 401, "invalid_credentials"},
		{"other account", "GET", tenantList, other, 403, "forbidden"},
		{"other account, wrong method", "POST", tenantList, other, 403, "forbidden"},
		{"other account, no route", "GET", tenantBase + "/nosuch/x", other, 403, "forbidden"},
		{"other account, other version", "GET", "/v7/accounts/" + tenant + "/recordings", other, 403, "forbidden"},
		{"other account, bad user", "GET", tenantBase + "/users/%20/recordings", other, 403, "forbidden"},
		{"other account, bad page size", "GET", tenantList + "?page_size=x", other, 403, "forbidden"},
		{"malformed account", "GET", "/v2/accounts/a%20b/recordings", "", 403, "forbidden"},
		{"unknown account", "GET", "/v2/accounts/nosuch/recordings", "", 403, "forbidden"},
		{"empty account", "GET", "/v2/accounts//recordings", "", 403, "forbidden"},
		{"account in upper case", "GET", "/v2/accounts/" + strings.ToUpper(tenant) + "/recordings", "", 403, "forbidden"},
		{"no route", "GET", "/nosuch", "", 404, "not_found"},
		{"no route in the account", "GET", tenantBase + "/nosuch/x/y", "", 404, "not_found"},
		{"the account itself", "GET", tenantBase, "", 404, "not_found"},
		{"other version", "GET", "/v3/accounts/" + tenant + "/recordings", "", 404, "not_found"},
		{"too long", "GET", tenantList + "/1/2/3/4/5", "", 404, "not_found"},
		{"wrong method", "POST", tenantList, "", 405, "invalid_method"},
		{"HEAD of a list", "HEAD", tenantList, "", 405, ""},
		{"wrong method before bad user", "POST", tenantBase + "/users/%20/recordings", "", 405, "invalid_method"},
		{"unknown method", "BREW", tenantList + "/202601-a", "", 405, "invalid_method"},
		{"method override", "GET", tenantList + "/202601-a?verb=DELETE", "", 405, "invalid_method"},
		{"definition without a document", "GET", "/v2/openapi.json", none, 404, "not_found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for name, h := range map[string]http.Handler{"list": s.list, "fallback": fallback} {
				header := []string{"Accept", "image/png"} // 406 is checked later
				if tt.token != "" {
					header = append(header, "X-Auth-Token", tt.token)
				}
				g := s.askHandler(t, h, tt.method, tt.path, header...)
				if g.Code != tt.want {
					t.Fatalf("%s: status = %d, want %d: %s", name, g.Code, tt.want, g.body)
				}
				g.want(t, tt.want, tt.message)
				if allow := g.Header().Get("Allow"); (allow != "") != (tt.want == 405) {
					t.Errorf("%s: Allow = %q", name, allow)
				}
			}
		})
	}
}

func TestOtherOperationsAreNotServed(t *testing.T) {
	t.Parallel()
	s := sample(t)
	s.ask(t, "GET", tenantList+"/202601-a").want(t, 404, "not_found")
	s.askHandler(t, Fallback(s.env, nil), "GET", tenantList).want(t, 404, "not_found")
}

func TestListChecksAfterTheRoute(t *testing.T) {
	t.Parallel()
	s := sample(t)
	s.ask(t, "GET", tenantList+"?page_size=x", "Accept", "image/png").want(t, 406, "not_acceptable")
	s.ask(t, "GET", tenantList+"?page_size=x").want(t, 400, "validation error")
	s.ask(t, "GET", tenantList+"?verb=undefined").want(t, 200, "")
	s.ask(t, "GET", tenantList+"?verb=get").want(t, 200, "")
	g := s.ask(t, "GET", tenantBase+"/users/a%20b/recordings")
	g.want(t, 404, "bad_identifier")
	if data := withoutDoc(t, g.page(t).Data, "bad_identifier"); data != `{"cause":"a b","message":"bad identifier"}` {
		t.Errorf("data = %s", data)
	}
	s.ask(t, "GET", tenantBase+"/"+strings.Repeat("u", 65)+"/recordings").want(t, 404, "bad_identifier")
}

func TestTokenPlaces(t *testing.T) {
	t.Parallel()
	s := sample(t)
	s.ask(t, "GET", tenantList, "X-Auth-Token", "-", "Authorization", "Bearer "+s.token).want(t, 200, "")
	g := s.ask(t, "GET", tenantList+"?accept=csv&page_size=1&auth_token="+s.token, "X-Auth-Token", "-")
	g.want(t, 200, "")
	if link := g.Header().Get("Link"); link == "" || strings.Contains(link, s.token) {
		t.Errorf("Link = %q, want one without the token", link)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := sample(t)
	zero := strings.Repeat("0", 32)
	for _, tt := range []struct{ name, client, gateway, want string }{
		{"from the client", "abc-1 ~", "gw-1", "abc-1 ~"},
		{"longest", strings.Repeat("x", 128), "gw-1", strings.Repeat("x", 128)},
		{"too long", strings.Repeat("x", 129), "gw-1", "gw-1"},
		{"not ASCII", "é", "gw-1", "gw-1"},
		{"control character", "a\x01b", "gw-1", "gw-1"},
		{"absent", "", "gw-1", "gw-1"},
		{"absent everywhere", "", "", zero},
		{"invalid everywhere", "\x7f", "a\nb", zero},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, path := range []string{tenantList, "/nosuch"} {
				r := httptest.NewRequestWithContext(requestlog.WithGatewayID(t.Context(), tt.gateway), "GET", path, nil)
				r.Header.Set("X-Auth-Token", s.token)
				if tt.client != "" {
					r.Header["X-Request-Id"] = []string{tt.client}
				}
				g := serve(t, s.list, r)
				if got := g.Header().Get("X-Request-ID"); got != tt.want {
					t.Errorf("X-Request-ID = %q, want %q", got, tt.want)
				}
				if got := g.page(t).RequestID; got != tt.want {
					t.Errorf("request_id = %q, want %q", got, tt.want)
				}
			}
		})
	}
}

// handlerOf returns the handler of lists with f in place of the list.
func (s *listAPI) handlerOf(f handlerFunc) http.Handler { return s.env.handle(OpList, f) }

func TestPanicsAnswer500(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	h := s.handlerOf(func(http.ResponseWriter, *request) error { panic("a bug") })
	g := s.askHandler(t, h, "GET", tenantList)
	g.golden(t, "panic")
	g.want(t, 500, "unspecified_fault")
	line := s.log.String()
	for _, want := range []string{"panic: a string", "handler_test.go", `"status":500`, `"level":"ERROR"`} {
		if !strings.Contains(line, want) {
			t.Errorf("log line has no %s: %s", want, line)
		}
	}
	if strings.Contains(line, "a bug") { // the value may quote a client
		t.Errorf("log line has the value of the panic: %s", line)
	}
	if strings.Contains(string(g.body), "bug") {
		t.Errorf("the body exposes the bug: %s", g.body)
	}
}

func TestExactlyOneAnswer(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	for _, tt := range []struct {
		name string
		f    handlerFunc
		want int
		body string
	}{
		{"nothing", func(http.ResponseWriter, *request) error { return nil }, 500, "unspecified_fault"},
		{"only headers", func(w http.ResponseWriter, _ *request) error {
			w.Header().Set("Etag", `"x"`)
			w.Header().Set("Content-Length", "5")
			return nil
		}, 500, "unspecified_fault"},
		{"a body alone", func(w http.ResponseWriter, _ *request) error {
			_, err := io.WriteString(w, "hello")
			return err
		}, 200, "hello"},
		{"two statuses", func(w http.ResponseWriter, _ *request) error {
			w.WriteHeader(http.StatusNotModified)
			w.WriteHeader(http.StatusOK)
			return nil
		}, 304, ""},
		{"an error after the answer", func(w http.ResponseWriter, _ *request) error {
			if _, err := io.WriteString(w, "hello"); err != nil {
				return err
			}
			return errors.New("too late")
		}, 200, "hello"},
		{"a panic after the answer", func(w http.ResponseWriter, _ *request) error {
			w.WriteHeader(http.StatusNoContent)
			panic("too late")
		}, 204, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := s.askFunc(t, tt.f)
			if g.Code != tt.want || !strings.Contains(string(g.body), tt.body) {
				t.Errorf("answer = %d %s, want %d %s", g.Code, g.body, tt.want, tt.body)
			}
			if g.Code == 500 && (g.Header().Get("Etag") != "" || g.Header().Get("Content-Length") == "5") {
				t.Errorf("headers of the abandoned answer: %v", g.Header())
			}
		})
	}
}

func TestLogLine(t *testing.T) {
	t.Parallel()
	s := sample(t)
	g := s.ask(t, "GET", tenantList+"?page_size=2", "X-Request-ID", "me")
	var line map[string]any
	if err := json.Unmarshal(s.log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, s.log)
	}
	for name, want := range map[string]any{
		"level": "INFO", "msg": "request", "request_id": "me", "account": tenant, "route": "list", "method": "GET",
		"status": 200.0, "bytes": float64(len(g.body)), "gateway_id": "",
	} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v in %s", name, line[name], want, s.log)
		}
	}
	if _, ok := line["cause"]; ok {
		t.Errorf("a cause without an error: %s", s.log)
	}
}

// Values that clients send in paths, queries and headers do not reach the log.
func TestLogOmitsClientValues(t *testing.T) {
	t.Parallel()
	s := sample(t)
	fallback := Fallback(s.env, nil)
	const mark = "s3cr3t"
	s.put(t, entry{id: "202603-x", created: daysAgo(1), doc: `{"caller_id_name":"` + mark + `"}`})
	for _, target := range []string{
		tenantList, tenantList + "?accept=csv", tenantList + "?paginate=false", tenantList + "?filter_caller_id_name=" + mark,
		tenantList + "?page_size=" + mark, tenantList + "?created_from=" + mark, tenantList + "?start_key=" + mark,
		tenantList + "?modified_from=" + mark, tenantList + "?auth_token=" + mark, tenantList + "?verb=" + mark,
		tenantBase + "/users/" + mark + "%20/recordings", "/v2/" + mark, "/v2/accounts/" + mark + "/recordings",
	} {
		for _, token := range []string{s.token, mark, "eyJhbGciOiJIUzI1NiJ9." + mark + ".x", s.token + mark} {
			for _, h := range []http.Handler{s.list, fallback} {
				s.askHandler(t, h, "GET", target, "X-Auth-Token", token, "X-File-Name", mark, "Accept", "x/"+mark+", */*")
				s.askHandler(t, h, mark, target, "X-Auth-Token", token, "Authorization", "Bearer "+mark)
			}
		}
	}
	for line := range strings.SplitSeq(s.log.String(), "\n") {
		if strings.Contains(line, mark) || strings.Contains(line, s.token) {
			t.Errorf("the log exposes: %s", line)
		}
	}
}

func TestCommonHeaders(t *testing.T) {
	t.Parallel()
	s := sample(t)
	timestamp := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	for _, tt := range []struct{ method, path string }{
		{"GET", tenantList},
		{"GET", tenantList + "?paginate=false"},
		{"GET", tenantList + "?page_size=x"},
		{"GET", tenantList + "?accept=image/png"},
		{"GET", "/nosuch"},
		{"POST", tenantList},
		{"GET", "/v2/accounts/x/recordings"},
	} {
		t.Run(fmt.Sprint(tt.method, tt.path), func(t *testing.T) {
			t.Parallel()
			g := s.ask(t, tt.method, tt.path, "Origin", "https://example.com")
			for name, want := range map[string]string{
				"Content-Type": "application/json", "Vary": "Accept, Accept-Encoding, Origin",
				"Access-Control-Allow-Origin": "*", "Access-Control-Max-Age": "86400",
				"Access-Control-Allow-Headers": allowHeaders, "Access-Control-Expose-Headers": exposeHeaders,
			} {
				if got := g.Header().Values(name); len(got) != 1 || got[0] != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			p := g.page(t)
			if p.Node == "" || p.Node == s.env.Node || p.Version != Version || !timestamp.MatchString(p.Timestamp) || len(p.Data) == 0 {
				t.Errorf("envelope = %s", g.body)
			}
			wantCache := "no-store"
			if g.Code == 200 {
				wantCache = "private, no-cache"
			}
			if got := g.Header().Get("Cache-Control"); got != wantCache {
				t.Errorf("Cache-Control = %q, want %q", got, wantCache)
			}
			if bytes.Contains(g.body, []byte("auth_token")) {
				t.Errorf("the answer repeats the token: %s", g.body)
			}
		})
	}
}

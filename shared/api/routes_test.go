package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	const a = "/v2/accounts/A"
	for _, tt := range []struct {
		method, path string
		want         Operation
	}{
		{"GET", a + "/recordings", OpList},
		{"GET", a + "/recordings/", OpList},
		{"GET", "/v1/accounts/A/recordings", OpList},
		{"GET", a + "/users/U/recordings", OpList},
		{"GET", a + "/recordings/changes", OpChanges},
		{"POST", a + "/recordings/webhooks", OpAccess},
		{"DELETE", a + "/recordings/webhooks/0a1b2c3d4e5f6071", OpAccess},
		{"GET", a + "/recordings/access/users", OpAccess},
		{"PUT", a + "/recordings/access/users/U", OpAccess},
		{"DELETE", a + "/recordings/access/groups/G/members/U", OpAccess},
		{"GET", a + "/recordings/access/groups/G/members/U", OpFallback},
		{"GET", a + "/recordings/access/audio", OpGet},
		{"GET", a + "/users/U/recordings/access/users", OpFallback},
		{"GET", a + "/U/recordings", OpList},
		{"GET", a + "/devices/recordings", OpList},
		{"GET", a + "/users/recordings/recordings", OpList},
		{"GET", a + "/%75sers/U/recordings", OpList},
		{"GET", a + "/recordings/R", OpGet},
		{"HEAD", a + "/recordings/R/", OpGet},
		{"GET", a + "/recordings/recordings", OpGet},
		{"GET", a + "/users/U/recordings/R", OpGet},
		{"HEAD", a + "/U/recordings/R", OpGet},
		{"GET", a + "/recordings/R/audio", OpGet},
		{"HEAD", a + "/users/U/recordings/R/audio/", OpGet},
		{"GET", a + "/U/recordings/R/audio", OpGet},
		{"GET", a + "/recordings/recordings/audio", OpGet},
		{"GET", a + "/users/recordings/recordings/audio", OpGet},
		{"GET", a + "/recordings/R/links", OpShare},
		{"POST", a + "/recordings/R/links/", OpShare},
		{"DELETE", a + "/recordings/R/links/L", OpShare},
		{"GET", a + "/recordings/R/links/L/S", OpShare},
		{"HEAD", a + "/recordings/R/links/L/S/", OpShare},
		{"GET", a + "/recordings/jobs", OpJobs},
		{"POST", a + "/recordings/jobs/", OpJobs},
		{"PUT", a + "/recordings/jobs/J", OpJobs},
		{"DELETE", a + "/recordings/jobs/J", OpJobs},
		{"GET", a + "/recordings/access/links", OpShare},
		{"GET", a + "/recordings/R/links/L", OpFallback},
		{"DELETE", a + "/recordings/R/links/L/S", OpFallback},
		{"PUT", a + "/recordings/R/links", OpFallback},
		{"GET", a + "/recordings/R/links/L/S/x", OpFallback},
		{"GET", a + "/recordings/R/links//S", OpFallback},
		{"GET", a + "/recordings/R/Links/L/S", OpFallback},
		{"GET", a + "/users/U/recordings/R/links", OpFallback},
		{"GET", a + "/U/recordings/R/links/L/S", OpFallback},
		{"PATCH", a + "/recordings/R", OpPatch},
		{"PATCH", a + "/users/U/recordings/R", OpPatch},
		{"PATCH", a + "/U/recordings/R", OpPatch},
		{"DELETE", a + "/recordings/R", OpDelete},
		{"DELETE", a + "/users/U/recordings/a%2Fb", OpDelete},
		{"DELETE", a + "/U/recordings/R", OpDelete},
		{"GET", "/v2/openapi.json", OpFallback},

		{"HEAD", a + "/recordings", OpFallback},
		{"POST", a + "/recordings", OpFallback},
		{"OPTIONS", a + "/recordings", OpFallback},
		{"get", a + "/recordings", OpFallback},
		{"GET", "/v3/accounts/A/recordings", OpFallback},
		{"GET", "/v/accounts/A/recordings", OpFallback},
		{"GET", "/v22/accounts/A/recordings", OpFallback},
		{"GET", "/V2/accounts/A/recordings", OpFallback},
		{"GET", "/v2/account/A/recordings", OpFallback},
		{"GET", "/v2/accounts/A/recording", OpFallback},
		{"GET", "/v2/accounts/A/Recordings", OpFallback},
		{"GET", "/v2/accounts//recordings", OpFallback},
		{"GET", a + "//recordings", OpFallback},
		{"GET", a + "/recordings//", OpFallback},
		{"GET", a + "/users/recordings", OpFallback},
		{"GET", a + "/users//recordings", OpFallback},
		{"GET", a + "/recordings/recordings/R", OpFallback},
		{"GET", a + "/users/recordings/R", OpFallback},
		{"GET", a + "/recordings/R/x", OpFallback},
		{"GET", a + "/recordings/R/audio/x", OpFallback},
		{"GET", a + "/recordings/R/Audio", OpFallback},
		{"PATCH", a + "/recordings/R/audio", OpFallback},
		{"GET", a + "/users/recordings/R/audio", OpFallback},
		{"GET", a + "/users/U/recordings/R/x", OpFallback},
		{"GET", a + "/users/U/recordings/R/x/y/z", OpFallback},
		{"GET", a + "%2Frecordings", OpFallback},
		{"GET", a + "/%zz/recordings", OpFallback},
		{"GET", "", OpFallback},
		{"GET", "/", OpFallback},
		{"GET", "//", OpFallback},
		{"GET", strings.Repeat("/x", 10_000), OpFallback},
	} {
		if got := Match(tt.method, tt.path); got != tt.want {
			t.Errorf("Match(%s, %.60s) = %s, want %s", tt.method, tt.path, got, tt.want)
		}
	}
}

func TestTargetIsDecodedOnce(t *testing.T) {
	t.Parallel()
	p := parseTarget("/v1/accounts/a%2541/users/%C3%A9%2F/recordings/202601-%40x%3F/")
	if p.resource == nil || p.version != "v1" || p.account != "a%41" || p.user != "é/" || p.id != "202601-@x?" {
		t.Errorf("parseTarget = %+v", p)
	}
	if got, want := p.allow(), "OPTIONS, GET, HEAD, PATCH, DELETE"; got != want {
		t.Errorf("allow() = %s, want %s", got, want)
	}
}

func TestAccountOfAnyPath(t *testing.T) {
	t.Parallel()
	for path, owned := range map[string]bool{
		"/v2/accounts/A":                     true,
		"/v2/accounts/A/":                    true,
		"/v9/accounts/A/x":                   true,
		"/v2/accounts/A/1/2/3/4/5/6/7/8/9":   true,
		"/v2/accounts/A/%zz":                 true,
		"/v2/accounts/A/recordings":          true,
		"/v2/accounts/A/recordings/1/2/3":    true,
		"/v2/accounts/A/users/U/recordings/": true,
		"/v2/accounts":                       false,
		"/v2/accounts/":                      false,
		"/v2/account/A":                      false,
		"/accounts/A/recordings":             false,
		"/":                                  false,
	} {
		p := parseTarget(path)
		if p.owned != owned || owned && p.account != "A" {
			t.Errorf("parseTarget(%s): owned %t, account %q; want %t, A", path, p.owned, p.account, owned)
		}
	}
}

func TestRoutesAreMatched(t *testing.T) {
	t.Parallel()
	fill := strings.NewReplacer("{version}", "v2", "{account_id}", "A", "{user_id}", "U", "{recording_id}", "202601-x")
	for _, route := range Routes {
		if got := Match(route.Method, fill.Replace(route.Path)); got != route.Op {
			t.Errorf("Match(%s, %s) = %s, want %s", route.Method, route.Path, got, route.Op)
		}
	}
}

// checkTrailPath checks a path of the audit trail: rebuilt from its parts, it has the
// same operation and the same parts.
func checkTrailPath(t *testing.T, method, path string, p target) {
	t.Helper()
	again := "/" + p.version + "/accounts/" + url.PathEscape(p.account) + "/recordings"
	if p.id != "" {
		again += "/" + url.PathEscape(p.id)
	}
	again += "/audit"
	if got := parseTarget(again); p.account == "" || got != p || Match(method, again) != OpAccess {
		t.Fatalf("Match(%q, %q) = access of %+v; of %q it is %+v", method, path, p, again, got)
	}
}

// checkAccessPath checks a path of users or groups: rebuilt from its parts, it has the
// same operation and the same parts.
func checkAccessPath(t *testing.T, method, path string, p target) {
	t.Helper()
	again := "/" + p.version + "/accounts/" + url.PathEscape(p.account) + "/recordings/access"
	switch {
	case p.group == "" && !strings.Contains(strings.Join(p.resource.segments, "/"), "groups"):
		again += "/users"
	case p.group == "":
		again += "/groups"
	case slices.Contains(p.resource.segments, "members"):
		again += "/groups/" + url.PathEscape(p.group) + "/members"
	default:
		again += "/groups/" + url.PathEscape(p.group)
	}
	if p.user != "" {
		again += "/" + url.PathEscape(p.user)
	}
	got := parseTarget(again)
	if p.account == "" || p.id != "" || got != p || Match(method, again) != OpAccess {
		t.Fatalf("Match(%q, %q) = access of %+v; of %q it is %+v", method, path, p, again, got)
	}
}

// checkRetentionPath checks a path of retention or of holds: rebuilt from its parts, it has
// the same operation and the same parts.
func checkRetentionPath(t *testing.T, method, path string, p target) {
	t.Helper()
	again := strings.NewReplacer(
		"{version}", p.version, "{account_id}", url.PathEscape(p.account), "{hold_id}", url.PathEscape(p.hold),
	).Replace("/" + strings.Join(p.resource.segments, "/"))
	if got := parseTarget(again); p.account == "" || p.id != "" || got != p || Match(method, again) != OpRetention {
		t.Fatalf("Match(%q, %q) = retention of %+v; of %q it is %+v", method, path, p, again, got)
	}
}

func FuzzMatch(f *testing.F) {
	for _, route := range Routes {
		f.Add(route.Method, strings.ReplaceAll(route.Path, "{version}", "v2"))
	}
	f.Add("GET", "/v2/accounts/%41/%2e%2e/recordings/202601-%00")
	f.Add("GET", "/v2/accounts/A/users/U/recordings/%%%")
	f.Fuzz(func(t *testing.T, method, path string) {
		op := Match(method, path)
		p := parseTarget(path)
		if p.resource == nil {
			if op != OpFallback {
				t.Fatalf("Match(%q, %q) = %s without a resource", method, path, op)
			}
			return
		}
		if p.version != "v1" && p.version != "v2" {
			t.Fatalf("parseTarget(%q) has version %q", path, p.version)
		}
		if op == OpFallback {
			return
		}
		if op == OpReceive { // see FuzzStoragePath
			return
		}
		if op == OpChanges { // its path has only an account
			if again := "/" + p.version + "/accounts/" + url.PathEscape(p.account) + "/recordings/changes"; Match(method, again) != op {
				t.Fatalf("Match(%q, %q) = %s, want %s", method, again, Match(method, again), op)
			}
			return
		}
		if op == OpAccess && p.resource.segments[len(p.resource.segments)-1] == "audit" {
			checkTrailPath(t, method, path, p)
			return
		}
		if op == OpAccess && slices.Contains(p.resource.segments, "webhooks") {
			again := "/" + p.version + "/accounts/" + url.PathEscape(p.account) + "/recordings/webhooks"
			if p.webhook != "" {
				again += "/" + url.PathEscape(p.webhook)
			}
			if got := parseTarget(again); got != p {
				t.Fatalf("parseTarget(%q) = %+v, want %+v", again, got, p)
			}
			return
		}
		if op == OpAccess {
			checkAccessPath(t, method, path, p)
			return
		}
		if op == OpRetention {
			checkRetentionPath(t, method, path, p)
			return
		}
		if op == OpJobs {
			checkJobPath(t, method, path, p)
			return
		}
		if p.account == "" || (op == OpList || op == OpCreate) != (p.id == "") {
			t.Fatalf("Match(%q, %q) = %s of account %q, id %q", method, path, op, p.account, p.id)
		}
		// A path that is rebuilt from its parts has the same operation.
		again := "/" + p.version + "/accounts/" + url.PathEscape(p.account)
		if p.user != "" {
			again += "/users/" + url.PathEscape(p.user)
		}
		again += "/recordings"
		if p.id != "" {
			again += "/" + url.PathEscape(p.id)
		}
		if op == OpShare {
			again = strings.TrimRight(again+"/links/"+url.PathEscape(p.link)+"/"+url.PathEscape(p.linkSecret), "/")
		}
		if op == OpDelete && method == http.MethodPost {
			again += "/restore"
		}
		if got := Match(method, again); got != op {
			t.Fatalf("Match(%q, %q) = %s, want %s as for %q", method, again, got, op, path)
		}
	})
}

func TestAccount(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v2/accounts/ABC/recordings": "abc", "/v2/accounts/a%62c/recordings/x": "abc", "/v2/accounts/abc/users/u/recordings/": "abc",
		"/v2/storage/ABC/secret/name.mp3": "abc", "/v2/openapi.json": "", "/": "", "/v2/accounts/%zz": "",
	} {
		if got := Account(path); got != want {
			t.Errorf("Account(%s) = %q, want %q", path, got, want)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, tenantBase+"/users/"+alice+"/recordings/202601-x", nil)
	b.ReportAllocs()
	for b.Loop() {
		Match(r.Method, r.URL.EscapedPath())
	}
}

// The rows of a path follow each other: resourcesOf makes one resource of them.
func TestRowsOfAPathFollowEachOther(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range resources {
		path := strings.Join(r.segments, "/")
		if seen[path] {
			t.Errorf("the rows of /%s are not next to each other", path)
		}
		seen[path] = true
	}
}

package faults

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/api"
)

// served has the routes, as METHOD PATH, of the requests that operations have sent.
var served sync.Map

// noteRoute notes the route of a request. Several cases run at the same time.
func noteRoute(method, path string) { served.Store(routeOf(method, path), true) }

// pattern is a route with the expression of its paths.
type pattern struct {
	route api.Route
	paths *regexp.Regexp
}

// patterns are the routes in the order of the table: the first that matches serves a request.
var patterns = sync.OnceValue(func() []pattern {
	all := make([]pattern, len(api.Routes))
	for i, r := range api.Routes {
		text := regexp.MustCompile(`\{[^}]+\}`).ReplaceAllStringFunc(r.Path, func(name string) string {
			if name == "{proxy+}" {
				return ".+"
			}
			return "[^/]+"
		})
		all[i] = pattern{r, regexp.MustCompile("^" + text + "$")}
	}
	return all
})

// nameOf is the name of a route.
func nameOf(r api.Route) string { return r.Method + " " + r.Path }

// routeOf returns the route of a request, "" without one.
func routeOf(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	for _, p := range patterns() {
		if p.route.Method == method && p.paths.MatchString(path) {
			return nameOf(p.route)
		}
	}
	return ""
}

// exempt are the writes without an operation, with the reason.
var exempt = map[string]string{
	"PATCH /{version}/accounts/{account_id}/users/{user_id}/recordings/{recording_id}":        sameHandler,
	"DELETE /{version}/accounts/{account_id}/users/{user_id}/recordings/{recording_id}":       sameHandler,
	"POST /{version}/accounts/{account_id}/users/{user_id}/recordings/{recording_id}/restore": sameHandler,
	"PATCH /{version}/accounts/{account_id}/{user_id}/recordings/{recording_id}":              sameHandler,
	"DELETE /{version}/accounts/{account_id}/{user_id}/recordings/{recording_id}":             sameHandler,
	"POST /{version}/storage/{account_id}/{secret}/{proxy+}":                                  "POST of storage is handled as PUT, with the same calls",
}

const sameHandler = "the path with a user only adds a check of the owner to the path of the account"

// without returns the routes with a write that have neither an operation nor an exemption, and the
// exemptions that no route needs.
func without(routes []api.Route, exempt map[string]string, covered func(name string) bool) (missing, needless []string) {
	needless = make([]string, 0, len(exempt))
	for name := range exempt {
		needless = append(needless, name)
	}
	for _, r := range routes {
		name := nameOf(r)
		write := r.Method != http.MethodGet && r.Method != http.MethodHead
		if write && !covered(name) {
			if exempt[name] == "" {
				missing = append(missing, name)
			}
			needless = slices.DeleteFunc(needless, func(n string) bool { return n == name })
		}
	}
	slices.Sort(needless)
	return missing, needless
}

// checkRoutes checks, after the enumeration, that every route with a write has an operation.
func checkRoutes(t *testing.T) {
	t.Helper()
	missing, needless := without(api.Routes, exempt, func(name string) bool { _, ok := served.Load(name); return ok })
	for _, name := range missing {
		t.Errorf("no operation sends %s: add a row, or an exemption with the reason", name)
	}
	for _, name := range needless {
		t.Errorf("%s needs no exemption", name)
	}
}

// A new route with a write fails the enumeration until it has an operation or an exemption.
func TestRoutesWithoutOperations(t *testing.T) {
	t.Parallel()
	for request, want := range map[[2]string]string{
		{http.MethodPut, base}:                                "PUT /{version}/accounts/{account_id}/recordings",
		{http.MethodDelete, base + "/retention?confirm=0"}:    "DELETE /{version}/accounts/{account_id}/recordings/retention",
		{http.MethodDelete, base + "/202601-a"}:               "DELETE /{version}/accounts/{account_id}/recordings/{recording_id}",
		{http.MethodPut, "/v2/storage/" + account + "/s/a/b"}: "PUT /{version}/storage/{account_id}/{secret}/{proxy+}",
		{http.MethodPut, base + "/nothing/here"}:              "",
	} {
		if got := routeOf(request[0], request[1]); got != want {
			t.Errorf("routeOf(%s) = %q, want %q", request, got, want)
		}
	}
	covered := func(name string) bool { return exempt[name] == "" }
	routes := append([]api.Route{{Method: http.MethodGet, Path: "/new"}, {Method: http.MethodPost, Path: "/new"}}, api.Routes...)
	missing, needless := without(routes, exempt, func(name string) bool { return covered(name) && !strings.HasSuffix(name, "/new") })
	if !slices.Equal(missing, []string{"POST /new"}) || len(needless) != 0 {
		t.Errorf("without an operation: %q; needless: %q", missing, needless)
	}
	if _, needless = without(api.Routes, map[string]string{"PUT /old": "reason"}, covered); !slices.Equal(needless, []string{"PUT /old"}) {
		t.Errorf("needless: %q", needless)
	}
}

package auth

import (
	"net/http"
	"net/url"
	"strings"
)

// Token returns the token of a request, or "" without one. As the contract
// requires, it looks at X-Auth-Token, then at Authorization: Bearer, then, for GET
// and HEAD (for <audio src>), at the query parameter auth_token. The first place
// that is not empty decides: if its token is bad, the others are not tried. An
// Authorization of another scheme counts as empty.
func Token(r *http.Request) string {
	for _, place := range []func(*http.Request) string{fromHeader, fromBearer, fromQuery} {
		if token := place(r); token != "" {
			return token
		}
	}
	return ""
}

func fromHeader(r *http.Request) string {
	return strings.TrimSpace(r.Header.Get("X-Auth-Token"))
}

// fromBearer reads Authorization (RFC 6750, 2.1). It accepts the scheme in any case.
func fromBearer(r *http.Request) string {
	for _, value := range r.Header.Values("Authorization") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
		if strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token)
		}
	}
	return ""
}

// fromQuery reads ?auth_token= for the read-only methods. It returns a value with bad
// escapes unchanged; such a value is never a valid token.
func fromQuery(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return ""
	}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if unescaped(name) == "auth_token" {
			return strings.TrimSpace(unescaped(value))
		}
	}
	return ""
}

func unescaped(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

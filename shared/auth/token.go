package auth

import (
	"net/http"
	"net/url"
	"strings"
)

// Token takes the token from where the contract looks for it: X-Auth-Token,
// else Authorization: Bearer, else the query parameter auth_token of a GET or
// HEAD (for <audio src>). The first place that holds anything is used alone:
// a bad token there is not made good by another place. An empty place, and an
// Authorization of another scheme, hold nothing. "" when there is no token.
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

// fromBearer reads Authorization (RFC 6750, 2.1; the scheme in any case).
func fromBearer(r *http.Request) string {
	for _, value := range r.Header.Values("Authorization") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
		if strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token)
		}
	}
	return ""
}

// fromQuery reads ?auth_token= on the methods that change nothing. What is
// not properly escaped is handed on as it is: it is no token then.
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

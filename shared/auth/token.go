package auth

import (
	"net/http"
	"net/url"
	"strings"
)

// Token takes the token from where the contract looks for it: X-Auth-Token,
// else Authorization: Bearer, else the query parameter auth_token of a GET or
// HEAD (for <audio src>). The first place that holds anything is used alone:
// a bad token there is not made good by another place. "" when there is none.
func Token(r *http.Request) string {
	for _, place := range []func(*http.Request) (string, bool){fromHeader, fromBearer, fromQuery} {
		if token, ok := place(r); ok {
			return token
		}
	}
	return ""
}

// fromHeader reads X-Auth-Token. An empty one counts as absent: interfaces
// send it so before the user has logged in.
func fromHeader(r *http.Request) (string, bool) {
	token := strings.TrimSpace(r.Header.Get("X-Auth-Token"))
	return token, token != ""
}

// fromBearer reads Authorization (RFC 6750, 2.1). Another scheme, such as
// Basic, is a credential that is no token: it is used alone, and is bad.
func fromBearer(r *http.Request) (string, bool) {
	value := strings.TrimSpace(r.Header.Get("Authorization"))
	if value == "" {
		return "", false
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", true
	}
	return strings.TrimSpace(token), true
}

// fromQuery reads ?auth_token= on the methods that change nothing.
func fromQuery(r *http.Request) (string, bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return "", false
	}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "auth_token" {
			continue
		}
		token, err := url.QueryUnescape(value)
		if err != nil {
			return "", true
		}
		return token, token != ""
	}
	return "", false
}

// Package requestlogtest finds secrets in logs, and provides an S3 store that quotes keys in its
// errors. It is for tests.
package requestlogtest

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Spellings returns the encodings in which a secret could appear in a log.
func Spellings(secret string) []string {
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), strings.TrimPrefix(secret, "+"),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
}

// Leaks returns, in order, the names of the secrets that log contains in any spelling,
// each with that spelling. secrets has the secrets by name.
func Leaks(log string, secrets map[string]string) []string {
	var found []string
	for name, secret := range secrets {
		for _, s := range Spellings(secret) {
			if strings.Contains(log, s) {
				found = append(found, name+" as "+s)
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// QuotingS3 starts an S3 store that rejects every request. Its errors quote the key, as
// those of S3 for a missing permission do ("User … is not authorized to perform:
// s3:GetObject on resource: arn:aws:s3:::bucket/key"). It returns the store's URL.
func QuotingS3(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(QuoteKey))
	t.Cleanup(s.Close)
	return s.URL
}

// QuoteKey answers a request to S3 with an error that quotes the key; see QuotingS3.
func QuoteKey(w http.ResponseWriter, r *http.Request) {
	text, _ := xml.Marshal(struct { // these fields can always be encoded
		XMLName                      xml.Name `xml:"Error"`
		Code, Message, Key, Resource string
	}{
		Code: "AccessDenied", Key: r.URL.Path, Resource: r.RequestURI,
		Message: fmt.Sprintf("User: x is not authorized to perform: s3:%s on resource: \"arn:aws:s3::%s\" (%s) copied from %s",
			r.Method, r.URL.Path, r.RequestURI, r.Header.Get("X-Amz-Copy-Source")),
	})
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write(text) // on error, the client has gone
}

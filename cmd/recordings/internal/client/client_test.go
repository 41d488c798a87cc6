package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
)

// api starts a server with one handler for everything and returns a client of it. The
// client does not wait: waits lists how long it would have.
func api(t *testing.T, h http.HandlerFunc) (c *client.Client, waits *[]time.Duration) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	waits = &[]time.Duration{}
	c, err := client.New(client.Options{
		URL: server.URL + "/", Token: "secret", Reason: "complaint", Account: "acc",
		Sleep: func(_ context.Context, d time.Duration) error {
			*waits = append(*waits, d)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, waits
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

const unavailable = `{"status":"error","error":"503","message":"datastore_unreachable","data":{"doc":"/v2/errors#datastore_unreachable"}}`

// A list follows the cursors to the end, with the same query.
func TestListFollowsTheCursors(t *testing.T) {
	t.Parallel()
	var asked []string
	c, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		if r.Header.Get("X-Auth-Token") != "secret" || r.Header.Get("X-Reason") != "complaint" {
			t.Errorf("token = %q, reason = %q", r.Header.Get("X-Auth-Token"), r.Header.Get("X-Reason"))
		}
		switch r.URL.Query().Get("start_key") {
		case "":
			write(w, 200, `{"data":[{"id":"202601-a"}],"next_start_key":"one"}`)
		case "one":
			write(w, 200, `{"data":[],"next_start_key":"two"}`)
		default:
			write(w, 200, `{"data":[{"id":"202601-b","duration":"odd"}]}`)
		}
	})
	query := url.Values{"page_size": {"1"}}
	var ids []string
	for d, err := range c.List(t.Context(), query) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	if want := []string{"202601-a", "202601-b"}; !slices.Equal(ids, want) {
		t.Errorf("listed %q, want %q", ids, want)
	}
	const path = "/v2/accounts/acc/recordings?page_size=1"
	if want := []string{path, path + "&start_key=one", path + "&start_key=two"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if len(query) != 1 {
		t.Errorf("the query of the caller has changed: %v", query)
	}
}

// A server that repeats a cursor does not make an endless list.
func TestListEndsAtARepeatedCursor(t *testing.T) {
	t.Parallel()
	c, _ := api(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, `{"data":[{"id":"202601-a"}],"next_start_key":"same"}`)
	})
	n := 0
	for _, err := range c.List(t.Context(), nil) {
		if n++; err != nil {
			if n != 3 || !strings.Contains(err.Error(), "same cursor") {
				t.Errorf("row %d: %v", n, err)
			}
			return
		}
	}
	t.Error("the list ended without an error")
}

// 429 and 503 are retried after Retry-After, a few times.
func TestRetries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		status  int
		after   string
		answers int // before a success
		want    []time.Duration
		wantErr bool
	}{
		{"throttled", 429, "3", 2, []time.Duration{3 * time.Second, 3 * time.Second}, false},
		{"unavailable, without a time", 503, "", 3, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, false},
		{"for too long", 503, "86400", 1, []time.Duration{time.Minute}, false},
		{"for ever", 503, "1", 100, []time.Duration{time.Second, time.Second, time.Second, time.Second}, true},
		{"a fault", 500, "1", 1, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			a, waits := api(t, func(w http.ResponseWriter, _ *http.Request) {
				if n++; n > c.answers {
					write(w, 200, `{"data":{"id":"202601-a"}}`)
					return
				}
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				write(w, c.status, unavailable)
			})
			_, _, err := a.Get(t.Context(), "202601-a")
			if (err != nil) != c.wantErr || !slices.Equal(*waits, c.want) {
				t.Errorf("waited %v, %v; want %v, error %t", *waits, err, c.want, c.wantErr)
			}
		})
	}
}

// After a lost answer to a delete, a 404 means success.
func TestDeleteAfterALostAnswer(t *testing.T) {
	t.Parallel()
	const gone = `{"status":"error","error":"404","message":"bad_identifier","data":{"cause":"202601-a"}}`
	for _, c := range []struct {
		name   string
		first  int
		wanted bool
	}{{"unavailable", 503, true}, {"throttled, which does nothing", 429, false}, {"at once", 404, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			a, _ := api(t, func(w http.ResponseWriter, _ *http.Request) {
				if n++; n == 1 && c.first != 404 {
					write(w, c.first, unavailable)
					return
				}
				write(w, 404, gone)
			})
			if err := a.Delete(t.Context(), "202601-a"); (err == nil) != c.wanted || err != nil && !client.NotFound(err) {
				t.Errorf("Delete = %v", err)
			}
		})
	}
}

// Errors are words, with the cause and the page that explains them.
func TestErrorsInWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, want string
		status           int
	}{
		{
			"expired", `{"status":"error","error":"401","message":"invalid_credentials","data":{"cause":"expired at 2026-01-31T09:30:00Z","doc":"/v2/errors#invalid_credentials"}}`,
			"the token is missing or invalid: expired at 2026-01-31T09:30:00Z (401 invalid_credentials); see BASE/v2/errors#invalid_credentials", 401,
		},
		{
			"a field", `{"status":"error","error":"400","message":"validation error","data":{"created_from":{"wrong_format":{"message":"want Gregorian seconds","target":1,"doc":"/v2/errors#validation_error"}}}}`,
			"the request is invalid: created_from: want Gregorian seconds (400 validation error); see BASE/v2/errors#validation_error", 400,
		},
		{
			"a fault", `{"status":"error","error":"500","message":"unspecified_fault","request_id":"r1","data":{}}`,
			"this is a fault of the service (500 unspecified_fault, request r1)", 500,
		},
		{
			"an ended job", `{"status":"error","error":"409","message":"datastore_conflict","data":{"message":"the job has ended"}}`,
			"the job has ended (409 datastore_conflict)", 409,
		},
		{
			"other clients", `{"status":"error","error":"409","message":"datastore_conflict","data":{"message":"conflicting documents"}}`,
			"other clients changed the recording or the job at the same time (409 datastore_conflict)", 409,
		},
		{
			"holds", `{"status":"error","error":"409","message":"on_hold","data":{"message":"the recording is on legal hold","cause":[{"hold_id":"0a1b"},{"hold_id":"2c3d","case":"Smith"}],"doc":"/v2/errors#on_hold"}}`,
			"the recording is on legal hold: 0a1b, 2c3d (409 on_hold); see BASE/v2/errors#on_hold", 409,
		},
		{
			"a reason", `{"status":"error","error":"403","message":"reason_required","data":{"message":"a reason is required","cause":"delete"}}`,
			"the operator demands a reason (--reason) for this action: delete (403 reason_required)", 403,
		},
		{"another server", `<html>`, "the server answers 502 Bad Gateway, which is not an answer of this API: check the URL", 502},
		{"another API", `{"Message":"Forbidden"}`, "the server answers 403 Forbidden, which is not an answer of this API: check the URL", 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, _ := api(t, func(w http.ResponseWriter, _ *http.Request) { write(w, c.status, c.body) })
			_, _, err := a.Get(t.Context(), "202601-a")
			if want := strings.ReplaceAll(c.want, "BASE", a.Base()); err == nil || err.Error() != want {
				t.Errorf("error = %v, want %s", err, want)
			}
		})
	}
}

// The bucket gets the range, but not the token.
func TestRedirectsWithoutTheToken(t *testing.T) {
	t.Parallel()
	var got http.Header
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		w.Header().Set("Content-Type", "audio/mpeg")
		w.Header().Set("Content-Range", "bytes 2-5/10")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, "cdef")
	}))
	defer bucket.Close()
	c, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, bucket.URL+"/signed", http.StatusFound)
	})
	a, err := c.Audio(t.Context(), client.AudioRequest{ID: "202601-a", From: 2, Bytes: 4, ETag: `"e"`, Redirect: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // it is only read
	text, err := io.ReadAll(a.Body)
	if err != nil || string(text) != "cdef" || a.From != 2 || a.Total != 10 || !a.Redirected || a.Type != "audio/mpeg" {
		t.Errorf("audio = %q, %v, %+v", text, err, a)
	}
	if got.Get("X-Auth-Token") != "" || got.Get("X-Reason") != "" || got.Get("Referer") != "" || got.Get("Range") != "bytes=2-5" || got.Get("If-Range") != `"e"` {
		t.Errorf("the bucket got %v", got)
	}
}

// A bucket can have the API's host, as in LocalStack. A redirect within the API does not
// lead to the bucket.
func TestBucketOnTheHostOfTheAPI(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]bool{"/bucket/recordings/a": true, "/v2/accounts/a/recordings/b": false} {
		c, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != target {
				http.Redirect(w, r, target, http.StatusFound)
				return
			}
			w.Header().Set("Content-Type", "audio/mpeg")
		})
		a, err := c.Audio(t.Context(), client.AudioRequest{ID: "202601-a", Redirect: true})
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.Redirected != want {
			t.Errorf("audio after a redirect to %s: redirected = %v, want %v", target, a.Redirected, want)
		}
	}
}

// A change is never turned into a GET by a redirect.
func TestChangesAreNotRedirected(t *testing.T) {
	t.Parallel()
	c, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete {
			t.Errorf("the redirect was followed with %s", r.Method)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
	})
	if err := c.Delete(t.Context(), "202601-a"); err == nil || !strings.Contains(err.Error(), "redirects to /elsewhere") {
		t.Errorf("Delete = %v", err)
	}
}

// Tag merges with If-Match.
func TestTag(t *testing.T) {
	t.Parallel()
	c, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
		var got map[string]any
		err := json.NewDecoder(r.Body).Decode(&got)
		if text := fmt.Sprint(got); err != nil || r.Method != http.MethodPatch || r.Header.Get("If-Match") != `"1"` ||
			text != "map[data:map[user_metadata:map[draft:<nil> tag:vip]]]" {
			t.Errorf("%s with %s: %s, %v", r.Method, r.Header.Get("If-Match"), text, err)
		}
		write(w, 412, `{"status":"error","error":"412","message":"precondition_failed","data":{}}`)
	})
	_, err := c.Tag(t.Context(), "202601-a", `"1"`, map[string]any{"tag": "vip", "draft": nil})
	if !client.Changed(err) {
		t.Errorf("Tag = %v, want an error that Changed knows", err)
	}
}

func TestNewChecksTheURL(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "example.com", "ftp://example.com", "https://", "https://example.com?x=1", "https://user@example.com"} {
		if _, err := client.New(client.Options{URL: u}); !errors.Is(err, client.ErrURL) {
			t.Errorf("New(%q) = %v, want %v", u, err, client.ErrURL)
		}
	}
	if c, err := client.New(client.Options{URL: "https://example.com/stage/"}); err != nil || c.Base() != "https://example.com/stage" {
		t.Errorf("New = %v, %v", c, err)
	}
}

// An interrupt is not reported as a fault of the server.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	c, _ := api(t, func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	})
	if _, _, err := c.Get(ctx, "202601-a"); err == nil || err.Error() != "stopped" {
		t.Errorf("Get = %v, want stopped", err)
	}
}

// The error of an unreachable server names its address.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := client.New(client.Options{URL: server.URL, Account: "acc"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Get(t.Context(), "202601-a"); err == nil || !strings.Contains(err.Error(), "cannot reach "+server.URL) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("Get = %v", err)
	}
}

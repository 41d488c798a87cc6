package api

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/openapi/openapitest"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The accounts and users of the tests of lists.
const (
	tenant      = "4b1d6a1f5c2e4f7a9b8c7d6e5f4a3b2c"
	otherTenant = "9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b"
	alice       = "77bc1d2e3f405162738495a6b7c8d9e0"
	bob         = "88cd2e3f405162738495a6b7c8d9e0f1"
	tenantBase  = "/v2/accounts/" + tenant
	tenantList  = tenantBase + "/recordings"
	testSecret  = "a secret of more than thirty-two characters"
)

// today is the time in the tests of lists.
var today = time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)

// listAPI is the API of lists over a SQLite store of its own.
type listAPI struct {
	env    Env
	store  *sqlite.Store
	sealer *cursor.Sealer
	list   http.Handler
	token  string
	log    *bytes.Buffer
	jwks   []byte
}

// library reads recordings through one store, and the index from another.
type library struct {
	store.Reader
	index
}

// index is a reader of the index.
type index interface{ search.Reader }

// newListAPI returns an API without recordings. wrap, if not nil, wraps the store.
func newListAPI(t testing.TB, wrap func(store.Reader) store.Reader) *listAPI {
	t.Helper()
	s := &listAPI{log: new(bytes.Buffer)}
	now := func() time.Time { return today }
	var err error
	if s.jwks, err = auth.NewKeys(rand.Reader, "test"); err != nil {
		t.Fatalf("NewKeys = %v", err)
	}
	keys, err := auth.ParseKeys(s.jwks)
	if err != nil {
		t.Fatalf("ParseKeys = %v", err)
	}
	s.token = s.tokenOf(t, tenant)
	s.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "list.db"), sqlite.Options{Now: now, Random: rand.Reader})
	if err != nil {
		t.Fatalf("sqlite.Open = %v", err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	if s.sealer, err = cursor.New(testSecret, ""); err != nil {
		t.Fatalf("cursor.New = %v", err)
	}
	s.env = Env{
		Verifier: auth.NewVerifier(keys, now), Log: slog.New(slog.NewJSONHandler(s.log, nil)),
		Now: now, Random: zeros{}, Node: "test",
	}
	var reader store.Reader = s.store
	if wrap != nil {
		reader = wrap(reader)
	}
	s.list = List(s.env, library{reader, s.store}, s.sealer, true)
	return s
}

func (s *listAPI) tokenOf(t testing.TB, account string) string {
	t.Helper()
	token, err := auth.Sign(s.jwks, auth.Claims{Account: account, Expires: today.Add(time.Hour)})
	if err != nil {
		t.Fatalf("Sign = %v", err)
	}
	return token
}

// zeros is a source of randomness that gives every request the same ID.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// entry is one recording for put.
type entry struct {
	id, owner string
	created   recording.Seconds
	doc       string // "" for a document with a few fields
	audio     string // the type of its audio; "" for none
}

// put stores recordings of tenant.
func (s *listAPI) put(t testing.TB, all ...entry) {
	t.Helper()
	for _, e := range all {
		doc := e.doc
		if doc == "" {
			doc = fmt.Sprintf(`{"call_id":"c-%s","direction":"inbound","duration":62}`, e.id)
			if e.owner != "" {
				doc = fmt.Sprintf(`{"call_id":"c-%s","direction":"inbound","owner_id":%q}`, e.id, e.owner)
			}
		}
		document, err := recording.ParseDocument([]byte(doc))
		if err != nil {
			t.Fatalf("ParseDocument(%s) = %v", doc, err)
		}
		r := &recording.Recording{
			Account: tenant, ID: e.id, Owner: e.owner, Created: e.created, Modified: e.created, Document: document,
		}
		if e.audio != "" {
			r.Audio = recording.Audio{Place: recording.Managed, ContentType: e.audio, Size: 1}
		}
		if err := s.store.Put(t.Context(), r); err != nil {
			t.Fatalf("Put(%s) = %v", e.id, err)
		}
	}
}

// daysAgo is a time in Gregorian seconds.
func daysAgo(days int) recording.Seconds {
	return recording.SecondsOf(today.Add(-time.Duration(days) * 24 * time.Hour))
}

// got is an answer with its body decompressed.
type got struct {
	*httptest.ResponseRecorder
	body []byte
}

// ask sends a request for a list with the token of tenant. header alternates names
// and values; the value "-" removes a header.
func (s *listAPI) ask(t testing.TB, method, target string, header ...string) got {
	t.Helper()
	return s.askHandler(t, s.list, method, target, header...)
}

func (s *listAPI) askHandler(t testing.TB, h http.Handler, method, target string, header ...string) got {
	t.Helper()
	return serve(t, h, s.request(t, method, target, header...))
}

// askFunc sends a request to a handlerFunc. Its answer need not conform to the
// API's definition.
func (s *listAPI) askFunc(t testing.TB, f handlerFunc) got {
	t.Helper()
	return serveUnchecked(t, s.handlerOf(f), s.request(t, http.MethodGet, tenantList))
}

func (s *listAPI) request(t testing.TB, method, target string, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.Header.Set("X-Auth-Token", s.token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "-" {
			r.Header.Del(header[i])
		}
	}
	return r
}

// serve returns the answer of h after it checks that the request and the answer
// conform to the API's definition.
func serve(t testing.TB, h http.Handler, r *http.Request) got {
	t.Helper()
	sent := record(r)
	g := serveUnchecked(t, h, r)
	conforms(t, r, sent, g)
	return g
}

// serveUnchecked returns the answer of h.
func serveUnchecked(t testing.TB, h http.Handler, r *http.Request) got {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	g := got{w, w.Body.Bytes()}
	if w.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(g.body))
		if err == nil {
			g.body, err = io.ReadAll(z)
		}
		if err != nil {
			t.Fatalf("gunzip = %v", err)
		}
	}
	return g
}

// record returns a buffer that collects the body of r as it is read.
func record(r *http.Request) *bytes.Buffer {
	sent := new(bytes.Buffer)
	if r.Body != nil {
		r.Body = io.NopCloser(io.TeeReader(r.Body, sent))
	}
	return sent
}

// conforms checks a request and its answer against the API's definition.
func conforms(t testing.TB, r *http.Request, sent *bytes.Buffer, g got) {
	t.Helper()
	if err := openapitest.Check(openapitest.Exchange{
		Method: r.Method, URL: r.URL.String(), Header: r.Header, Body: sent.Bytes(),
		Status: g.Code, Answer: g.Header(), AnswerBody: g.body,
	}); err != nil {
		t.Error(err)
	}
}

// page is the envelope of a list or an error.
type page struct {
	Data      json.RawMessage `json:"data"`
	Status    string          `json:"status"`
	Error     string          `json:"error"`
	Message   string          `json:"message"`
	PageSize  *int            `json:"page_size"`
	StartKey  *string         `json:"start_key"`
	NextStart *string         `json:"next_start_key"`
	RequestID string          `json:"request_id"`
	Node      string          `json:"node"`
	Version   string          `json:"version"`
	Timestamp string          `json:"timestamp"`
}

func (g got) page(t testing.TB) page {
	t.Helper()
	var p page
	if err := json.Unmarshal(g.body, &p); err != nil {
		t.Fatalf("body %.200q: %v", g.body, err)
	}
	return p
}

// ids returns the IDs of the items, in order.
func (g got) ids(t testing.TB) []string {
	t.Helper()
	var all []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(g.page(t).Data, &all); err != nil {
		t.Fatalf("data: %v in %.300s", err, g.body)
	}
	ids := make([]string, 0, len(all))
	for _, item := range all {
		ids = append(ids, item.ID)
	}
	return ids
}

// want checks the status and, unless message is "", the error in the envelope.
func (g got) want(t testing.TB, status int, message string) {
	t.Helper()
	if g.Code != status {
		t.Fatalf("status = %d, want %d; body %.300s", g.Code, status, g.body)
	}
	if message == "" {
		return
	}
	if p := g.page(t); p.Message != message || p.Error != strconv.Itoa(status) || p.Status != "error" {
		t.Errorf("envelope has message %q, error %q, status %q; want %q, %d, error", p.Message, p.Error, p.Status, message, status)
	}
}

// golden compares the complete answer with testdata/name.golden.
func (g got) golden(t *testing.T, name string) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "HTTP %d\n", g.Code)
	if g.Header().Get("Content-Encoding") != "" { // depends on the compressor
		g.Header().Set("Content-Length", "compressed")
	}
	if err := g.Header().Write(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(out.String(), "\r\n", "\n") + "\n" + string(g.body)
	matchFile(t, filepath.Join("testdata", name+".golden"), text)
}

// matchFile compares text with a golden file.
func matchFile(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got; go test -update accepts it):\n%s", file, diff)
	}
}

package kazootest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
)

const (
	top   = "10000000000000000000000000000001"
	child = "20000000000000000000000000000002"
	below = "30000000000000000000000000000003"
	other = "40000000000000000000000000000004"

	epoch = 62167219200
)

// noon is the start time of the servers in these tests.
var noon = time.Date(2023, 11, 20, 12, 0, 0, 0, time.UTC)

// seconds returns a time in Gregorian seconds.
func seconds(t time.Time) int64 { return t.Unix() + epoch }

// site is a server with a token for the topmost account.
type site struct {
	*kazootest.Server
	url, token string
}

func open(t *testing.T, o kazootest.Options) *site {
	t.Helper()
	start := time.Now()
	o.Now = func() time.Time { return noon.Add(time.Since(start)) }
	o.Accounts = []kazootest.Tenant{
		{ID: top, Name: "Reseller", Children: []kazootest.Tenant{
			{ID: child, Name: "Child", Children: []kazootest.Tenant{{ID: below, Name: "Below it"}}},
		}},
		{ID: other, Name: "Other"},
	}
	o.APIKeys = map[string]string{"key": top, "child's": child}
	o.Tokens = map[string]string{"tok": top, "tok.child": child}
	s := kazootest.New(o)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return &site{Server: s, url: web.URL, token: "tok"}
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	text   []byte
	err    error // from reading the body
	body
}

// body holds the members of the envelope that tests check.
type body struct {
	Data          json.RawMessage
	Status        string
	Message       string
	Error         string
	Token         string  `json:"auth_token"`
	Start         *string `json:"start_key"`
	Next          *string `json:"next_start_key"`
	Size          *int    `json:"page_size"`
	Revision      string
	Timestamp     string
	RequestID     string `json:"request_id"`
	Node, Version string
}

// do makes a request. headers have the form "Name: value". The envelope stays empty
// if the answer is not JSON.
func (s *site) do(t *testing.T, method, path, send string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(send))
	if err != nil {
		t.Fatal(err)
	}
	if s.token != "" {
		req.Header.Set("X-Auth-Token", s.token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	r := reply{status: res.StatusCode, header: res.Header}
	r.text, r.err = io.ReadAll(res.Body)
	_ = json.Unmarshal(r.text, &r.body)
	return r
}

func (s *site) get(t *testing.T, path string, headers ...string) reply {
	t.Helper()
	return s.do(t, http.MethodGet, path, "", headers...)
}

// ids returns the IDs in a list.
func (r reply) ids(t *testing.T) []string {
	t.Helper()
	var items []struct{ ID string }
	if err := json.Unmarshal(r.Data, &items); err != nil || r.status != http.StatusOK {
		t.Fatalf("list = %d %s, %v", r.status, r.text, err)
	}
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.ID
	}
	return out
}

// id returns a recording ID. n determines the order within a second.
func id(month string, n int) string { return fmt.Sprintf("%s-%032x", month, n) }

// saved returns a recording with the text "audio of n" as its audio.
func saved(month string, n int, created int64) kazootest.Recording {
	return kazootest.Recording{
		ID: id(month, n), Created: created, Document: fmt.Sprintf(`{"name":"n %d.wav","start":%d}`, n, created-10),
		AudioType: "audio/x-wav", Audio: []byte("audio of " + strconv.Itoa(n)),
	}
}

func recordings(account string) string { return "/v2/accounts/" + account + "/recordings" }

func window(from, to int64) string { return fmt.Sprintf("?created_from=%d&created_to=%d", from, to) }

// Errors are those in the tables of kazoo.md (3.3, 5.2, 5.3, 5.5).
func TestErrors(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	unknown := strings.Repeat("f", 32)
	for _, tt := range []struct {
		name, method, path, token string
		status                    int
		message, data             string
	}{
		{"no token", "GET", recordings(top), "", 401, "invalid_credentials", `{"message":"invalid credentials"}`},
		{"an unknown token", "GET", recordings(top), "a.b.c", 401, "invalid credentials", `{}`},
		{"an unknown account, no token", "GET", recordings(unknown), "", 404, "bad_identifier", `{"cause":"` + unknown + `","message":"bad identifier"}`},
		{"an invalid account", "GET", recordings("x"), "", 404, "bad identifier", `{"message":"invalid account_id 'x'"}`},
		{"a sibling", "GET", recordings(other), "tok", 403, "forbidden", `{"message":"forbidden"}`},
		{"a parent", "GET", recordings(top), "tok.child", 403, "forbidden", `{"message":"forbidden"}`},
		{"an unknown path", "GET", "/v2/about", "tok", 404, "not_found", `{"message":"not found"}`},
		{"an unknown path, no token", "GET", "/v2/about", "", 401, "invalid_credentials", `{"message":"invalid credentials"}`},
		{"too many segments", "GET", recordings(top) + "/a/b", "tok", 404, "not_found", `{"message":"not found"}`},
		{"another version", "GET", "/v9/accounts", "", 404, "not_found", `{"message":"not found"}`},
		{"another method", "DELETE", recordings(top), "tok", 405, "invalid_method", `{"message":"method not allowed"}`},
		{"page size 0", "GET", recordings(top) + "?page_size=0", "tok", 404, "faulty_request", `{"message":"page size must be at least 1"}`},
		{"an invalid page size", "GET", recordings(top) + "?page_size=x", "tok", 404, "faulty_request", `{"message":"invalid page size"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := *s
			s.token = tt.token
			r := s.do(t, tt.method, tt.path, "")
			if r.status != tt.status || r.Message != tt.message || string(r.Data) != tt.data ||
				r.Error != strconv.Itoa(tt.status) || r.Status != "error" || r.RequestID == "" {
				t.Errorf("%s %s = %d %s, want %d %s %s", tt.method, tt.path, r.status, r.text, tt.status, tt.message, tt.data)
			}
		})
	}
}

func TestWindowErrors(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	for _, tt := range []struct {
		from, to int64
		cause    int64
		message  string // "" for no error
	}{
		{200, 100, 200, "created_to 100 is prior to created_from 200"},
		{1000, 1000 + 2682001, 1000 + 2682001, "created_to 2683001 is more than 2682000 seconds from created_from 1000"},
		{1000, 1000 + 2682000, 0, ""},
		{1000, 1000, 0, ""},
	} {
		r := s.get(t, recordings(top)+window(tt.from, tt.to))
		if tt.message == "" {
			if r.status != http.StatusOK || string(r.Data) != "[]" || r.Size == nil || *r.Size != 0 || r.Start == nil || r.Revision != "" {
				t.Errorf("window %d to %d = %d %s, want an empty page", tt.from, tt.to, r.status, r.text)
			}
			continue
		}
		want := map[string]any{"created_from": map[string]any{"date_range": map[string]any{"message": tt.message, "cause": float64(tt.cause)}}}
		var got any
		_ = json.Unmarshal(r.Data, &got)
		if r.status != http.StatusBadRequest || r.Message != "validation error" || !reflect.DeepEqual(got, want) {
			t.Errorf("window %d to %d = %d %s, want 400 %v", tt.from, tt.to, r.status, r.text, want)
		}
	}
	if r := s.get(t, recordings(top)+"?created_from=1"); r.status != http.StatusBadRequest || !strings.Contains(r.begin(), "is more than 2682000 seconds") {
		t.Errorf("an old created_from alone = %d %s, want 400", r.status, r.text)
	}
}

// begin returns the first 400 bytes of the body.
func (r reply) begin() string { return string(r.text[:min(len(r.text), 400)]) }

func TestTokens(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{TokenUses: 3, TokenTTL: time.Hour})
	s.token = ""
	for name, send := range map[string]string{"another key": `{"data":{"api_key":"no"}}`, "no key": `{"data":{}}`} {
		if r := s.do(t, http.MethodPut, "/v2/api_auth", send); r.status != http.StatusUnauthorized || r.Message != "invalid_credentials" {
			t.Errorf("%s = %d %s, want 401", name, r.status, r.text)
		}
	}
	r := s.do(t, http.MethodPut, "/v2/api_auth", `{"data":{"api_key":"child's"}}`)
	var data struct {
		Account string `json:"account_id"`
		Name    string `json:"account_name"`
	}
	if err := json.Unmarshal(r.Data, &data); err != nil || r.status != http.StatusCreated || data.Account != child || data.Name != "Child" || strings.Count(r.Token, ".") != 2 {
		t.Fatalf("api_auth = %d %s, want 201 and a token of %s", r.status, r.text, child)
	}
	s.token = r.Token
	for i, want := range []int{200, 200, 200, 401} {
		if got := s.get(t, recordings(below)).status; got != want {
			t.Errorf("request %d with the token = %d, want %d", i+1, got, want)
		}
	}
	s.token = ""
	if got := s.get(t, recordings(below)+"?auth_token=tok").status; got != http.StatusOK {
		t.Errorf("with auth_token = %d, want 200", got)
	}
	if got := s.Renewals(); got != 3 {
		t.Errorf("Renewals() = %d, want 3", got)
	}
}

func TestTokensExpireByTheClock(t *testing.T) {
	t.Parallel()
	now := noon
	s := kazootest.New(kazootest.Options{
		Now: func() time.Time { return now }, Accounts: []kazootest.Tenant{{ID: top}}, APIKeys: map[string]string{"k": top}, TokenTTL: time.Hour,
	})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/v2/api_auth", strings.NewReader(`{"data":{"api_key":"k"}}`)))
	var envelope body
	if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{time.Hour - 1, 200}, {time.Hour, 401}} {
		now = noon.Add(tt.after)
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, recordings(top), nil)
		r.Header.Set("X-Auth-Token", envelope.Token)
		if s.ServeHTTP(w, r); w.Code != tt.want {
			t.Errorf("after %v = %d, want %d", tt.after, w.Code, tt.want)
		}
	}
}

func TestDescendants(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{PageSize: 1})
	path := "/v2/accounts/" + top + "/descendants"
	all := s.get(t, path+"?paginate=false")
	if got, want := all.ids(t), []string{below, child}; !reflect.DeepEqual(got, want) || all.Start != nil || all.Size != nil {
		t.Errorf("descendants = %s, want %q sorted by name, without pages", all.text, want)
	}
	var items []struct {
		Name, Realm string
		Tree        []string
	}
	if err := json.Unmarshal(all.Data, &items); err != nil || items[0].Name != "Below it" || items[0].Realm == "" || !reflect.DeepEqual(items[0].Tree, []string{top, child}) {
		t.Errorf("descendants = %s, want names, realms and trees", all.Data)
	}
	first := s.get(t, path)
	if first.Next == nil || !reflect.DeepEqual(first.ids(t), []string{below}) {
		t.Fatalf("first page = %s, want one account and a cursor", first.text)
	}
	second := s.get(t, path+"?start_key="+*first.Next)
	if second.Next != nil || !reflect.DeepEqual(second.ids(t), []string{child}) {
		t.Errorf("second page = %s, want the last account and no cursor", second.text)
	}
}

func TestOtherServers(t *testing.T) {
	t.Parallel()
	if r := open(t, kazootest.Options{RedirectTo: "https://example.com/"}).get(t, recordings(top)); r.status != http.StatusFound || r.header.Get("Location") != "https://example.com/" {
		t.Errorf("RedirectTo = %d to %q, want 302", r.status, r.header.Get("Location"))
	}
	if r := open(t, kazootest.Options{NotKazoo: true}).get(t, recordings(top)); r.status != http.StatusOK || r.header.Get("Content-Type") != "text/html" {
		t.Errorf("NotKazoo = %d %q, want 200 and HTML", r.status, r.header.Get("Content-Type"))
	}
}

// cutShort reports whether an answer ended before its announced length.
func (r reply) cutShort() bool {
	return errors.Is(r.err, io.ErrUnexpectedEOF) || errors.Is(r.err, io.EOF)
}

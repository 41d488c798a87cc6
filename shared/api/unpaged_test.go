package api

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// listsOf serves lists of m.
func listsOf(t testing.TB, m store.Reader) *listAPI {
	t.Helper()
	return newListAPI(t, func(store.Reader) store.Reader { return m })
}

// everything is an unpaged list of all recordings.
const everything = tenantList + "?paginate=false&created_from=1"

func TestTenThousandRecordingsFit(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	m := typicalRecordings(10_000)
	s := listsOf(t, m)

	g := s.ask(t, "GET", everything, "Accept-Encoding", "gzip")
	g.want(t, 200, "")
	if n := g.Body.Len(); n > gatewayLimit*3/4 {
		t.Errorf("10,000 recordings take %d bytes compressed, want at most %d", n, gatewayLimit*3/4)
	}
	ids := g.ids(t)
	if len(ids) != len(m) {
		t.Fatalf("%d recordings, want %d", len(ids), len(m))
	}
	for i := range m {
		if ids[i] != m[i].ID {
			t.Fatalf("recording %d is %s, want %s", i, ids[i], m[i].ID)
		}
	}
	s.ask(t, "GET", everything).want(t, 416, "range not satisfiable")

	g = s.ask(t, "GET", everything+"&accept=csv", "Accept-Encoding", "gzip")
	g.want(t, 200, "")
	rows, err := csv.NewReader(strings.NewReader(string(g.body))).ReadAll()
	if err != nil || len(rows) != len(m)+1 {
		t.Fatalf("%d rows, want %d: %v", len(rows), len(m)+1, err)
	}
	s.ask(t, "GET", everything+"&accept=csv").want(t, 416, "range not satisfiable")

	g = s.ask(t, "GET", everything+"&filter_caller_id_name=Sales")
	g.want(t, 200, "")
	if n := len(g.ids(t)); n < 1000 {
		t.Errorf("%d recordings pass the filter, want about 1,600", n)
	}
}

func TestUnpagedTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 3000)
	m := typicalRecordings(2000)
	for i := range m {
		for k := range noise {
			noise[k] = byte(random.Uint32())
		}
		m[i].Document = recording.Document(`{"name":"` + base64.StdEncoding.EncodeToString(noise) + `"}`)
	}
	s := listsOf(t, m)
	for _, suffix := range []string{"", "&accept=csv", "&pretty_print=true"} {
		for _, encoding := range []string{"gzip", "identity"} {
			g := s.ask(t, "GET", everything+suffix, "Accept-Encoding", encoding)
			g.want(t, 416, "range not satisfiable")
			page := g.page(t)
			if data := withoutDoc(t, page.Data, page.Message); !strings.Contains(data, "the list is too long for one answer") {
				t.Errorf("data = %s, want what is too long", data)
			}
			if g.Header().Get("Content-Disposition") != "" || encoding == "identity" && g.Header().Get("Content-Encoding") != "" {
				t.Errorf("headers of the abandoned list: %v", g.Header())
			}
		}
	}
}

func TestUnpagedAtTheLimit(t *testing.T) {
	t.Parallel()
	m := typicalRecordings(300)
	for i := range m {
		m[i].Document = recording.Document(`{"name":"` + strings.Repeat("x", 18_000) + `"}`)
	}
	g := listsOf(t, m).ask(t, "GET", everything)
	g.want(t, 200, "")
	if n := recording.EscapedLen(g.body); n > wholeText || n < wholeText*8/10 {
		t.Errorf("%d bytes of escaped text, want close to %d", n, wholeText)
	}
}

func TestUnpagedRunsOutOfTime(t *testing.T) {
	t.Parallel()
	s := listsOf(t, typicalRecordings(3000))
	ctx, cancel := context.WithTimeout(t.Context(), answerReserve-time.Millisecond)
	defer cancel()
	for target, want := range map[string]int{
		everything:                               416,
		tenantList + "?page_size=50":             200,
		"/v1/accounts/" + tenant + "/recordings": 416,
	} {
		r := httptest.NewRequestWithContext(ctx, "GET", target, nil)
		r.Header.Set("X-Auth-Token", s.token)
		r.Header.Set("Accept-Encoding", "gzip")
		if g := serve(t, s.list, r); g.Code != want {
			t.Errorf("GET %s = %d, want %d", target, g.Code, want)
		}
	}
	// The list also ends in time within one read: the filter rejects many recordings, or
	// no time remains to encode the recordings that it keeps.
	late, cancelLate := context.WithTimeout(t.Context(), rowReserve-time.Millisecond)
	defer cancelLate()
	for _, filter := range []string{"&filter_call_id=none", ""} {
		r := httptest.NewRequestWithContext(late, "GET", everything+filter, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		few := listsOf(t, typicalRecordings(500))
		r.Header.Set("X-Auth-Token", few.token)
		serve(t, few.list, r).want(t, 416, "range not satisfiable")
	}
	// A list that needs only one read gets an answer.
	short := listsOf(t, typicalRecordings(500))
	soon, cancelSoon := context.WithTimeout(t.Context(), answerReserve-time.Millisecond)
	defer cancelSoon()
	r := httptest.NewRequestWithContext(soon, "GET", everything, nil)
	r.Header.Set("X-Auth-Token", short.token)
	serve(t, short.list, r).want(t, 200, "")
}

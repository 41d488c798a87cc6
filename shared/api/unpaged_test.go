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

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// over serves lists of m instead of the shelf's store.
func over(t testing.TB, m store.Reader) *shelf {
	t.Helper()
	return newShelf(t, func(store.Reader) store.Reader { return m })
}

// everything is the whole list, its window wide open.
const everything = tenantList + "?paginate=false&created_from=1"

func TestTenThousandFit(t *testing.T) {
	t.Parallel()
	m := ordinary(10_000)
	s := over(t, m)

	g := s.ask(t, "GET", everything, "Accept-Encoding", "gzip")
	g.want(t, 200, "")
	if n := g.Body.Len(); n > fits*3/4 {
		t.Errorf("10,000 recordings take %d bytes compressed, want %d at most", n, fits*3/4)
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
		t.Errorf("%d recordings pass the filter, want some 1,600", n)
	}
}

func TestUnpagedThatDoesNotFit(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 3000)
	m := ordinary(2000)
	for i := range m {
		for k := range noise {
			noise[k] = byte(random.Uint32())
		}
		m[i].Document = recording.Document(`{"name":"` + base64.StdEncoding.EncodeToString(noise) + `"}`)
	}
	s := over(t, m)
	for _, suffix := range []string{"", "&accept=csv", "&pretty_print=true"} {
		for _, encoding := range []string{"gzip", "identity"} {
			g := s.ask(t, "GET", everything+suffix, "Accept-Encoding", encoding)
			g.want(t, 416, "range not satisfiable")
			if data := string(g.page(t).Data); data != "{}" {
				t.Errorf("data = %s, want {}", data)
			}
			if g.Header().Get("Content-Disposition") != "" || g.Header().Get("Content-Encoding") != "" {
				t.Errorf("headers of the list that was not given: %v", g.Header())
			}
		}
	}
}

func TestUnpagedUpToTheLimit(t *testing.T) {
	t.Parallel()
	m := ordinary(300)
	for i := range m {
		m[i].Document = recording.Document(`{"name":"` + strings.Repeat("x", 18_000) + `"}`)
	}
	g := over(t, m).ask(t, "GET", everything)
	g.want(t, 200, "")
	if n := recording.EscapedLen(g.body); n > wholeText || n < wholeText*8/10 {
		t.Errorf("%d bytes of escaped text, want nearly %d", n, wholeText)
	}
}

func TestUnpagedRunsOutOfTime(t *testing.T) {
	t.Parallel()
	s := over(t, ordinary(3000))
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
	// What one read holds is answered.
	short := over(t, ordinary(500))
	r := httptest.NewRequestWithContext(ctx, "GET", everything, nil)
	r.Header.Set("X-Auth-Token", short.token)
	serve(t, short.list, r).want(t, 200, "")
}

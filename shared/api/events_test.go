package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/gateway"
)

// Lambda events carry the same answers: binary and text bodies, the length of a
// HEAD, a 304 without a body, and the largest audio that fits.
func TestAudioThroughEvents(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"binary": noise(1000), "valid text": []byte("text by chance"), "largest": noise(gatewayLimit), "empty": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSingle(t, Delivery{})
			s.put(t, data, nil)
			server := httptest.NewServer(gateway.Local(s.get))
			t.Cleanup(server.Close)
			length := strconv.Itoa(len(data))

			whole := s.fetch(t, server, http.MethodGet)
			if whole.status != 200 || whole.body != string(data) || whole.header.Get("Content-Type") != "audio/mpeg" {
				t.Errorf("GET = %d with %d bytes of %s", whole.status, len(whole.body), whole.header.Get("Content-Type"))
			}
			head := s.fetch(t, server, http.MethodHead)
			if head.status != 200 || head.header.Get("Content-Length") != length {
				t.Errorf("HEAD = %d with length %q, want 200 with %s", head.status, head.header.Get("Content-Length"), length)
			}
			same := s.fetch(t, server, http.MethodGet, "If-None-Match", whole.header.Get("ETag"))
			if same.status != 304 || same.body != "" || same.header.Get("ETag") != whole.header.Get("ETag") {
				t.Errorf("conditional GET = %d with %v", same.status, same.header)
			}
			if len(data) == 0 {
				return
			}
			part := s.fetch(t, server, http.MethodGet, "Range", "bytes=-3", "If-Range", whole.header.Get("ETag"))
			if part.status != 206 || part.body != string(data[len(data)-3:]) || !strings.HasSuffix(part.header.Get("Content-Range"), "/"+length) {
				t.Errorf("GET of a range = %d %q, %q", part.status, part.body, part.header.Get("Content-Range"))
			}
		})
	}
}

// fetch requests the audio from server.
func (s *single) fetch(t testing.TB, server *httptest.Server, method string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+audioPath, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", s.token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{status: res.StatusCode, header: res.Header, body: string(body)}
}

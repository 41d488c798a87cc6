//go:build e2e

package load_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// world is the server with its clients.
type world struct {
	t       *testing.T
	url, s3 string
	tokens  map[string]string
	clients *http.Client
	end     time.Time
	// recordings are those of busyAccount, each with audio of its own.
	recordings []recorded
	// slow are the kinds of slow clients.
	slow []*slowKind
	// played is a recording of otherAccount, and playedURL the presigned URL of its audio.
	played    recorded
	playedURL string

	answered, refused, served, observed, plays atomic.Int64
	mu                                         sync.Mutex
	wrong                                      map[string]int
	slowest, slowestPlay                       time.Duration
}

// recorded is a recording of the test.
type recorded struct {
	id  string
	sum [sha256.Size]byte
}

// prepare creates the recordings that the clients list, read, play and patch.
func (w *world) prepare() {
	w.t.Helper()
	w.wrong = map[string]int{}
	for i := range 100 {
		w.recordings = append(w.recordings, w.create(busyAccount, tone(i, 64<<10)))
	}
	w.played = w.create(otherAccount, tone(0, 64<<10))
	w.playedURL = w.link(otherAccount, w.played)
	w.slow = w.slowKinds()
}

// create creates a recording with audio, and fails the test if it cannot.
func (w *world) create(account string, audio []byte) recorded {
	w.t.Helper()
	status, _, body := w.send(http.MethodPut, account, "?from=a@pbx&to=b@pbx", "audio/wav", audio)
	var created struct{ Data struct{ ID string } }
	if err := json.Unmarshal(body, &created); status != http.StatusCreated || err != nil {
		w.t.Fatalf("create: %d %.300s", status, body)
	}
	return recorded{created.Data.ID, sha256.Sum256(audio)}
}

// tone returns a WAV file of about n bytes that is unique to i.
func tone(i, n int) []byte {
	le := func(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)} }
	b := append([]byte("RIFF"), le(n+36)...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"...)
	b = append(append(b, le(n)...), make([]byte, n)...)
	copy(b[44:], fmt.Sprint("audio ", i))
	return b
}

// send sends a request of the API. The status is 0 if there was no answer.
func (w *world) send(method, account, path, kind string, body []byte) (int, http.Header, []byte) {
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+"/v2/accounts/"+account+"/recordings"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, []byte(err.Error())
	}
	r.Header.Set("X-Auth-Token", w.tokens[account])
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	resp, err := w.clients.Do(r)
	if err != nil {
		return 0, nil, []byte(err.Error())
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to the end
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, []byte(err.Error())
	}
	return resp.StatusCode, resp.Header, text
}

// mixed is an ordinary client: half of its requests are lists.
func (w *world) mixed(i int) {
	for n := 0; time.Now().Before(w.end); n++ {
		r := w.recordings[rand.N(len(w.recordings))]
		switch k := rand.N(20); {
		case k < 10:
			w.expect("list", http.MethodGet, "?page_size=20", "", nil, func(body []byte) bool {
				var page struct{ Data []struct{ ID string } }
				return json.Unmarshal(body, &page) == nil && len(page.Data) == 20
			})
		case k < 15:
			w.expect("get", http.MethodGet, "/"+r.id, "", nil, func(body []byte) bool {
				return bytes.HasPrefix(body, []byte(`{"data":{"id":"`+r.id+`"`))
			})
		case k < 17:
			w.expect("audio", http.MethodGet, "/"+r.id+"/audio", "", nil, func(body []byte) bool { return sha256.Sum256(body) == r.sum })
		case k < 19:
			mark := fmt.Sprintf(`"client-%d":"%d"`, i%16, n)
			w.expect("patch", http.MethodPatch, "/"+r.id, "application/json", []byte(`{"data":{"user_metadata":{`+mark+`}}}`), func(body []byte) bool {
				return bytes.Contains(body, []byte(mark))
			})
		default:
			w.expect("upload", http.MethodPut, "?from=a@pbx&to=b@pbx", "audio/wav", tone(i<<16+n, 16<<10), func(body []byte) bool {
				return bytes.Contains(body, []byte(`"state":"`)) // pending, until ingest has examined it
			})
		}
	}
}

// expect sends a request of busyAccount. Its answer must be right, or an honest refusal.
func (w *world) expect(name, method, path, kind string, body []byte, right func([]byte) bool) {
	status, header, text := w.send(method, busyAccount, path, kind, body)
	switch {
	case status/100 == 2 && right(text):
		w.answered.Add(1)
	case (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && header.Get("Retry-After") != "":
		w.refused.Add(1)
		time.Sleep(time.Second)
	default:
		w.note(fmt.Sprintf("%s: %d %.2000s", name, status, text))
	}
}

// note counts a wrong answer.
func (w *world) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) < 50 || w.wrong[text] > 0 {
		w.wrong[text]++
	}
}

// observe is a client of another account, which lists every quarter of a second.
func (w *world) observe() {
	for time.Now().Before(w.end) {
		begun := time.Now()
		status, header, text := w.send(http.MethodGet, otherAccount, "?page_size=1", "", nil)
		w.observed.Add(1)
		switch {
		case status == http.StatusOK:
			w.served.Add(1)
		case status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable || header.Get("Retry-After") == "":
			w.note(fmt.Sprintf("the other account: %d %.200s", status, text))
		}
		w.slowest = max(w.slowest, time.Since(begun))
		time.Sleep(250 * time.Millisecond)
	}
}

// play is a client of another account, which gets audio from the S3 server twice a second.
func (w *world) play() {
	for time.Now().Before(w.end) {
		begun := time.Now()
		body, err := w.fetch(w.playedURL)
		for tries := 1; err != nil && tries < 3; tries++ { // as browsers do; a full port closes silent connections
			body, err = w.fetch(w.playedURL)
		}
		switch {
		case err != nil:
			w.note("the other account's audio: " + causeOf(err).Error())
		case sha256.Sum256(body) != w.played.sum:
			w.note("the other account's audio is wrong")
		default:
			w.plays.Add(1)
		}
		w.slowestPlay = max(w.slowestPlay, time.Since(begun))
		time.Sleep(500 * time.Millisecond)
	}
}

// causeOf returns an error without the URL, which differs for each run.
func causeOf(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// fetch gets a URL.
func (w *world) fetch(link string) ([]byte, error) {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, link, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := w.clients.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to the end
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.200s", resp.StatusCode, body)
	}
	return body, err
}

// patience is the longest that the other account may wait for one answer.
const patience = 10 * time.Second

// report logs the figures, and fails the test for wrong answers. The other account must get
// a list every two seconds, and audio every four; an idle server gives it eight times as many.
func (w *world) report(seconds int) {
	w.t.Helper()
	w.t.Logf("%d answers were right, %d were honest refusals; the other account got %d of %d lists, the slowest in %v, and audio from S3 %d times, the slowest in %v",
		w.answered.Load(), w.refused.Load(), w.served.Load(), w.observed.Load(), w.slowest.Round(time.Millisecond),
		w.plays.Load(), w.slowestPlay.Round(time.Millisecond))
	for text, n := range w.wrong {
		w.t.Errorf("%d times: %s", n, text)
	}
	served, all := w.served.Load(), w.observed.Load()
	if served*10 < all*9 || all < int64(seconds)/2 || w.slowest > patience {
		w.t.Errorf("the other account got %d of %d lists in %d s, the slowest in %v", served, all, seconds, w.slowest)
	}
	if w.plays.Load() < int64(seconds)/4 || w.slowestPlay > patience {
		w.t.Errorf("the other account got audio %d times in %d s, the slowest in %v", w.plays.Load(), seconds, w.slowestPlay)
	}
	if w.answered.Load() == 0 {
		w.t.Error("no request of the load was answered")
	}
}

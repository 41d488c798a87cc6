//go:build e2e

package storm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/pbx"
	"github.com/callrecordings/api/shared/auth"
)

const (
	accounts = 3
	workers  = 8
	// patience is the time limit for one upload with its retries.
	patience = 3 * time.Minute
)

// place is the target of the uploads.
type place struct {
	url     string            // of the API
	storage map[string]string // URL for storage requests by account
	tokens  map[string]string // token by account
	s3      pbx.S3
	// kill kills the receivers. It is called at the interval every and returns
	// false if it found none.
	kill  func() bool
	every time.Duration
	// rest is the time limit, after the last upload, for all recordings to be ready.
	rest time.Duration
	// events, if not nil, returns the events delivered so far, by account and ID.
	events func() map[string][]delivered
	// ways lists the kinds of uploads that the target accepts.
	ways []way
}

// item is a recording in a list.
type item struct {
	ID, From, To, Direction string
	CallID                  string `json:"call_id"`
	Owner                   string `json:"owner_id"`
	Caller                  string `json:"caller_id_number"`
	Start                   int64
	DurationMS              int64                  `json:"duration_ms"`
	ReadOnly                struct{ State string } `json:"_read_only"`
}

// storm sends n recordings to p and checks the result.
func storm(t *testing.T, p place, n int) {
	client := &http.Client{Timeout: time.Minute}
	uploads := make([]upload, n)
	for i := range uploads {
		uploads[i] = p.upload(i)
	}
	var sent, tries, cut, twice atomic.Int64
	start := time.Now()
	dying, stop := context.WithCancel(t.Context())
	var killer sync.WaitGroup
	kills := 0
	killer.Go(func() {
		every := time.NewTicker(p.every)
		defer every.Stop()
		for {
			select {
			case <-dying.Done():
				return
			case <-every.C:
				if p.kill() {
					kills++
				}
			}
		}
	})
	queue := make(chan int)
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for i := range queue {
				if i%10 == 3 { // first send an upload that breaks off in the body
					cut.Add(1)
					broken(t, client, uploads[i])
				}
				times := 1
				if i%10 == 7 {
					times = 2
					twice.Add(1)
				}
				var both sync.WaitGroup
				for range times {
					both.Go(func() {
						for _, part := range uploads[i].parts() {
							tries.Add(deliver(t, client, uploads[i].call.ID, part))
						}
					})
				}
				both.Wait()
				sent.Add(1)
			}
		})
	}
	for i := range uploads {
		if i == n-n/10 {
			// The last uploads are not followed by a restart, so no restart can hide
			// that their arrivals or events are lost.
			stop()
			killer.Wait()
		}
		queue <- i
	}
	close(queue)
	working.Wait()
	stop()
	killer.Wait()
	took := time.Since(start)
	if kills == 0 {
		t.Error("no receiver was killed")
	}
	p.settle(t, client, uploads)
	if p.events != nil {
		p.checkEvents(t, client, time.Now().Add(time.Minute))
	}
	t.Logf("%d uploads in %v (%d tries, %d sent twice, %d broken off, %d kills); all ready %v later",
		sent.Load(), took.Round(time.Second), tries.Load(), twice.Load(), cut.Load(), kills, time.Since(start.Add(took)).Round(time.Second))
}

// broken starts an upload and breaks the connection in the middle of the body. The
// server must not report success.
func broken(t *testing.T, client *http.Client, u upload) {
	r, err := u.audio(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	whole, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), failing{}))
	r.GetBody = nil
	if resp, err := client.Do(r); err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode < 300 {
			t.Errorf("half of %s was accepted: %d", u.call.ID, resp.StatusCode)
		}
	}
}

// failing is a reader that always fails.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection broken") }

// deliver retries a request until it succeeds and returns the number of attempts.
func deliver(t *testing.T, client *http.Client, id string, part request) (tries int64) {
	tries, _, _ = untilDone(t, client, id, part)
	return tries
}

// untilDone retries a request until the status is one of success, or one of more. It
// returns the number of attempts and the last answer. The test fails on any other
// status below 500.
func untilDone(t *testing.T, client *http.Client, id string, part request, more ...int) (tries int64, status int, body []byte) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		tries++
		r, err := part(t.Context())
		if err != nil {
			t.Error(err)
			return tries, 0, nil
		}
		resp, err := client.Do(r)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil: // the server died while it answered
		case resp.StatusCode < 300, slices.Contains(more, resp.StatusCode):
			return tries, resp.StatusCode, body
		case resp.StatusCode < 500:
			t.Errorf("%s: %d %.300s", id, resp.StatusCode, body)
			return tries, resp.StatusCode, body
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s: no success in %v", id, patience)
	return tries, 0, nil
}

// settle waits until all recordings are ready. Then it checks that each upload has
// produced one correct recording in its account, and that no other recordings exist.
func (p place) settle(t *testing.T, client *http.Client, uploads []upload) {
	t.Helper()
	end := time.Now().Add(p.rest)
	for account := range p.storage {
		var mine []upload
		for _, u := range uploads {
			if u.call.Account == account {
				mine = append(mine, u)
			}
		}
		var all []item
		for {
			all = p.list(t, client, account)
			ready := 0
			for _, r := range all {
				if r.ReadOnly.State == "ready" {
					ready++
				}
			}
			if ready >= len(mine) || time.Now().After(end) {
				t.Logf("account %s: %d recordings, %d ready, %d uploads", account[30:], len(all), ready, len(mine))
				break
			}
			time.Sleep(time.Second)
		}
		if len(all) != len(mine) {
			t.Errorf("account %s has %d recordings, want %d", account, len(all), len(mine))
		}
		for i, u := range mine {
			p.check(t, client, u, all, i%20 == 0)
		}
	}
}

// check compares one upload with its recording, and with the recording's audio if
// play is true.
func (p place) check(t *testing.T, client *http.Client, u upload, all []item, play bool) {
	t.Helper()
	at := slices.IndexFunc(all, u.find)
	if at < 0 {
		t.Errorf("%s is missing", u.call.ID)
		return
	}
	r := all[at]
	if r.ReadOnly.State != "ready" || r.DurationMS != 2000 {
		t.Errorf("%s is %s with %d ms, want ready with 2000", r.ID, r.ReadOnly.State, r.DurationMS)
	}
	got := map[string]string{
		"owner_id": r.Owner, "from": r.From, "to": r.To, "call_id": r.CallID, "start": strconv.FormatInt(r.Start, 10),
		"direction": r.Direction, "caller_id_number": r.Caller,
	}
	for name, want := range u.want {
		if want == "" && name == "to" {
			want = "unknown@unknown"
		}
		if got[name] != want {
			t.Errorf("%s: %s = %q, want %q", r.ID, name, got[name], want)
		}
	}
	if play {
		body := p.get(t, client, u.call.Account, "/"+r.ID+"?accept=audio/mpeg")
		if !bytes.Equal(body, u.call.Audio) {
			t.Errorf("%s has %d bytes of audio that differ from the %d sent", r.ID, len(body), len(u.call.Audio))
		}
	}
}

// list returns all recordings of an account.
func (p place) list(t *testing.T, client *http.Client, account string) (all []item) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Data []item
			Next string `json:"next_start_key"`
		}
		if err := json.Unmarshal(p.get(t, client, account, "?page_size=500"+cursor), &page); err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Data...)
		if page.Next == "" {
			return all
		}
		cursor = "&start_key=" + page.Next
	}
}

// get requests a path below the account's recordings. It retries as long as the API
// does not answer or answers with 5xx.
func (p place) get(t *testing.T, client *http.Client, account, rest string) []byte {
	t.Helper()
	for range 100 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/v2/accounts/"+account+"/recordings"+rest, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", p.tokens[account])
		resp, err := client.Do(r)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK && err == nil {
			return body
		}
		if resp.StatusCode < 500 {
			t.Fatalf("%s: %d %.300s", rest, resp.StatusCode, body)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s: no answer", rest)
	return nil
}

// open creates a token and a storage secret for each account. command is the path
// of the recordings command, and flags select the target.
func (p *place) open(t *testing.T, jwks []byte, command string, flags ...string) {
	t.Helper()
	p.storage, p.tokens = map[string]string{}, map[string]string{}
	for i := range accounts {
		account := fmt.Sprintf("%032x", 0xa0+i)
		token, err := auth.Sign(jwks, auth.Claims{Account: account, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		p.tokens[account] = token
		out, err := exec.CommandContext(t.Context(), command, append([]string{"storage-secret", "create", "--account", account}, flags...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		p.storage[account] = p.url + strings.TrimSpace(string(out))
	}
}

// uploadCount returns the number of recordings to send: STORM_UPLOADS if set,
// otherwise n.
func uploadCount(t *testing.T, n int) int {
	t.Helper()
	if text := os.Getenv("STORM_UPLOADS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// pending stores n recordings without audio.
func pending(t *testing.T, b *box, n int) (last *recording.Recording) {
	t.Helper()
	for i := range n {
		last = &recording.Recording{Account: "a", ID: "202601-" + strconv.Itoa(i), Created: 1, Document: "{}"}
		if err := b.store.Put(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// A start does not look for missed audio before it serves. catchUp finds that audio.
func TestAStartServesBeforeItChecks(t *testing.T) {
	t.Parallel()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := opened(t, dir)
	storeObject(t, b, pending(t, b, 3).AudioKey(), []byte("x"))
	next := &box{dir: dir, now: time.Now, log: slog.New(slog.DiscardHandler), settings: b.settings}
	t.Cleanup(func() { _ = next.close() })
	if _, err := next.prepare(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if n := due(t, next, sqlite.Arrivals); n != 0 {
		t.Errorf("%d arrivals are queued before the server serves, want none", n)
	}
	if _, err := os.Stat(dir.File(uncheckedFile)); err != nil {
		t.Errorf("before the check: %v, want the file of unchecked audio", err)
	}
	next.catchUp(t.Context())
	if n := due(t, next, sqlite.Arrivals); n != 1 {
		t.Errorf("%d arrivals are queued after the check, want 1", n)
	}
	if _, err := os.Stat(dir.File(uncheckedFile)); err == nil {
		t.Error("the file of unchecked audio is still there after the check")
	}
}

// The search for missed audio may find audio before the event of the audio arrives. The two
// complete the recording once, in either order: clients get one event.
func TestMissedAudioBesideItsOwnEvent(t *testing.T) {
	t.Parallel()
	audio, err := os.ReadFile("demo/05-voicemail.wav")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"recordings/a/202601/202601-0", "inbox/a/call.wav"} {
		for _, ownFirst := range []bool{true, false} {
			t.Run(fmt.Sprintf("%.5s, own event first %v", key, ownFirst), func(t *testing.T) {
				t.Parallel()
				b, now, _ := newBox(t)
				if strings.HasPrefix(key, recording.InboxKey("", "")) {
					storeObject(t, b, key, audio)
					storeObject(t, b, "inbox/a/call.json", []byte(`{"from":"15550100"}`))
				} else {
					storeObject(t, b, pending(t, b, 1).AudioKey(), audio)
				}
				now.add(time.Hour) // a file in an inbox is taken after a grace period
				own := func() {
					b.enqueueArrival(t.Context(), s3server.Event(datadir.Bucket, key, "", "us-east-1", now.Now()))
				}
				search := func() {
					if err := b.enqueueMissed(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				both := []func(){search, own}
				if ownFirst { // the search has read the recording before the own event was queued
					both = []func(){own, func() { b.enqueueArrival(t.Context(), datadir.RecheckEvent(key)) }}
				}
				for _, enqueue := range both {
					now.add(time.Second)
					enqueue()
					if due(t, b, sqlite.Arrivals) == 0 {
						t.Fatal("no arrival is queued")
					}
					drain(t, b)
				}
				if _, err := b.publishChanges(t.Context()); err != nil {
					t.Fatal(err)
				}
				var ready int
				for _, e := range eventsOf(t, b.dir.Path) {
					if e.Detail.State == "ready" {
						ready++
					}
				}
				if ready != 1 {
					t.Errorf("%d events of audio that is ready, want 1: %+v", ready, eventsOf(t, b.dir.Path))
				}
			})
		}
	}
}

// If the process ends before the check of recent audio is complete, the next start
// checks from the same time on.
func TestAnInterruptedCheckIsRepeated(t *testing.T) {
	t.Parallel()
	b, now, _ := newBox(t)
	b.written = now.Now().Add(-time.Hour)
	b.rememberUnchecked(t.Context())
	if got := b.checkedUntil(); !got.Equal(b.written) {
		t.Errorf("checkedUntil after an interrupted check = %v, want %v", got, b.written)
	}
	for _, text := range []string{"", "not a time", now.Now().Add(time.Hour).Format(time.RFC3339Nano)} {
		if err := b.dir.WritePrivate(uncheckedFile, text); err != nil {
			t.Fatal(err)
		}
		if got, want := b.checkedUntil(), lastWrite(b.dir); !got.Equal(want) {
			t.Errorf("checkedUntil with %q = %v, want the last write, %v", text, got, want)
		}
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	b.catchUp(stopped)
	if _, err := os.Stat(b.dir.File(uncheckedFile)); err != nil {
		t.Errorf("after an interrupted check: %v, want the file of unchecked audio", err)
	}
}

// The checks stop in the middle when the server stops.
func TestTheChecksStopWithTheServer(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	for i := range 2 {
		r := &recording.Recording{
			Account: "b", ID: "202601-" + strconv.Itoa(i), Created: 1, Modified: recording.SecondsOf(b.now()),
			Document: "{}", Audio: recording.Audio{Place: recording.Managed, Size: 1},
		}
		if err := b.store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		storeObject(t, b, r.AudioKey(), []byte("x"))
	}
	storeObject(t, b, pending(t, b, 3).AudioKey(), []byte("x"))
	for name, check := range map[string]func(context.Context) error{
		"recheck":       func(ctx context.Context) error { return b.recheck(ctx, b.now()) },
		"enqueueMissed": b.enqueueMissed,
		"logDamaged":    func(ctx context.Context) error { return b.logDamaged(ctx, time.Time{}) },
	} {
		end := &endsAfter{Context: t.Context()}
		end.calls.Store(1)
		if err := check(end); err == nil {
			t.Errorf("%s of a stopping server = nil, want an error", name)
		}
	}
	if n := due(t, b, sqlite.Arrivals); n > 1 {
		t.Errorf("%d arrivals are queued by checks that stopped at once", n)
	}
}

// endsAfter is a context that has ended after some calls of Err. Package sql calls Err in
// goroutines of its own.
type endsAfter struct {
	context.Context
	calls atomic.Int64
}

func (e *endsAfter) Err() error {
	if e.calls.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// A recording that is deleted during the check is not logged as damaged.
func TestADeletionDuringTheCheckIsNoDamage(t *testing.T) {
	t.Parallel()
	b, _, log := newBox(t)
	r := pending(t, b, 1)
	stale := *r
	if _, err := b.store.Update(t.Context(), r.Account, r.ID, func(*recording.Recording) error { return nil }); err != nil {
		t.Fatal(err)
	}
	b.logDamage(t.Context(), &stale, "changed", 0)
	remove(t, b, r)
	b.logDamage(t.Context(), &stale, "deleted", 0)
	if log.String() != "" {
		t.Errorf("the log is %s, want none", log)
	}
}

// fillTable stores n recordings by SQL, since storing them one by one takes minutes.
// One in a hundred has no audio. They are apart by that many seconds.
func fillTable(tb testing.TB, dir *datadir.Dir, n, apart int) {
	tb.Helper()
	db, err := sql.Open("sqlite", dir.File("recordings.db"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	now := recording.SecondsOf(time.Now())
	_, err = db.ExecContext(tb.Context(), `PRAGMA synchronous=OFF;
		WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?1)
		INSERT INTO recordings (account, id, owner, created, modified, revision, audio_place, audio_key, audio_type, audio_size, doc)
		SELECT ?2, printf('202601-%032x', n), ?3, ?4 - n * ?5, ?4 - n * ?5, '1-00000000', iif(n % 100, 'managed', ''), '', 'audio/mpeg', 1000,
			printf('{"call_id":"%032x","from":"+15550100","to":"1001","direction":"inbound","duration_ms":60000,"media_type":"mp3","name":"call_%d.mp3","owner_id":"%s","request":"1001@pbx.example.com","cdr_id":"202601-%032x","interaction_id":"63000000000-%08x"}', n, n, ?3, n, n)
		FROM n`, n, dir.Keys.Account, dir.Keys.Users[0], int64(now), apart)
	if err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkStart measures a start until the server serves. The time must not depend on
// the number of recordings.
func BenchmarkStart(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("recordings=%d", n), func(b *testing.B) {
			dir, err := datadir.Open(filepath.Join(b.TempDir(), "data"))
			if err != nil {
				b.Fatal(err)
			}
			start := func() *box {
				box := &box{dir: dir, now: time.Now, log: slog.New(slog.DiscardHandler)}
				box.settings.Host, box.settings.Port, box.settings.DataDir = "127.0.0.1", "0", dir.Path
				_, err := box.prepare(b.Context(), false)
				var greeting bytes.Buffer
				if err == nil {
					err = box.welcome(b.Context(), &greeting, true)
				}
				if err != nil || !strings.Contains(greeting.String(), "is ready") {
					b.Fatal(err, greeting.String())
				}
				return box
			}
			stop := func(box *box) {
				if err := box.close(); err != nil {
					b.Fatal(err)
				}
			}
			stop(start())
			fillTable(b, dir, n, 5)
			for b.Loop() {
				box := start()
				b.StopTimer()
				stop(box)
				b.StartTimer()
			}
		})
	}
}

// BenchmarkMonth measures an unpaged list of the last 31 days. The time must depend only
// on the recordings of these days, not on those before.
func BenchmarkMonth(b *testing.B) {
	for _, n := range []int{3_000, 1_000_000} {
		b.Run(fmt.Sprintf("recordings=%d", n), func(b *testing.B) {
			dir, err := datadir.Open(filepath.Join(b.TempDir(), "data"))
			if err != nil {
				b.Fatal(err)
			}
			box := &box{dir: dir, now: time.Now, log: slog.New(slog.DiscardHandler)}
			box.settings.Host, box.settings.Port, box.settings.DataDir = "127.0.0.1", "0", dir.Path
			if err := box.open(b.Context()); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = box.close() }()
			const apart = 1000
			fillTable(b, dir, n, apart)
			h, err := box.handler()
			if err != nil {
				b.Fatal(err)
			}
			token, err := auth.Sign(dir.Keys.Token, auth.Claims{Account: dir.Keys.Account, Expires: box.now().Add(time.Hour)})
			if err != nil {
				b.Fatal(err)
			}
			from := recording.SecondsOf(box.now().AddDate(0, 0, -31)) + apart
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet,
				fmt.Sprintf("/v2/accounts/%s/recordings?paginate=false&created_from=%d", dir.Keys.Account, from), http.NoBody)
			r.Header.Set("X-Auth-Token", token)
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != http.StatusOK || w.Body.Len() < 2600*400 {
					b.Fatalf("%d with %d bytes: %.300s", w.Code, w.Body.Len(), w.Body)
				}
			}
		})
	}
}

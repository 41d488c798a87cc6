package link_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// fixture is an empty store with a clock that tests advance.
type fixture struct {
	links *link.Links
	store *sqlite.Store
	at    atomic.Int64 // Unix seconds
}

func (f *fixture) now() time.Time { return time.Unix(f.at.Load(), 0) }

func (f *fixture) advance(d time.Duration) { f.at.Add(int64(d / time.Second)) }

func open(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{}
	f.at.Store(1_769_860_800)
	var err error
	f.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: f.now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	f.links = link.New(f.store, f.now, rand.Reader)
	return f
}

// make drafts and stores a link.
func (f *fixture) make(ctx context.Context, l link.Link) (link.Link, string, error) {
	l, secret, err := f.links.Draft(l)
	if err == nil {
		err = f.links.Make(ctx, l, secret)
	}
	return l, secret, err
}

// made makes a link for an hour.
func (f *fixture) made(t *testing.T, plays int) (l link.Link, secret string) {
	t.Helper()
	l, secret, err := f.make(t.Context(), link.Link{
		Account: "a", Recording: "202601-1", Maker: link.Maker{Account: "a", Owner: "u"},
		Expires: recording.SecondsOf(f.now().Add(time.Hour)), Plays: plays, Inline: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, secret
}

// secretForm is the form of storage secrets, which the proxies in front recognize.
var secretForm = regexp.MustCompile(`^[0-9a-f]{8}-[A-Za-z0-9_-]{43}$`)

func TestLink(t *testing.T) {
	t.Parallel()
	f := open(t)
	l, secret := f.made(t, 1)
	opened, err := f.links.Open(t.Context(), "a", "202601-1", l.ID, secret)
	if err != nil || opened.Maker.Owner != "u" || !opened.Inline || opened.Expires != l.Expires || !secretForm.MatchString(secret) {
		t.Errorf("Open = %+v, %v", opened, err)
	}
	page, err := f.store.PageEntries(t.Context(), store.EntryQuery{Partition: "account/a", Limit: 10})
	if err != nil || len(page.Entries) != 1 || page.Entries[0].Expires != l.Expires || bytes.Contains(page.Entries[0].Value, []byte(secret)) {
		t.Errorf("stored: %+v, %v; want one entry that expires, without the secret", page.Entries, err)
	}
	if list, err := f.links.List(t.Context(), "a", "202601-1"); err != nil || len(list) != 1 || list[0].ID != l.ID {
		t.Errorf("List = %+v, %v", list, err)
	}
	for name, c := range map[string][4]string{
		"wrong secret":      {"a", "202601-1", l.ID, secret + "x"},
		"no secret":         {"a", "202601-1", l.ID, ""},
		"another account":   {"b", "202601-1", l.ID, secret},
		"another recording": {"a", "202601-2", l.ID, secret},
		"part of the ID":    {"a", "202601-1", l.ID[:8], secret},
		"no ID":             {"a", "202601-1", "", secret},
		"a long ID":         {"a", "202601-1", strings.Repeat("0", 3000), secret},
	} {
		if _, err := f.links.Open(t.Context(), c[0], c[1], c[2], c[3]); !errors.Is(err, link.ErrDead) {
			t.Errorf("%s: %v, want ErrDead", name, err)
		}
	}
}

func TestALinkEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *fixture, link.Link) error{
		"when it expires": func(_ *testing.T, f *fixture, _ link.Link) error { f.advance(time.Hour); return nil },
		"when it is revoked": func(t *testing.T, f *fixture, l link.Link) error {
			return f.links.Revoke(t.Context(), l.Account, l.Recording, l.ID)
		},
	} {
		f := open(t)
		l, secret := f.made(t, 0)
		if err := end(t, f, l); err != nil {
			t.Fatal(err)
		}
		_, openErr := f.links.Open(t.Context(), "a", "202601-1", l.ID, secret)
		for what, err := range map[string]error{
			"Open": openErr, "Play": f.links.Play(t.Context(), l, "c", time.Hour, true),
			"Revoke": f.links.Revoke(t.Context(), "a", "202601-1", l.ID),
		} {
			if !errors.Is(err, link.ErrDead) {
				t.Errorf("%s: %s: %v, want ErrDead", name, what, err)
			}
		}
		if list, err := f.links.List(t.Context(), "a", "202601-1"); err != nil || len(list) != 0 {
			t.Errorf("%s: List = %+v, %v", name, list, err)
		}
	}
}

// One play covers all requests of its client within the window. HEAD counts nothing.
func TestPlays(t *testing.T) {
	t.Parallel()
	f := open(t)
	l, _ := f.made(t, 2)
	play := func(client string, countIt bool) error {
		return f.links.Play(t.Context(), l, client, 10*time.Minute, countIt)
	}
	for i, c := range []struct {
		client  string
		countIt bool
		wait    time.Duration
		dead    bool
	}{
		{"one", false, 0, false},
		{"one", true, 0, false},
		{"one", true, 9 * time.Minute, false},
		{"two", true, 0, false},
		{"three", true, 0, true},
		{"three", false, 0, true},
		{"two", true, time.Minute, false},
		{"one", true, 0, true}, // its play ended after ten minutes
		{"two", true, 9 * time.Minute, true},
	} {
		f.advance(c.wait)
		if err := play(c.client, c.countIt); errors.Is(err, link.ErrDead) != c.dead || !c.dead && err != nil {
			t.Errorf("step %d, %s: %v, want dead: %v", i, c.client, err, c.dead)
		}
	}
	unlimited, _ := f.made(t, 0)
	for i := range 20 {
		if err := f.links.Play(t.Context(), unlimited, strconv.Itoa(i), time.Minute, true); err != nil {
			t.Error(err)
		}
	}
}

func TestClientsCannotShareTheLastPlay(t *testing.T) {
	t.Parallel()
	f := open(t)
	l, _ := f.made(t, 3)
	var played atomic.Int32
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			switch err := f.links.Play(t.Context(), l, strconv.Itoa(i), time.Hour, true); {
			case err == nil:
				played.Add(1)
			case !errors.Is(err, link.ErrDead) && !errors.Is(err, store.ErrUnavailable):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if played.Load() != 3 {
		t.Errorf("%d clients played, want 3", played.Load())
	}
}

func TestTooManyLinks(t *testing.T) {
	t.Parallel()
	f := open(t)
	for range link.MaxLive {
		f.made(t, 1)
	}
	expires := recording.SecondsOf(f.now().Add(2 * time.Hour))
	_, _, err := f.make(t.Context(), link.Link{Account: "a", Recording: "202601-1", Expires: expires, Plays: 1})
	if !errors.Is(err, link.ErrTooMany) {
		t.Errorf("one more: %v, want ErrTooMany", err)
	}
	if _, _, err := f.make(t.Context(), link.Link{Account: "a", Recording: "202601-12", Expires: expires, Plays: 1}); err != nil {
		t.Errorf("a link of another recording: %v", err)
	}
	f.advance(time.Hour)
	if _, _, err := f.make(t.Context(), link.Link{Account: "a", Recording: "202601-1", Expires: expires, Plays: 1}); err != nil {
		t.Errorf("after the others have expired: %v", err)
	}
}

func TestADamagedLinkIsAnError(t *testing.T) {
	t.Parallel()
	f := open(t)
	l, secret := f.made(t, 1)
	key := store.EntryKey{Partition: "account/a", Key: "link/202601-1/" + l.ID}
	if err := f.store.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: key, Value: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	_, openErr := f.links.Open(t.Context(), "a", "202601-1", l.ID, secret)
	_, listErr := f.links.List(t.Context(), "a", "202601-1")
	for _, err := range []error{openErr, listErr} {
		if err == nil || errors.Is(err, link.ErrDead) || !strings.Contains(err.Error(), "decode a link") {
			t.Errorf("%v, want an error about decoding", err)
		}
	}
}

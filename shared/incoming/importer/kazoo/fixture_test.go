package kazoo_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
	"github.com/callrecordings/api/shared/recording"
)

// The accounts of the stand-in, and the API key of the parent account.
const (
	upper = "0000000000000000000000000000000a"
	lower = "0000000000000000000000000000000b"
	other = "0000000000000000000000000000000c"
	key   = "1234567890abcdef"
)

// The time range of the stand-in's recordings.
var (
	from = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	to   = time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC)
)

// standIn is a fake Kazoo that serves HTTP.
type standIn struct {
	*kazootest.Server
	url string
}

// start starts a Kazoo with the accounts and the key above.
func start(t *testing.T, o kazootest.Options) standIn {
	t.Helper()
	o.Now = time.Now
	o.Accounts = []kazootest.Tenant{
		{ID: upper, Name: "upper", Children: []kazootest.Tenant{{ID: lower, Name: "lower"}}}, {ID: other, Name: "other"},
	}
	o.APIKeys = map[string]string{key: upper}
	s := kazootest.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return standIn{s, server.URL}
}

// options returns the options of a client with a fast clock: a wait of one second
// takes a millisecond, except for the rate limit.
func (s standIn) options(t *testing.T) kazoo.Options {
	t.Helper()
	began := time.Now()
	return kazoo.Options{
		URL: s.url, Account: upper, APIKey: key, Rate: 10_000,
		Now:   func() time.Time { return to.AddDate(0, 1, 0).Add(1000 * time.Since(began)) },
		Since: recording.SecondsOf(from.AddDate(0, -2, 0)), MaxBytes: 1 << 20, Spool: spool(t), Wait: noWait,
	}
}

// noWait waits by the fast clock.
func noWait(ctx context.Context, d time.Duration) error {
	time.Sleep(d / 1000)
	return ctx.Err()
}

// spool creates temporary files, and checks that all of them are removed.
func spool(t *testing.T) func() (*os.File, func() error, error) {
	t.Helper()
	dir := t.TempDir()
	var left atomic.Int64
	t.Cleanup(func() {
		if n := left.Load(); n != 0 {
			t.Errorf("%d files are left", n)
		}
	})
	return func() (*os.File, func() error, error) {
		f, err := os.CreateTemp(dir, "")
		left.Add(1)
		return f, func() error {
			left.Add(-1)
			return errors.Join(f.Close(), os.Remove(filepath.Join(dir, filepath.Base(f.Name()))))
		}, err
	}
}

func open(t *testing.T, o kazoo.Options) *kazoo.Source {
	t.Helper()
	s, err := kazoo.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// items returns the items of a source, and the errors of its list.
func items(ctx context.Context, s importer.Source) (all []importer.Item, errs []error) {
	for page, err := range s.Pages(ctx) {
		if err != nil {
			errs = append(errs, err)
		}
		all = append(all, page...)
	}
	return all, errs
}

// ids returns the IDs of items, sorted.
func ids(all []importer.Item) []string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].ID
	}
	slices.Sort(names)
	return names
}

// idsOf returns the IDs of recordings, sorted.
func idsOf(all []kazootest.Recording) []string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].ID
	}
	slices.Sort(names)
	return names
}

// handler starts a server for one test and returns its URL.
func handler(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

package folder_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/folder"
)

// watched runs one step after each scan, 5 s before the next scan. For each scan, it
// returns the names of the found items in brackets, and the errors.
func (d *tree) watched(steps ...func()) (found []string) {
	d.Helper()
	ctx, stop := context.WithCancel(d.Context())
	defer stop()
	s, now, looks := d.Source, stored, 0
	s.Watch, s.Now = true, func() time.Time { return now }
	found = make([]string, 1+len(steps))
	s.Sleep = func(ctx context.Context, interval time.Duration) error {
		if looks == len(steps) {
			stop()
			return context.Cause(ctx)
		}
		steps[looks]()
		looks++
		now = now.Add(interval)
		return nil
	}
	for page, err := range s.Pages(ctx) {
		if err != nil {
			found[looks] += err.Error()
		}
		for _, it := range page {
			found[looks] += "[" + it.Name + "]"
			if it.Fault != nil {
				found[looks] += "!"
			}
		}
	}
	return found
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		steps func(*tree) []func()
		want  []string
	}{
		{"existing file", func(d *tree) []func() {
			d.put("a.mp3", "s")
			return []func(){d.nothing, d.nothing, d.nothing, d.nothing}
		}, []string{"", "", "[a.mp3]", "", ""}},
		{"new file", func(d *tree) []func() {
			return []func(){d.puts("a/a.mp3", "s"), d.nothing, d.nothing, d.nothing, d.nothing}
		}, []string{"", "", "", "[a/a.mp3]", "", ""}},
		{"growing file", func(d *tree) []func() {
			d.put("a.mp3", "s")
			return []func(){d.puts("a.mp3", "so"), d.puts("a.mp3", "sou"), d.nothing, d.nothing, d.nothing}
		}, []string{"", "", "", "", "[a.mp3]", ""}},
		{"file that changes later", func(d *tree) []func() {
			d.put("a.mp3", "s")
			return []func(){d.nothing, d.nothing, d.puts("a.mp3", "so"), d.nothing, d.nothing}
		}, []string{"", "", "[a.mp3]", "", "", "[a.mp3]"}},
		{"file that is rewritten", func(d *tree) []func() {
			d.put("a.mp3", "s")
			return []func(){d.nothing, d.nothing, d.touches("a.mp3"), d.nothing, d.nothing}
		}, []string{"", "", "[a.mp3]", "", "", "[a.mp3]"}},
		{"file that was incomplete", func(d *tree) []func() {
			d.put("a.mp3.part", "s")
			return []func(){d.nothing, d.nothing, d.renames("a.mp3.part", "a.mp3"), d.nothing, d.nothing}
		}, []string{"", "", "", "", "", "[a.mp3]"}},
		{"sidecar before its audio", func(d *tree) []func() {
			d.put("a.json", `{}`)
			return []func(){d.nothing, d.nothing, d.puts("a.mp3", "s"), d.nothing, d.nothing}
		}, []string{"", "", "", "", "", "[a.mp3]"}},
		{"sidecar after its audio", func(d *tree) []func() {
			d.put("a.mp3", "s")
			return []func(){d.nothing, d.nothing, d.puts("a.json", "{"), d.nothing, d.nothing, d.puts("a.json", "{}"), d.nothing, d.nothing}
		}, []string{"", "", "[a.mp3]", "", "", "[a.mp3]!", "", "", "[a.mp3]"}},
		{"exported document before its audio", func(d *tree) []func() {
			d.put("202601-a.json", exported)
			return []func(){d.nothing, d.nothing, d.puts("202601-a.wav", "sound"), d.nothing, d.nothing}
		}, []string{"", "", "", "", "", "[202601-a.json]"}},
		{"exported document without audio", func(d *tree) []func() {
			d.put("202601-a.json", `{"id":"202601-a","pvt_created":1}`)
			return []func(){d.nothing, d.nothing, d.nothing}
		}, []string{"", "", "[202601-a.json]", ""}},
		{"removed root", func(d *tree) []func() {
			d.put("a.mp3", "s")
			return []func(){d.nothing, func() { _ = os.RemoveAll(d.Root) }, d.nothing}
		}, []string{"", "", "stopped: read the folder R: no such file or directory", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newTree(t)
			found := d.watched(c.steps(d)...)
			for i := range found {
				found[i] = strings.ReplaceAll(found[i], d.Root, "R")
			}
			if diff := cmp.Diff(c.want, found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

func (d *tree) nothing() {}

func (d *tree) puts(name, text string) func() { return func() { d.put(name, text) } }

func (d *tree) touches(name string) func() {
	return func() {
		if err := os.Chtimes(filepath.Join(d.Root, name), stored.Add(1), stored.Add(1)); err != nil {
			d.Fatal(err)
		}
	}
}

func (d *tree) renames(from, to string) func() {
	return func() {
		if err := os.Rename(filepath.Join(d.Root, from), filepath.Join(d.Root, to)); err != nil {
			d.Fatal(err)
		}
	}
}

// A lasting error is reported once. An error that goes away and returns is reported
// again.
func TestWatchReportsAnErrorOnce(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a.mp3", "s")
	name := strings.Repeat("m", 250) + "/" + strings.Repeat("m", 250)
	deep := func() {
		r, err := os.OpenRoot(d.Root)
		for range 10 {
			if err == nil {
				err = r.MkdirAll(name, 0o700)
			}
			if err == nil {
				r, err = r.OpenRoot(name)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	deep()
	found := d.watched(d.nothing, d.nothing, func() { _ = os.RemoveAll(filepath.Join(d.Root, name[:250])) }, deep, d.nothing)
	for i, want := range []struct {
		fails bool
		items string
	}{{true, ""}, {false, ""}, {false, "[a.mp3]"}, {false, ""}, {true, ""}, {false, ""}} {
		if strings.HasPrefix(found[i], "read the folder mmm") != want.fails || !strings.HasSuffix(found[i], want.items) {
			t.Errorf("look %d found %.80q, want %+v", i, found[i], want)
		}
	}
}

// If Sleep is nil, a watch uses the real clock: 5 s between scans, and 10 s until a
// file is imported.
func TestWatchByTheClock(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a.mp3", "s")
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		s := folder.Source{Root: d.Root, Account: account, Watch: true, Now: time.Now}
		began, pages := time.Now(), 0
		for page, err := range s.Pages(ctx) {
			if pages++; err != nil || len(page) != 1 || time.Since(began) != folder.DefaultSettle {
				t.Errorf("after %v: %q, %v, want a.mp3 after %v", time.Since(began), lines(page), err, folder.DefaultSettle)
			}
		}
		if pages != 1 || time.Since(began) != time.Minute {
			t.Errorf("%d pages in %v, want one in a minute", pages, time.Since(began))
		}
	})
}

// If metadata cannot be read, the next scan tries again.
func TestWatchRetriesUnreadableMetadata(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a.json", `{"to":"x"}`)
	d.put("a.mp3", "s")
	path := filepath.Join(d.Root, "a.json")
	calls := 10 // not during the first scan
	ctx := &probingContext{t.Context(), func() {
		if calls++; calls == 2 { // the file is listed, and is about to be read
			_ = errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}
	}}
	looks := 0
	d.Watch, d.Settle, d.Now = true, 1, func() time.Time { return stored.Add(time.Duration(looks)) }
	d.Sleep = func(context.Context, time.Duration) error {
		switch looks++; looks {
		case 1:
			calls = 0
		case 2:
			_ = os.Remove(path)
			d.put("a.json", `{"to":"x"}`)
		case 3:
			return errors.New("enough")
		}
		return nil
	}
	var failed []error
	var found []string
	for page, err := range d.Pages(ctx) {
		if found = append(found, lines(page)...); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) != 1 || failed[0].Error() != "read a.json: is a directory" || len(found) != 1 || found[0] != `a.mp3: ~a {"name":"a.mp3","to":"x"}` {
		t.Errorf("errors %v, items %q, want one of each", failed, found)
	}
}

func TestWatchStops(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.Watch, d.Now = true, func() time.Time { return stored }
	d.Sleep = func(context.Context, time.Duration) error { return errors.New("enough") }
	for page, err := range d.Pages(t.Context()) {
		t.Errorf("Pages = %v, %v, want nothing", page, err)
	}
	d.Root += "x"
	for _, err := range d.Pages(t.Context()) {
		if !errors.Is(err, importer.ErrStop) {
			t.Errorf("Pages = %v, want ErrStop", err)
		}
	}
}

// A failed item is listed again after the settle time, like a new file. A copied item
// is not.
func TestWatchRetries(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a.mp3", "s")
	d.put("b.mp3", "s")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s, now, looks := d.Source, stored, 0
	s.Watch, s.Now = true, func() time.Time { return now }
	s.Sleep = func(ctx context.Context, interval time.Duration) error {
		if looks++; looks == 20 {
			stop()
		}
		now = now.Add(interval)
		return context.Cause(ctx)
	}
	var found []string
	for page, err := range s.Pages(ctx) {
		if err != nil {
			t.Error(err)
		}
		for i := range page {
			found = append(found, page[i].Name)
			if page[i].Name == "a.mp3" && len(found) < 4 {
				s.Retry(&page[i])
			}
		}
	}
	if diff := cmp.Diff([]string{"a.mp3", "b.mp3", "a.mp3", "a.mp3"}, found); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

// If the folder is not watched, a new file may belong to a call in progress.
func TestOpenNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		age, settle time.Duration
		taken       bool
	}{
		{0, 0, false},
		{9 * time.Second, 0, false},
		{10 * time.Second, 0, true},
		{9 * time.Second, time.Second, true},
		{-time.Hour, 0, true}, // a wrong clock
	} {
		d := newTree(t)
		d.put("a.mp3", "s")
		d.Settle, d.Now = c.settle, func() time.Time { return stored.Add(c.age) }
		items := d.all()
		a, err := d.Open(t.Context(), &items[0])
		if err == nil {
			_ = a.Close()
		}
		if (err == nil) != c.taken || errors.Is(err, importer.ErrRefused) {
			t.Errorf("after %v, with %v: Open = %v", c.age, c.settle, err)
		}
	}
}

package folder

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"callrecordings/shared/attempt"
	"callrecordings/shared/incoming/importer"
)

// watch remembers what a folder that is watched had, and what of it was taken.
// A nil one takes everything at once. What is gone is forgotten.
type watch struct {
	Source
	start time.Time
	// before is what the last walk saw and after what this one sees, by
	// fingerprint.
	before, after map[fingerprint]sight
	// failed and failing are what could not be read.
	failed, failing map[string]bool

	mu sync.Mutex
	// retry are those that were taken, and whose items have failed.
	retry map[fingerprint]bool
}

// fingerprint stands for the files of a group as they are.
type fingerprint [16]byte

// sight is how long files have been as they are.
type sight struct {
	since time.Duration // from the start
	taken bool
}

func newWatch(s Source) *watch {
	s.Interval, s.Settle = cmp.Or(s.Interval, DefaultInterval), cmp.Or(s.Settle, DefaultSettle)
	if s.Sleep == nil {
		s.Sleep = attempt.Sleep
	}
	return &watch{Source: s, start: s.Now(), retry: map[fingerprint]bool{}}
}

func (w *watch) pause(ctx context.Context) error { return w.Sleep(ctx, w.Interval) }

// begin starts a walk.
func (w *watch) begin() {
	if w != nil {
		w.after, w.failing = map[fingerprint]sight{}, map[string]bool{}
	}
}

// end ends a walk that came to its end.
func (w *watch) end() {
	if w != nil {
		w.before, w.failed = w.after, w.failing
	}
}

// due reports whether a group is to be taken now.
func (w *watch) due(g *group) bool {
	if w == nil {
		return true
	}
	key, now := g.fingerprint(), w.Now().Sub(w.start)
	seen, known := w.before[key]
	if !known {
		seen.since = now
	}
	if w.again(key) {
		seen = sight{since: now}
	}
	due := !seen.taken && now-seen.since >= w.Settle
	seen.taken = seen.taken || due
	w.after[key] = seen
	return due
}

// again reports whether something of a group has failed since it was taken.
func (w *watch) again(key fingerprint) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	failed := w.retry[key]
	delete(w.retry, key)
	return failed
}

// follow has a group taken again when one of its items fails.
func (w *watch) follow(g *group, items []importer.Item) {
	if w == nil {
		return
	}
	key := g.fingerprint()
	for i := range items {
		if o, ok := items[i].Ref.(*origin); ok {
			o.again = func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.retry[key] = true
			}
		}
	}
}

// missed takes back that a group was taken.
func (w *watch) missed(g *group) {
	if w != nil {
		key := g.fingerprint()
		seen := w.after[key]
		seen.taken = false
		w.after[key] = seen
	}
}

// news reports whether a failure is one that was not told by the walk before.
func (w *watch) news(err error) bool {
	if w == nil {
		return true
	}
	text := err.Error()
	w.failing[text] = true
	return !w.failed[text]
}

// fingerprint changes with every file of the group.
func (g *group) fingerprint() fingerprint {
	h := sha256.New()
	for _, files := range [][]file{g.json, g.files} {
		for _, f := range files {
			_, _ = fmt.Fprintf(h, "%q %d %d\n", f.name, f.size, f.modified.UnixNano()) // it never fails
		}
	}
	return fingerprint(h.Sum(nil))
}

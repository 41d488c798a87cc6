package folder

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/incoming/importer"
)

// watch remembers the files of a watched folder, and whether they were imported. It
// forgets files that no longer exist. A nil watch imports every file immediately.
type watch struct {
	Source
	start time.Time
	// before holds the groups of the previous walk, and after the groups of the
	// current walk.
	before, after map[fingerprint]observation
	// failed holds the errors of the previous walk, and failing those of the current
	// walk.
	failed, failing map[string]bool

	mu sync.Mutex
	// retry holds imported groups with an item that later failed.
	retry map[fingerprint]bool
}

// fingerprint identifies the files of a group in their current state.
type fingerprint [16]byte

// observation records how long a group has been unchanged.
type observation struct {
	since    time.Duration // since start
	imported bool
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
		w.after, w.failing = map[fingerprint]observation{}, map[string]bool{}
	}
}

// end ends a complete walk.
func (w *watch) end() {
	if w != nil {
		w.before, w.failed = w.after, w.failing
	}
}

// due reports whether to import a group now.
func (w *watch) due(g *group) bool {
	if w == nil {
		return true
	}
	key, now := g.fingerprint(), w.Now().Sub(w.start)
	seen, known := w.before[key]
	if !known {
		seen.since = now
	}
	if w.takeRetry(key) {
		seen = observation{since: now}
	}
	due := !seen.imported && now-seen.since >= w.Settle
	seen.imported = seen.imported || due
	w.after[key] = seen
	return due
}

// takeRetry reports whether an item of a group has failed since the group was
// imported, and forgets the failure.
func (w *watch) takeRetry(key fingerprint) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	failed := w.retry[key]
	delete(w.retry, key)
	return failed
}

// trackRetries lets the items of a group schedule a retry of the group.
func (w *watch) trackRetries(g *group, items []importer.Item) {
	if w == nil {
		return
	}
	key := g.fingerprint()
	for i := range items {
		if o, ok := items[i].Ref.(*origin); ok {
			o.retry = func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.retry[key] = true
			}
		}
	}
}

// missed marks a group as not imported because a file could not be read.
func (w *watch) missed(g *group) {
	if w != nil {
		key := g.fingerprint()
		seen := w.after[key]
		seen.imported = false
		w.after[key] = seen
	}
}

// isNew reports whether the error did not occur in the previous walk.
func (w *watch) isNew(err error) bool {
	if w == nil {
		return true
	}
	text := err.Error()
	w.failing[text] = true
	return !w.failed[text]
}

// fingerprint returns a value that changes whenever a file of the group changes.
func (g *group) fingerprint() fingerprint {
	h := sha256.New()
	for _, files := range [][]file{g.json, g.files} {
		for _, f := range files {
			_, _ = fmt.Fprintf(h, "%q %d %d\n", f.name, f.size, f.modified.UnixNano()) // never fails
		}
	}
	return fingerprint(h.Sum(nil))
}

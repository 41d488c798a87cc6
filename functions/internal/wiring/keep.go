package wiring

import (
	"time"

	"github.com/callrecordings/api/shared/retention"
)

// View returns the store as clients see it: without expired recordings.
func View(s retention.Driver) retention.View {
	return retention.NewView(s, retention.NewRules(s, time.Now))
}

// Keep returns the store for a function through which clients change recordings. lock is true
// if the bucket has Object Lock: audio that comes on hold is then locked.
func Keep(s retention.Driver, lock bool) retention.View {
	return retention.View{Watched: Watch(s, lock)}
}

// Watch returns the store for a function that writes recordings: the sweep of expired ones
// then finds recordings that move behind it, and recordings on legal hold keep their audio.
// lock is true if the bucket has Object Lock.
func Watch(s retention.Driver, lock bool) retention.Watched {
	w := retention.Watch(s, retention.NewRules(s, time.Now))
	if lock {
		w = w.Locking()
	}
	return w
}

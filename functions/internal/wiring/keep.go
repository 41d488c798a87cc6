package wiring

import (
	"time"

	"github.com/callrecordings/api/shared/retention"
)

// View returns the store as clients see it: without expired recordings.
func View(s retention.Driver) retention.View {
	return retention.NewView(s, retention.NewRules(s, time.Now))
}

// Watch returns the store for a function that writes recordings: the sweep of expired ones
// then finds what moves behind it.
func Watch(s retention.Driver) retention.Watched {
	return retention.Watch(s, retention.NewRules(s, time.Now))
}

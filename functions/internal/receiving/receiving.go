// Package receiving is wiring for a function on the queue of the bucket's
// events, apart from package wiring, because what reads audio would be linked,
// and initialised, by all.
package receiving

import (
	"os"
	"time"

	"callrecordings/functions/internal/wiring"
	"callrecordings/shared/config"
	"callrecordings/shared/incoming/bucket"
	"callrecordings/shared/requestlog"
)

// Grace is how old audio must be before it makes a recording of its own
// (bucket.Ingester).
const Grace = time.Minute

// Now is the clock of what a function builds.
func Now() time.Time { return time.Now() }

// Receive loads the settings of f, hands them to build, and takes what the
// bucket's events tell of with what build made: its Bucket and Ingest. It ends
// the process as wiring.Serve does.
func Receive(f config.Function, build func(config.Settings) (bucket.Queue, error)) {
	s, err := config.Load(os.Getenv, f)
	if err != nil {
		wiring.Fail(err)
	}
	o, err := build(s)
	if err != nil {
		wiring.Fail(err)
	}
	if o.Metrics, err = requestlog.NewMetrics(s.MetricsNamespace); err != nil {
		wiring.Fail(err)
	}
	o.Route, o.Log, o.Now = string(f), wiring.Logger(s), time.Now
	bucket.Start(o)
}

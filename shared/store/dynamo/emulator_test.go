package dynamo

import (
	"net/http"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/store/dynamo/emulator"
	"github.com/callrecordings/api/shared/store/storetest"
)

// openEmulator returns a store that uses the emulator, without a network.
func openEmulator(tb testing.TB, e *emulator.Table) *Store {
	tb.Helper()
	n := standard()
	n.Backoff = time.Millisecond
	n.Useful = n.Attempt
	n.Attempt = time.Minute // a busy machine must not fail the suite; other tests cover time-outs
	s, err := open(Options{
		Region: "eu-west-1", Endpoint: "http://table.test", Table: "recordings", Credentials: static,
		HTTPClient: &http.Client{Transport: e},
	}, n)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestConformanceInMemory runs the suite against the emulator, which is available
// on every machine. It keeps all cores busy, so it is not parallel: the tests of
// time-outs are, and start after it.
func TestConformanceInMemory(t *testing.T) {
	storetest.Run(t, storetest.Harness{Open: func(t testing.TB) storetest.Store { return openEmulator(t, emulator.New()) }})
}

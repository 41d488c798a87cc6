package dynamo

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/store/dynamo/emulator"
	"github.com/callrecordings/api/shared/store/storetest"
)

// emulated is an emulator that listens.
type emulated struct {
	*emulator.Table
	url string
}

func newEmulator(tb testing.TB) *emulated {
	tb.Helper()
	e := &emulated{Table: emulator.New()}
	server := httptest.NewServer(e)
	tb.Cleanup(server.Close)
	e.url = server.URL
	return e
}

// openEmulator returns a store that uses the emulator.
func openEmulator(tb testing.TB, e *emulated) *Store {
	tb.Helper()
	n := standard()
	n.Backoff = time.Millisecond
	n.Useful = n.Attempt
	n.Connect, n.Attempt = time.Minute, time.Minute // a busy machine must not fail the suite; other tests cover time-outs
	s, err := open(Options{Region: "eu-west-1", Endpoint: e.url, Table: "recordings", Credentials: static}, n)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestConformanceInMemory runs the suite against the emulator, which is available
// on every machine. It keeps all cores busy, so it is not parallel: the tests of
// time-outs are, and start after it.
func TestConformanceInMemory(t *testing.T) {
	storetest.Run(t, storetest.Harness{Open: func(t testing.TB) storetest.Store { return openEmulator(t, newEmulator(t)) }})
}

package e2e

import (
	"io"
	"net/http"

	"github.com/rogpeppe/go-internal/testscript"
)

// read is how many bytes a client reads before it leaves.
const read = 1000

// cmdLeave is `leave path`. It requests audio, reads the beginning of it, and closes the
// connection.
func cmdLeave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: leave path")
	}
	req, err := http.NewRequest(http.MethodGet, ts.Getenv("URL")+args[0], http.NoBody)
	ts.Check(err)
	req.Header = http.Header{"Accept": {"audio/*"}, "X-Auth-Token": {ts.Getenv("TOKEN")}}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	ts.Check(err)
	_, err = io.CopyN(io.Discard, resp.Body, read)
	ts.Check(err)
	ts.Check(resp.Body.Close()) // the rest is unread, so this closes the connection
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("status %d, want 200", resp.StatusCode)
	}
}

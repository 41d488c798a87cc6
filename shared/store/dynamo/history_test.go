package dynamo

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/historytest"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
)

// TestHistoriesInMemory is not parallel, for the same reason as TestConformanceInMemory.
func TestHistoriesInMemory(t *testing.T) {
	historytest.Run(t, historytest.Harness{Open: func(t testing.TB, faults *historytest.Faults) func() historytest.Client {
		o := Options{Region: "eu-west-1", Endpoint: "http://table.test", Table: "recordings", Credentials: static}
		return historyClients(t, faults, o, emulator.New(), account)
	}})
}

// TestHistories uses a table in DynamoDB Local.
func TestHistories(t *testing.T) {
	t.Parallel()
	s := live(t)
	var accounts atomic.Int64
	historytest.Run(t, historytest.Harness{Open: func(t testing.TB, faults *historytest.Faults) func() historytest.Client {
		o := Options{Region: s.region, Endpoint: s.endpoint, Table: s.table, Credentials: static}
		return historyClients(t, faults, o, nil, fmt.Sprintf("a%d", accounts.Add(1)))
	}})
}

// historyClients returns clients with a store of their own each, as several functions
// have it. A nil transport is the network. A request can fail only as faults decides, so the
// time-outs are long.
func historyClients(t testing.TB, faults *historytest.Faults, o Options, transport http.RoundTripper, account string) func() historytest.Client {
	t.Helper()
	n := standard()
	n.Backoff, n.conflict, n.patience = 5*time.Millisecond, 5*time.Millisecond, 20*time.Millisecond
	n.Connect, n.Attempt = time.Minute, time.Minute
	if transport == nil {
		transport = n.Client(idle).Transport
	}
	o.HTTPClient = &http.Client{Transport: faults.Transport(transport)}
	return func() historytest.Client {
		s, err := open(o, n)
		if err != nil {
			t.Fatal(err)
		}
		return historytest.Direct{Store: s, Account: account, RestoreDays: faults.RestoreDays()}
	}
}

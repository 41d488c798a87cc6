package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/callrecordings/api/shared/historytest"
)

// TestHistories uses a file that each client opens by itself, as several processes do.
func TestHistories(t *testing.T) {
	t.Parallel()
	historytest.Run(t, historytest.Harness{Open: func(t testing.TB, faults *historytest.Faults) func() historytest.Client {
		path := filepath.Join(t.TempDir(), "recordings.db")
		return func() historytest.Client {
			return historytest.Direct{Store: faults.Store(open(t, path)), Account: "a", RestoreDays: faults.RestoreDays()}
		}
	}})
}

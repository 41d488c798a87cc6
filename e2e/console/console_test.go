//go:build e2e

package console

import "testing"

// TestConsole runs all tests on one server with one browser, because starting them
// takes longer than most of the tests.
func TestConsole(t *testing.T) {
	s := startSite(t)
	for _, c := range []struct { // in the order of a visit
		name string
		run  func(*testing.T, *site)
	}{
		{"guard", testGuard},
		{"supervisor", testSupervisor},
		{"login", testLogin},
		{"expired token", testExpiredToken},
		{"forbidden", testForbidden},
		{"busy", testBusy},
		{"offline", testOffline},
		{"conflict", testConflict},
		{"keys", testKeys},
		{"many recordings", testManyRecordings},
		{"an hour", testHour},
		{"expired URL", testExpiredURL},
		{"stereo", testStereo},
		{"links", testLinks},
		{"export", testExport},
		{"undo", testUndo},
		{"drop", testDrop},
		{"share", testShare},
		{"play on", testPlayOn},
		{"Kazoo's login", testKazooLogin},
		{"axe", testAxe},
		{"pictures", testPictures},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// Package console tests the console in a real Chromium, against make run and, in part,
// through a deployed stack. The tests have the build tag e2e; e2e/run runs them.
//
// All tests share one server and one browser (site_test.go). Each has an account of its
// own, and a tab with a session of its own (tab_test.go). Between the tab and the server
// is a gate that rejects requests, or shortens the life of presigned URLs, when a test
// wants it (gate_test.go). A tab fails its test if the page throws an error, violates its
// Content-Security-Policy, or sends a request anywhere but to its own origin and the
// bucket.
//
// pictures_test.go compares screenshots with those in testdata. With -update it writes
// them anew; look at the differences before you commit them.
package console

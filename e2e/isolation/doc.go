// Package isolation tests that no request shows a bearer anything beyond its rights. It
// sends generated hostile requests to all handlers of the API, over a store in which
// every document and every audio carries a mark of its own. Cedar policies, which share
// no code with package access, decide what a bearer may see.
//
// REQUESTS is the number of hostile requests (make isolation: a million), and SEED
// repeats a run.
package isolation

// Package migration tests that an import loses no recordings. It imports ten thousand
// recordings from fourteen months. The source is a stand-in Kazoo that produces every
// fault it supports, and the test kills the import process a dozen times. Then it
// compares each recording with the original. The test takes minutes, so it has the
// build tag e2e.
package migration

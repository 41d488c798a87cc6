// Package migration tests that an import loses nothing. It imports ten thousand
// recordings from fourteen months out of a stand-in Kazoo that produces every
// fault that it supports, and kills the importing process a dozen times. Then it
// compares each recording with the original. It takes minutes, so it has the
// build tag e2e.
package migration

// Package migration tests that an import loses no recordings. It imports ten thousand
// recordings from fourteen months. The source is a stand-in Kazoo that produces every
// fault it supports, and the test kills the import process a dozen times. Then it
// compares each recording with the original. The test takes minutes, so it has the
// build tag e2e.
//
// A second test is an operator's first hour with a folder of FreePBX: it is imported,
// exported, and imported elsewhere, and nothing differs.
package migration

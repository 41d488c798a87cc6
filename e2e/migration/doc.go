// Package importer holds the proof that an import can be trusted: ten thousand
// recordings over fourteen months, from a stand-in Kazoo that misbehaves in every
// way that it knows, by a process that is killed a dozen times; and then each of
// them compared. It has the build tag e2e: it takes minutes.
package importer

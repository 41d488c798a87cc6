// Package storm sends thousands of recordings as PBXs do, repeats some, cuts
// some off, kills who receives them, and counts what there is in the end. It has
// the build tag e2e: it takes minutes.
package storm

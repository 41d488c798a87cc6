package api

import (
	"bytes"
	"encoding/binary"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A position in a sealed cursor is a byte for its kind. Unless it is the start of
// the list, the created (varint) and ID of a row follow:
//
//	0               the start of the list
//	1 created id    at the row
//	2 created id    after the row
const (
	atBeginning = iota
	atRow
	afterRow
)

// appendPosition appends the encoding of p. Equal positions have equal encodings,
// because cursors must be deterministic.
func appendPosition(dst []byte, p store.Position) []byte {
	if p.IsZero() {
		return append(dst, atBeginning)
	}
	kind := byte(atRow)
	if p.After {
		kind = afterRow
	}
	dst = binary.AppendVarint(append(dst, kind), int64(p.Created))
	return append(dst, p.ID...)
}

// parsePosition decodes a position. ok is false for data that appendPosition does
// not produce.
func parsePosition(data []byte) (p store.Position, ok bool) {
	if len(data) == 1 && data[0] == atBeginning {
		return store.Position{}, true
	}
	if len(data) < 2 || data[0] != atRow && data[0] != afterRow {
		return store.Position{}, false
	}
	created, n := binary.Varint(data[1:])
	if n <= 0 || len(data) == 1+n {
		return store.Position{}, false
	}
	p = store.Position{Created: recording.Seconds(created), ID: string(data[1+n:]), After: data[0] == afterRow}
	// Reject varints that are longer than necessary.
	return p, bytes.Equal(appendPosition(make([]byte, 0, len(data)), p), data)
}

package api

import (
	"bytes"
	"encoding/binary"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// A position inside of a sealed cursor is one byte of kind, and for all but
// the beginning of the order the row's created (varint) and its id:
//
//	0
//	1 created id    at the row
//	2 created id    behind the row
const (
	atBeginning = iota
	atRow
	afterRow
)

// appendPosition encodes p. Equal positions have equal bytes, as the cursors
// have to be deterministic.
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

// parsePosition decodes what appendPosition has made, and nothing else.
func parsePosition(data []byte) (store.Position, bool) {
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
	p := store.Position{Created: recording.Seconds(created), ID: string(data[1+n:]), After: data[0] == afterRow}
	// Numbers have longer forms, too, which nobody here writes.
	return p, bytes.Equal(appendPosition(make([]byte, 0, len(data)), p), data)
}

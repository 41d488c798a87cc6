package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// ErrBadID is the error of a string that cannot be a recording's id.
var ErrBadID = errors.New("malformed recording id")

// monthLen is the length of the month that ids begin with, "202601".
const monthLen = 6

// maxIDName is the most characters of an id behind its month and hyphen.
const maxIDName = 128

// ParseID returns s if it is YYYYMM- and then 1 to 128 of [A-Za-z0-9_.@-]
// (contract, Routes). Error: ErrBadID.
func ParseID(s string) (string, error) {
	if n := len(s); n <= monthLen+1 || n > monthLen+1+maxIDName || s[monthLen] != '-' {
		return "", ErrBadID
	}
	for i := range len(s) {
		c := s[i]
		digit := '0' <= c && c <= '9'
		if i < monthLen {
			if !digit {
				return "", ErrBadID
			}
			continue
		}
		switch {
		case digit, 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '.', c == '@', c == '-':
		default:
			return "", ErrBadID
		}
	}
	return s, nil
}

// NewID makes an id for a recording that started at that time: its month in
// UTC and 32 random hex digits, as Kazoo's recorder makes them (kazoo.md 7.1).
// Errors: those of random; ErrBadID for a time after the year 9999.
func NewID(at Seconds, random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make recording id: %w", err)
	}
	return ParseID(MonthID(at, hex.EncodeToString(b[:])))
}

// MonthID joins the month of a time, in UTC, and a name to an ID, YYYYMM-name.
func MonthID(at Seconds, name string) string { return at.Time().Format("200601") + "-" + name }

// StemID is the id that the name of a file, without its extension, gets in an
// account, for a recording that began at that time.
func StemID(account, stem string, at Seconds) string {
	sum := sha256.Sum256([]byte(account + "/" + stem))
	return MonthID(at, hex.EncodeToString(sum[:16]))
}

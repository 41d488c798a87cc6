package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// ErrBadID is the error for an invalid recording ID.
var ErrBadID = errors.New("invalid recording ID")

// monthLen is the length of the month at the beginning of an ID, as in
// "202601".
const monthLen = 6

// maxIDName is the maximum length of an ID after its month and hyphen.
const maxIDName = 128

// ParseID returns s if it is YYYYMM- followed by 1 to 128 of [A-Za-z0-9_.@-]
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

// NewID makes the ID of a recording that started at the given time: its month
// in UTC and 32 random hex digits, like Kazoo's recorder (kazoo.md 7.1).
// Errors: those of random, and ErrBadID for a time after the year 9999.
func NewID(at Seconds, random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make recording ID: %w", err)
	}
	return ParseID(MonthID(at, hex.EncodeToString(b[:])))
}

// MonthID joins the month of a time, in UTC, and a name to an ID, YYYYMM-name.
func MonthID(at Seconds, name string) string { return at.Time().Format("200601") + "-" + name }

// StemID derives the ID of a recording from the stem of its file, its account
// and its start time.
func StemID(account, stem string, at Seconds) string {
	sum := sha256.Sum256([]byte(account + "/" + stem))
	return MonthID(at, hex.EncodeToString(sum[:16]))
}

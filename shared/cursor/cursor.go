// Package cursor seals places in a list into the opaque texts that clients
// carry from page to page (contract, List: start_key and next_start_key).
//
// The guarantees:
//
//   - A cursor can be neither read nor forged: it is AES-256-GCM.
//   - It belongs to one query. Opened with any other it is [ErrInvalid], like
//     one with a bit flipped, one under a foreign key, or plain rubbish; the
//     error never says which.
//   - It is deterministic: the same position of the same query gives the same
//     text for as long as the secret is the same. Deployed clients stop only
//     when next_start_key repeats.
//   - It is made of [A-Za-z0-9_-] and has at most [MaxLen] characters, in any
//     URL as it is.
//
// Layout, before base64url without padding:
//
//	12 bytes nonce ‖ ciphertext of the position ‖ 16 bytes tag
//
// The nonce is HMAC-SHA-256, under a key of its own, over the query and the
// position, each behind its length, cut to 12 bytes. So it repeats only where
// query and position do, and then the whole text repeats; no nonce ever
// serves two different messages but by a collision of 96 bits. The query is
// also the additional data of the seal. Both keys are derived from the
// operator's secret by HKDF-SHA-256.
//
// What a query or a position consists of is the caller's business. The length
// of the position shows in the length of the cursor; nothing else does.
package cursor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// MaxLen is the most characters that a cursor has (contract, List).
	MaxLen = 512
	// MaxPosition is the most bytes that a position may have to fit.
	MaxPosition = MaxLen/4*3 - nonceSize - tagSize
	// MinSecret is the fewest characters that a secret may have.
	MinSecret = 32

	nonceSize = 12
	tagSize   = 16
)

// ErrInvalid is the one error of [Sealer.Open], whatever is wrong.
var ErrInvalid = errors.New("invalid cursor")

// strict refuses texts whose last character has unused bits set, so that one
// cursor has one spelling.
var strict = base64.RawURLEncoding.Strict()

// Sealer seals under the current secret and opens what was sealed under the
// current or the previous one. It may be used by many goroutines.
type Sealer struct {
	keys []keys // the current first
}

// keys are what one secret derives to.
type keys struct {
	aead  cipher.AEAD
	nonce []byte
}

// New makes a sealer. To rotate, the secret in use becomes the previous one;
// when that goes, too, cursors that clients still hold become invalid. The
// previous secret may be "". An error names the secret by its role, and
// never shows it.
func New(current, previous string) (*Sealer, error) {
	s := &Sealer{}
	for _, c := range []struct{ role, secret string }{{"current", current}, {"previous", previous}} {
		if c.secret == "" && c.role == "previous" {
			continue
		}
		if len(c.secret) < MinSecret {
			return nil, fmt.Errorf("%s cursor key has %d characters, want at least %d", c.role, len(c.secret), MinSecret)
		}
		k, err := derive(c.secret)
		if err != nil {
			return nil, fmt.Errorf("%s cursor key: %w", c.role, err)
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

// derive makes the two keys of a secret. The info strings are part of the
// format: a change of the layout comes with new ones.
func derive(secret string) (keys, error) {
	seal, err := hkdf.Key(sha256.New, []byte(secret), nil, "callrecordings cursor 1 seal", 32)
	if err != nil {
		return keys{}, err
	}
	nonce, err := hkdf.Key(sha256.New, []byte(secret), nil, "callrecordings cursor 1 nonce", sha256.Size)
	if err != nil {
		return keys{}, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return keys{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return keys{}, err
	}
	return keys{aead: aead, nonce: nonce}, nil
}

// Seal makes the cursor for a position of a query. The position has at most
// [MaxPosition] bytes; a longer one is a mistake of the program and panics.
func (s *Sealer) Seal(query, position []byte) string {
	if len(position) > MaxPosition {
		panic(fmt.Sprintf("cursor: a position of %d bytes, at most %d fit", len(position), MaxPosition))
	}
	k := s.keys[0]
	var room [nonceSize + MaxPosition + tagSize]byte
	nonce := k.nonceFor(room[:0], query, position)
	return strict.EncodeToString(k.aead.Seal(nonce, nonce, position, query))
}

// nonceFor appends the nonce of a message to dst, which must be empty.
func (k keys) nonceFor(dst, query, position []byte) []byte {
	var sum [sha256.Size]byte
	var n [8]byte
	h := hmac.New(sha256.New, k.nonce)
	for _, part := range [2][]byte{query, position} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	return append(dst, h.Sum(sum[:0])[:nonceSize]...)
}

// Open returns the position that text was sealed for, if it was sealed here
// for that very query; all else is [ErrInvalid].
func (s *Sealer) Open(query []byte, text string) ([]byte, error) {
	if len(text) > MaxLen || !plain(text) {
		return nil, ErrInvalid
	}
	sealed, err := strict.DecodeString(text)
	if err != nil || len(sealed) < nonceSize+tagSize {
		return nil, ErrInvalid
	}
	for _, k := range s.keys {
		if position, err := k.aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], query); err == nil {
			return position, nil
		}
	}
	return nil, ErrInvalid
}

// plain reports whether text has only characters of base64url: the decoder
// would skip line breaks.
func plain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

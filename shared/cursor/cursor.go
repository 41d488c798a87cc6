// Package cursor seals positions in a list into the opaque texts that clients
// send to get the next page (contract, List: start_key and next_start_key).
//
// The guarantees:
//
//   - Clients can neither read nor forge a cursor: it is AES-256-GCM.
//   - A cursor belongs to one query. With any other query [Sealer.Open] returns
//     [ErrInvalid]. It returns the same error for a cursor that was altered, for
//     one that was sealed with an unknown secret, and for any other text.
//   - Sealing is deterministic: the same position of the same query gives the
//     same text as long as the secret is the same. Deployed clients stop only
//     when next_start_key repeats.
//   - A cursor consists of [A-Za-z0-9_-] and has at most [MaxLen] characters, so
//     it needs no escaping in a URL.
//
// Layout, before base64url without padding:
//
//	12 bytes nonce ‖ ciphertext of the position ‖ 16 bytes tag
//
// The nonce is HMAC-SHA-256 over the query and the position, each preceded by its
// length, cut to 12 bytes. It uses a separate key. So the nonce repeats only if
// query and position do, and then the whole text repeats. Two different messages
// share a nonce only through a 96-bit collision. The query is also the additional
// data of the AEAD. Both keys are derived from the operator's secret by
// HKDF-SHA-256.
//
// The caller defines the content of queries and positions. The length of a cursor
// reveals the length of the position, but nothing else.
package cursor

import (
	"cmp"
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
	// MaxLen is the maximum length of a cursor in characters (contract, List).
	MaxLen = 512
	// MaxPosition is the maximum length of a position in bytes.
	MaxPosition = MaxLen/4*3 - nonceSize - tagSize
	// MinSecret is the minimum length of a secret in characters.
	MinSecret = 32

	nonceSize = 12
	tagSize   = 16
)

// ErrInvalid is the only error of [Sealer.Open].
var ErrInvalid = errors.New("invalid cursor")

// strict rejects a text if unused bits of its last character are set, so that
// each cursor has one spelling.
var strict = base64.RawURLEncoding.Strict()

// Sealer seals with the current secret, and opens cursors that were sealed with
// the current or the previous one. It is safe for concurrent use.
type Sealer struct {
	keys []keys // of the current secret first
}

// keys are derived from one secret.
type keys struct {
	aead  cipher.AEAD
	nonce []byte
}

// New makes a sealer. To rotate, pass the secret in use as the previous one.
// When that is dropped at the next rotation, cursors that clients still hold
// become invalid. The previous secret may be "". An error names the secret by
// its role and never contains it.
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

// derive derives the two keys of a secret. The info strings are part of the
// format: change them together with the layout.
func derive(secret string) (keys, error) {
	extracted, extractErr := hkdf.Extract(sha256.New, []byte(secret), nil)
	seal, sealErr := hkdf.Expand(sha256.New, extracted, "callrecordings cursor 1 seal", 32)
	nonce, nonceErr := hkdf.Expand(sha256.New, extracted, "callrecordings cursor 1 nonce", sha256.Size)
	if err := cmp.Or(extractErr, sealErr, nonceErr); err != nil {
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

// Seal makes the cursor for a position of a query. It panics if the position
// has more than [MaxPosition] bytes, because that is a bug of the caller.
func (s *Sealer) Seal(query, position []byte) string {
	if len(position) > MaxPosition {
		panic(fmt.Sprintf("cursor: position has %d bytes, want at most %d", len(position), MaxPosition))
	}
	k := s.keys[0]
	var buffer [nonceSize + MaxPosition + tagSize]byte
	nonce := k.nonceFor(buffer[:0], query, position)
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

// Open returns the position that text was sealed for. Error: [ErrInvalid]
// unless text was sealed for exactly that query with one of the two secrets.
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

// plain reports whether text contains only characters of base64url. The decoder
// alone would skip line breaks.
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

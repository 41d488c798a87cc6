package search

import (
	"encoding/base64"
	"hash/fnv"
	"math/bits"
)

// signature is a Bloom filter of the terms of a recording, in base64. Every entry of a
// recording has it. So the entries of one term show which of its recordings may also have
// others, and only those are read. "" is unknown: it may have any term. The zero bits of a
// stored signature must keep their meaning, so a change of hashOf needs a new layoutVersion.
type signature string

const (
	// bitsPerTerm gives an ordinary recording, of 18 terms, 256 bits. Of 600 other terms it
	// then seems to have one.
	bitsPerTerm = 12
	// hashes is how many bits each term sets.
	hashes = 6
	// minBits and maxBits bound the bits, which are a power of two. Entries remain below the
	// kilobyte that one write unit pays for.
	minBits, maxBits = 64, 1024
)

// signatureOf returns the signature of terms.
func signatureOf(terms map[string]string) signature {
	n := min(max(len(terms)*bitsPerTerm, minBits), maxBits)
	n = 1 << bits.Len(uint(n-1)) // the next power of two
	filter := make([]byte, n/8)
	for term := range terms {
		h := hashOf(term)
		for i := range hashes {
			at := h.bit(i, n)
			filter[at/8] |= 1 << (at % 8)
		}
	}
	return signature(base64.RawStdEncoding.EncodeToString(filter))
}

// mayHave reports whether the recording may have all terms with these hashes. A signature
// that this version cannot read excludes nothing.
func (s signature) mayHave(all []hash) bool {
	if s == "" || len(all) == 0 {
		return true
	}
	var room [maxBits / 8]byte
	if base64.RawStdEncoding.DecodedLen(len(s)) > len(room) {
		return true
	}
	n, err := base64.RawStdEncoding.Decode(room[:], []byte(s))
	if err != nil || bits.OnesCount(uint(n)) != 1 {
		return true
	}
	for _, h := range all {
		for i := range hashes {
			if at := h.bit(i, 8*n); room[at/8]&(1<<(at%8)) == 0 {
				return false
			}
		}
	}
	return true
}

// hash is a 64-bit hash of a term.
type hash uint64

// hashOf returns FNV-1a of a term, with the finalizer of SplitMix64, which spreads it over
// all bits.
func hashOf(term string) hash {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(term)) // never fails
	h := sum.Sum64()
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return hash(h ^ h>>31)
}

// bit returns the bit i of n, a power of two, that the term sets.
func (h hash) bit(i, n int) int {
	low, high := uint32(h), uint32(h>>32)|1
	return int((low + uint32(i)*high) & uint32(n-1))
}

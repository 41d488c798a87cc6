package cursor_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/cursor"
)

const (
	secretA = "0123456789abcdef0123456789abcdef"
	secretB = "fedcba9876543210fedcba9876543210"
)

func sealer(t testing.TB, current, previous string) *cursor.Sealer {
	t.Helper()
	s, err := cursor.New(current, previous)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

// The format must not change, because clients hold cursors across deployments.
func TestSealKeepsItsFormat(t *testing.T) {
	t.Parallel()
	got := sealer(t, secretA, "").Seal([]byte("query"), []byte("position"))
	const want = "bEtDeEDGRg6wIr83e0A4PNSLT-2y94aRU4_bKZNV194moTaV"
	if got != want {
		t.Errorf("Seal(query, position) = %q, want %q", got, want)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	short := strings.Repeat("s", cursor.MinSecret-1)
	for _, tt := range []struct {
		name, current, previous string
		want                    string // part of the error; "" if there is none
	}{
		{"one secret", secretA, "", ""},
		{"two secrets", secretA, secretB, ""},
		{"no secret", "", "", "current cursor key has 0"},
		{"previous secret only", "", secretA, "current cursor key has 0"},
		{"short secret", short, "", "current cursor key has 31"},
		{"short previous secret", secretA, short, "previous cursor key has 31"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := cursor.New(tt.current, tt.previous)
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("New = %v, want an error with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), short) {
				t.Errorf("New = %v, which contains the secret", err)
			}
		})
	}
}

func TestOpenRejects(t *testing.T) {
	t.Parallel()
	s := sealer(t, secretA, secretB)
	good := s.Seal([]byte("q"), []byte("p"))
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty text":      "",
		"one character":   "A",
		"28 zeros":        base64.RawURLEncoding.EncodeToString(make([]byte, 28)),
		"27 zeros":        base64.RawURLEncoding.EncodeToString(make([]byte, 27)),
		"unknown secret":  sealer(t, strings.Repeat("x", 32), "").Seal([]byte("q"), []byte("p")),
		"truncated":       good[:len(good)-4],
		"longer":          good + "AAAA",
		"padding":         good + "=",
		"line break":      good[:10] + "\n" + good[10:],
		"carriage return": good + "\r",
		"space":           " " + good,
		"other alphabet":  strings.Repeat("+/", 40),
		"513 characters":  strings.Repeat("A", 513),
		"not ASCII":       good[:8] + "é" + good[8:],
		"without nonce":   base64.RawURLEncoding.EncodeToString(raw[12:]),
		"undefined":       "undefined",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := s.Open([]byte("q"), text); !errors.Is(err, cursor.ErrInvalid) || got != nil {
				t.Errorf("Open(%q) = %q, %v, want ErrInvalid", text, got, err)
			}
		})
	}
}

// Each cursor has one spelling, so unused bits of the last character must be
// zero.
func TestOpenRejectsUnusedBits(t *testing.T) {
	t.Parallel()
	s := sealer(t, secretA, "")
	good := s.Seal(nil, []byte("x")) // 29 bytes: two unused bits
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	opened := 0
	for i := range len(alphabet) {
		if _, err := s.Open(nil, good[:len(good)-1]+alphabet[i:i+1]); err == nil {
			opened++
		}
	}
	if opened != 1 {
		t.Errorf("%d spellings of one cursor open, want 1", opened)
	}
}

func TestSealPanicsIfThePositionIsTooLong(t *testing.T) {
	t.Parallel()
	s := sealer(t, secretA, "")
	if got := len(s.Seal(nil, make([]byte, cursor.MaxPosition))); got > cursor.MaxLen {
		t.Errorf("the longest cursor has %d characters, want at most %d", got, cursor.MaxLen)
	}
	defer func() {
		if recover() == nil {
			t.Error("Seal of a position that does not fit did not panic")
		}
	}()
	s.Seal(nil, make([]byte, cursor.MaxPosition+1))
}

// A position of the greatest length makes a cursor of the greatest length, which opens.
func TestTheLongestCursorOpens(t *testing.T) {
	t.Parallel()
	s := sealer(t, secretA, "")
	position := bytes.Repeat([]byte("p"), cursor.MaxPosition)
	text := s.Seal([]byte("query"), position)
	if len(text) != cursor.MaxLen {
		t.Errorf("the longest cursor has %d characters, want %d", len(text), cursor.MaxLen)
	}
	if got, err := s.Open([]byte("query"), text); err != nil || !bytes.Equal(got, position) {
		t.Errorf("Open = %q, %v, want the position", got, err)
	}
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_-]{1,512}$`)

func positions() *rapid.Generator[[]byte] {
	return rapid.SliceOfN(rapid.Byte(), 0, cursor.MaxPosition)
}

// A sealed position opens unchanged. The text is plain and the same each time.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s, second := sealer(t, secretA, ""), sealer(t, secretA, secretB)
	rapid.Check(t, func(t *rapid.T) {
		query, position := rapid.SliceOf(rapid.Byte()).Draw(t, "query"), positions().Draw(t, "position")
		text := s.Seal(query, position)
		if !plain.MatchString(text) {
			t.Fatalf("Seal = %q, want %v", text, plain)
		}
		if other := second.Seal(query, position); other != text {
			t.Fatalf("Seal = %q, then %q", text, other)
		}
		got, err := s.Open(query, text)
		if err != nil || !bytes.Equal(got, position) {
			t.Fatalf("Open(Seal(%x)) = %x, %v", position, got, err)
		}
	})
}

// A cursor opens with no other query, even if query and position are the same
// text divided elsewhere.
func TestBoundToQuery(t *testing.T) {
	t.Parallel()
	s := sealer(t, secretA, secretB)
	rapid.Check(t, func(t *rapid.T) {
		both := rapid.SliceOfN(rapid.Byte(), 1, cursor.MaxPosition).Draw(t, "both")
		at := rapid.IntRange(0, len(both)-1).Draw(t, "at")
		text := s.Seal(both[:at], both[at:])
		other := rapid.SliceOf(rapid.Byte()).Filter(func(q []byte) bool { return !bytes.Equal(q, both[:at]) }).Draw(t, "other")
		for _, query := range [][]byte{other, both, append([]byte{0}, both[:at]...)} {
			if bytes.Equal(query, both[:at]) {
				continue
			}
			if got, err := s.Open(query, text); !errors.Is(err, cursor.ErrInvalid) {
				t.Fatalf("sealed for %x, Open(%x) = %x, %v, want ErrInvalid", both[:at], query, got, err)
			}
		}
		if moved := s.Seal(both[:at+1], both[at+1:]); moved[:16] == text[:16] {
			t.Fatalf("the nonce of (%x, %x) is used for another query", both[:at], both[at:])
		}
	})
}

// No bit can be changed.
func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	s := sealer(t, secretA, secretB)
	rapid.Check(t, func(t *rapid.T) {
		query, position := rapid.SliceOf(rapid.Byte()).Draw(t, "query"), positions().Draw(t, "position")
		raw, err := base64.RawURLEncoding.DecodeString(s.Seal(query, position))
		if err != nil {
			t.Fatal(err)
		}
		bit := rapid.IntRange(0, 8*len(raw)-1).Draw(t, "bit")
		raw[bit/8] ^= 1 << (bit % 8)
		if got, err := s.Open(query, base64.RawURLEncoding.EncodeToString(raw)); !errors.Is(err, cursor.ErrInvalid) {
			t.Fatalf("with bit %d flipped, Open = %x, %v, want ErrInvalid", bit, got, err)
		}
	})
}

// The previous secret opens cursors but does not seal them. After two rotations
// a cursor is invalid.
func TestRotation(t *testing.T) {
	t.Parallel()
	before, now := sealer(t, secretA, ""), sealer(t, secretB, secretA)
	after := sealer(t, strings.Repeat("c", 32), secretB)
	rapid.Check(t, func(t *rapid.T) {
		query, position := rapid.SliceOf(rapid.Byte()).Draw(t, "query"), positions().Draw(t, "position")
		old := before.Seal(query, position)
		if got, err := now.Open(query, old); err != nil || !bytes.Equal(got, position) {
			t.Fatalf("under the previous secret, Open = %x, %v, want %x", got, err, position)
		}
		if fresh := now.Seal(query, position); fresh == old {
			t.Fatal("sealed under the previous secret")
		} else if _, err := before.Open(query, fresh); !errors.Is(err, cursor.ErrInvalid) {
			t.Fatalf("sealed under the current secret, the previous one opens it: %v", err)
		}
		if _, err := after.Open(query, old); !errors.Is(err, cursor.ErrInvalid) {
			t.Fatalf("two rotations later, Open = %v, want ErrInvalid", err)
		}
	})
}

// FuzzOpen checks that Open returns ErrInvalid, or a position that seals to the
// same text.
func FuzzOpen(f *testing.F) {
	s := sealer(f, secretA, secretB)
	f.Add([]byte("q"), s.Seal([]byte("q"), []byte("p")))
	f.Add([]byte(""), s.Seal(nil, nil))
	f.Add([]byte("q"), strings.Repeat("A", cursor.MaxLen))
	f.Add([]byte("q"), "undefined")
	f.Fuzz(func(t *testing.T, query []byte, text string) {
		position, err := s.Open(query, text)
		if err != nil {
			if !errors.Is(err, cursor.ErrInvalid) || position != nil {
				t.Fatalf("Open(%q) = %q, %v, want ErrInvalid", text, position, err)
			}
			return
		}
		previous := sealer(t, secretB, "")
		if s.Seal(query, position) != text && previous.Seal(query, position) != text {
			t.Fatalf("Open(%q) = %q, which does not seal to it", text, position)
		}
	})
}

var sink any

func BenchmarkSeal(b *testing.B) {
	s := sealer(b, secretA, "")
	query, position := make([]byte, 80), make([]byte, 60)
	b.ReportAllocs()
	for b.Loop() {
		sink = s.Seal(query, position)
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, bb := range []struct{ name, sealedBy string }{{"key=current", secretA}, {"key=previous", secretB}} {
		b.Run(bb.name, func(b *testing.B) {
			query, position := make([]byte, 80), make([]byte, 60)
			text := sealer(b, bb.sealedBy, "").Seal(query, position)
			s := sealer(b, secretA, secretB)
			b.ReportAllocs()
			for b.Loop() {
				got, err := s.Open(query, text)
				if err != nil {
					b.Fatal(err)
				}
				sink = got
			}
		})
	}
}

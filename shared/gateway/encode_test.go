package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkEscape compares appendEscaped with encoding/json: the decoder must read the same text, and
// the encoder must write the same text, apart from the escapes that differ.
func checkEscape(t *testing.T, text string) {
	t.Helper()
	const before = `{"body":"`
	out := appendEscaped([]byte(before), []byte(text))
	var got string
	quoted := append([]byte{'"'}, append(out[len(before):len(out):len(out)], '"')...)
	if err := json.Unmarshal(quoted, &got); err != nil || got != text || string(out[:len(before)]) != before {
		t.Fatalf("appendEscaped(%q) = %s, which reads as %q, %v", text, out, got, err)
	}
	if want := standardEscape(t, text); string(quoted) != want {
		t.Fatalf("appendEscaped(%q) = %s, want %s", text, quoted, want)
	}
}

// standardEscape returns the output of encoding/json, with the escapes of this package where the
// two differ.
func standardEscape(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		t.Fatal(err)
	}
	// A backslash before a letter might itself be escaped, so hide these first.
	return strings.NewReplacer(`\\`, `\\`, `\r`, `\u000d`, `\t`, `\u0009`, `\b`, `\u0008`, `\f`, `\u000c`, `\u2028`, "\u2028", `\u2029`, "\u2029").
		Replace(strings.TrimSuffix(out.String(), "\n"))
}

// Every byte at every place of a word, next to every kind of neighbor.
func TestEscapesAgreeWithEncodingJSON(t *testing.T) {
	t.Parallel()
	for c := range 0x80 {
		for at := range 2 * wordSize {
			for _, neighbor := range "x\"\\\n\x00\x1f !\x7f#[]é\u2028" {
				text := []rune(strings.Repeat(string(neighbor), 3*wordSize))
				text[at] = rune(c)
				checkEscape(t, string(text))
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("\x00\t\n\r\x1f \"\\\\\"\"ab:,{}/<>&\x7fé\u2028\u2029😀")
	for range 20_000 {
		text := make([]rune, random.IntN(100))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		checkEscape(t, string(text))
	}
}

// A text of escapes alone exceeds the room that is reserved for usual text.
func TestEscapesGrowTheBuffer(t *testing.T) {
	t.Parallel()
	for _, c := range "\x00\"\nx" {
		for _, n := range []int{0, 1, 7, 8, 9, 1000, 100_000} {
			checkEscape(t, strings.Repeat(string(c), n))
		}
	}
}

func TestBase64AgreesWithEncodingBase64(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 300 {
		for range 10 {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			checkBase64(t, data)
		}
	}
	every := make([]byte, 0, 3<<12) // every value of 12 bits in both halves of three bytes
	for i := range 1 << 12 {
		every = append(every, byte(i>>4), byte(i<<4|i>>8), byte(i))
	}
	for shift := range 6 {
		checkBase64(t, every[shift:])
	}
}

func checkBase64(t *testing.T, data []byte) {
	t.Helper()
	if got, want := string(appendBase64([]byte("before "), data)), "before "+base64.StdEncoding.EncodeToString(data); got != want {
		t.Fatalf("appendBase64(%x) = %s, want %s", data, got, want)
	}
}

// FuzzEscape compares appendEscaped with encoding/json.
func FuzzEscape(f *testing.F) {
	f.Add("\"\\\n\r\t\x00\x1f\x7f\u2028é")
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) {
			checkEscape(t, text)
		}
	})
}

// FuzzBase64 compares appendBase64 with encoding/base64.
func FuzzBase64(f *testing.F) {
	f.Add([]byte("any carnal pleas"))
	f.Fuzz(func(t *testing.T, data []byte) { checkBase64(t, data) })
}

// BenchmarkEncode measures both encoders. The names begin with the text.
func BenchmarkEncode(b *testing.B) {
	text := bytes.Repeat([]byte(`{"call_id":"MTQ4YjE1ZjQ3NWU4ZTJkMzA0@10.1.1.5","duration_ms":62340},`), 700)
	dst := make([]byte, 0, 2*len(text))
	for _, bb := range []struct {
		name   string
		encode func(dst, text []byte) []byte
	}{
		{"encode=escape", appendEscaped}, {"encode=base64", appendBase64}, {"encode=encoding-base64", base64.StdEncoding.AppendEncode},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				sink = bb.encode(dst, text)
			}
		})
	}
}

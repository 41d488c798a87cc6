package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
)

// full returns the document with a shorthand.
func full(t interface{ Fatal(...any) }, short string, o own[string]) recording.Document {
	texts := own[[]byte]{[]byte(o[0]), []byte(o[1]), []byte(o[2])}
	d, err := appendFull([]byte("before"), []byte(short), &texts)
	if err != nil {
		t.Fatal(err)
	}
	return recording.Document(strings.TrimPrefix(string(d), "before"))
}

func TestShorthand(t *testing.T) {
	t.Parallel()
	texts := own[string]{"acc", "owner", "202311-1"}
	for _, tt := range []struct{ document, want string }{
		{"", ""},
		{"{}", "{}"},
		{`{"call_id":"1"}`, "\x011\"}"},
		{`{"x":1,"call_id":"1","start":5}`, "{\"x\":1\x021\"\x0e5}"},
		{`{"x":"1","custom_channel_vars":{"Media-Recording-ID":"202311-1"}}`, "{\"x\":\"1\"\x19\x1e~\"}}"},
		{`{"x":"1","owner_id":"owner","y":"account"}`, "{\"x\":\"1\"\x18\x1e}\",\"y\":\"\x1e|ount\"}"},
		{`{"a":"accowner"}`, "{\"a\":\"\x1e|owner\"}"},
		{`{"x":",\"call_id\":\"1"}`, `{"x":",\"call_id\":\"1"}`},
		{"{\n\"call_id\":\"1\"}", "\x1f{\n\"call_id\":\"1\"}"},
		{"\x1f", "\x1f\x1f"},
	} {
		got := shorten(recording.Document(tt.document), texts)
		if got != tt.want {
			t.Errorf("shorten(%q) = %q, want %q", tt.document, got, tt.want)
		}
		if back := full(t, got, texts); string(back) != tt.document {
			t.Errorf("the shorthand %q is that of %q, want %q", got, back, tt.document)
		}
	}
}

// Documents of earlier versions have no shorthand, and those of later ones may have
// entries that this version does not know.
func TestShorthandOfOtherVersions(t *testing.T) {
	t.Parallel()
	if got := full(t, kazooDocument, own[string]{account, owner, "x"}); got != kazooDocument {
		t.Errorf("the document %s was read as %s", kazooDocument, got)
	}
	for _, short := range []string{"{\x00}", "{\x1e", "{\x1e\x7f", "{\x1e\x1f", "{\x1ez}", "{\x1f}", "\x1e", "{\x1e" + string(rune(' '+len(rare)))} {
		if d, err := appendFull(nil, []byte(short), new(own[[]byte])); !errors.Is(err, errLayout) {
			t.Errorf("appendFull(%q) = %q, %v, want %v", short, d, err, errLayout)
		}
	}
}

// The longest of the own texts counts. A text of two characters does not: its shorthand has two
// as well.
func TestLongestOwnText(t *testing.T) {
	t.Parallel()
	texts := own[string]{"ab", "abc", "abcd"}
	for text, want := range map[string]int{"": 0, "ab": 0, "abx": 0, "abcx": 3, "abcdx": 4} {
		if _, n := texts.longest(text); n != want {
			t.Errorf("longest(%q) has the length %d, want %d", text, n, want)
		}
	}
}

// Stored items contain the characters of the entries. Add new entries to the end of
// rare, and their number and the new sum to this test.
func TestShorthandKeepsItsEntries(t *testing.T) {
	t.Parallel()
	const (
		entriesOfRare = 44
		want          = "5e8567678631a1254b8381a5214d1ae476f92c1e0a8ee95400a01633703952b5"
	)
	sum := sha256.Sum256([]byte(strings.Join(common[:], "\n") + "\n" + strings.Join(rare[:entriesOfRare], "\n")))
	if got := hex.EncodeToString(sum[:]); got != want || len(common) >= rareFirst || ' '+len(rare) > firstOwn {
		t.Errorf("%d entries with the sum %s, and %d rare ones, want the sum %s, at most %d and at most %d",
			len(common), got, len(rare), want, rareFirst-1, firstOwn-' ')
	}
	for _, entry := range append(common[:], rare[:]...) {
		if code, n := longest(entry); n != len(entry) || strings.ContainsAny(entry, "\n\x00") {
			t.Errorf("%q is shortened to %q for %d of its bytes", entry, code, n)
		}
	}
}

// anyDocument generates texts of entries, of the item and of anything else.
func anyDocument() *rapid.Generator[recording.Document] {
	return rapid.Custom(func(t *rapid.T) recording.Document {
		piece := rapid.OneOf(
			rapid.SampledFrom(append(append([]string{"acc", "owner", "id", `"`, ",", "{", "\\\"", "ä", " "}, common[:]...), rare[:]...)),
			rapid.String(),
		)
		return recording.Document(strings.Join(rapid.SliceOf(piece).Draw(t, "pieces"), ""))
	})
}

func TestShorthandRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := anyDocument().Draw(t, "document")
		texts := own[string]{"acc", rapid.SampledFrom([]string{"", "owner", `"`}).Draw(t, "owner"), "id"}
		short := shorten(d, texts)
		if got := full(t, short, texts); got != d || len(short) > len(d)+1 {
			t.Errorf("shorten(%q) = %q, which is %q", d, short, got)
		}
	})
}

func FuzzShorthand(f *testing.F) {
	for _, d := range []string{kazooDocument, string(sample(1).Document), "{}", "\x1f", "{\"a\":\"\x01\"}"} {
		f.Add(d, account, owner, "id")
	}
	f.Fuzz(func(t *testing.T, d, account, owner, id string) {
		texts := own[string]{account, owner, id}
		if got := full(t, shorten(recording.Document(d), texts), texts); string(got) != d {
			t.Errorf("the shorthand of %q is that of %q", d, got)
		}
		bytes := own[[]byte]{[]byte(account), []byte(owner), []byte(id)}
		_, _ = appendFull(nil, []byte(d), &bytes) // anything may be stored, and must not panic
	})
}

func TestChecksumsAreCompact(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256(nil)
	digits := hex.EncodeToString(sum[:])
	for digits, want := range map[string]int{digits: 43, "": 0, strings.ToUpper(digits): 64, digits[1:]: 63, "x": 1} {
		compact := compactSum(digits)
		if got := fullSum([]byte(compact)); got != digits || len(compact) != want {
			t.Errorf("compactSum(%q) = %q, and back %q, want %d characters", digits, compact, got, want)
		}
	}
}

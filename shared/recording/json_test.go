package recording_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"

	"pgregory.net/rapid"
)

// The package works on JSON text. The tests compare it with simple
// implementations over decoded values. This file has their common helpers.

// decode decodes JSON. Numbers keep their text.
func decode(t rapid.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
	return v
}

// encode encodes a decoded value. Equal values have equal text.
func encode(t rapid.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatalf("encode %v: %v", v, err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// sameJSON reports whether two texts represent the same value.
func sameJSON(t rapid.TB, a, b string) bool {
	t.Helper()
	return encode(t, decode(t, a)) == encode(t, decode(t, b))
}

func mustDocument(t rapid.TB, text string) recording.Document {
	t.Helper()
	d, err := recording.ParseDocument([]byte(text))
	if err != nil {
		t.Fatalf("ParseDocument(%s) = %v", text, err)
	}
	return d
}

// at returns the value at path in a decoded value. ok is false if it is missing
// or null.
func at(v any, path []string) (_ any, ok bool) {
	for _, step := range path {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 1 || i > len(in) {
				return nil, false
			}
			v = in[i-1]
		default:
			return nil, false
		}
	}
	return v, v != nil
}

// privateName repeats the rule of the contract independently of the package.
func privateName(name string) bool {
	return name == "id" || strings.HasPrefix(name, "_") || strings.HasPrefix(name, "pvt_")
}

// names collide often. Some need escapes, some are private.
var names = rapid.SampledFrom([]string{
	"a", "b", "c", "x", "1", "2", "", "id", "_rev", "pvt_type", "ä", "a\"b", "back\\slash", "line\nbreak", "<&>", "a.b",
	"call_id", "custom_channel_vars", "duration", "from", "start", "user_metadata", "\u2028", "😀",
})

// texts are strings that a filter could confuse with other values.
var texts = rapid.OneOf(
	rapid.SampledFrom([]string{"", "0", "10", "1.0", "true", "null", "NULL", "undefined", "[1]", "{}", "x", `"x"`, "ä", "a\\", `a"b`}),
	rapid.StringN(0, 6, -1),
)

var numbers = rapid.SampledFrom([]string{"0", "-0", "0.0", "0e9", "1", "10", "1.0", "1.50", "-3", "1e400", "1e-400", "63866880000"})

// jsonText draws JSON text with at most depth levels, with white space,
// escapes, and no duplicate keys.
func jsonText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"}).Draw(t, "space")
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(1, kinds).Draw(t, "kind") {
		case 1:
			return space + quoted(t, texts.Draw(t, "text"))
		case 2:
			return space + numbers.Draw(t, "number")
		case 3:
			return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool") + space
		case 4:
			return "null"
		case 5:
			return objectText(depth).Draw(t, "object")
		default:
			return "[" + strings.Join(rapid.SliceOfN(jsonText(depth-1), 0, 3).Draw(t, "list"), space+",") + space + "]"
		}
	})
}

// objectText draws the JSON text of an object.
func objectText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var members []string
		for _, name := range rapid.SliceOfNDistinct(names, 0, 5, rapid.ID).Draw(t, "names") {
			members = append(members, quoted(t, name)+" : "+jsonText(depth-1).Draw(t, "value"))
		}
		return "{" + strings.Join(members, ", ") + "}"
	})
}

// quoted returns s as a JSON string, sometimes with unnecessary escapes.
func quoted(t *rapid.T, s string) string {
	text := encode(t, s)
	if rapid.IntRange(0, 3).Draw(t, "escape") > 0 {
		return text
	}
	var b strings.Builder
	for _, r := range s {
		if r > 0xffff {
			return text
		}
		b.WriteString(`\u` + strings.Repeat("0", 4-len(strconv.FormatInt(int64(r), 16))) + strconv.FormatInt(int64(r), 16))
	}
	return `"` + b.String() + `"`
}

// TestHelpers checks the helpers of the other tests.
func TestHelpers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := jsonText(3).Draw(t, "json")
		if !sameJSON(t, text, encode(t, decode(t, text))) {
			t.Errorf("%s changes when decoded and encoded", text)
		}
	})
}

// tryDecode decodes text, or returns nil if it is not JSON.
func tryDecode(text string) any {
	if !json.Valid([]byte(text)) {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

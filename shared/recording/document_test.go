package recording_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/strictjson"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseDocument(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"empty object", `{}`, `{}`},
		{"private keys", `{"id":"x","_rev":"1","pvt_type":"y","call_id":"z"}`, `{"call_id":"z"}`},
		{"similar public keys", `{"Id":"x","ids":1,"rev_":1,"pvt":1,"PVT_x":2}`, `{"Id":"x","ids":1,"rev_":1,"pvt":1,"PVT_x":2}`},
		{"private keys in a nested object", `{"a":{"id":1,"_b":2,"pvt_c":3}}`, `{"a":{"id":1,"_b":2,"pvt_c":3}}`},
		{"nulls at the top level", `{"a":null,"b":{"c":null}}`, `{"b":{"c":null}}`},
		{"unknown fields", `{"from_elsewhere":[{"x":1}]}`, `{"from_elsewhere":[{"x":1}]}`},
		{"white space", "{ \"a\" : [ 1 , 2 ] ,\n\"b\": \"c d\" }", `{"a":[1,2],"b":"c d"}`},
		{"numbers keep their text", `{"a":1.50,"b":1e400,"c":-0}`, `{"a":1.50,"b":1e400,"c":-0}`},
		{"escapes", `{"a\"b":"\u00e4\n","c":"<&>"}`, `{"a\"b":"\u00e4\n","c":"<&>"}`},
		{"unnecessary escapes in names", `{"\u0061":"\u0061"}`, `{"a":"\u0061"}`},
		{"private keys with escapes", `{"\u005frev":1,"pvt\u005fx":2,"\u0069d":3}`, `{}`},
		{"braces in strings", `{"a":"}{][,:\\","b":"\"}"}`, `{"a":"}{][,:\\","b":"\"}"}`},
		{"maximum depth", deep(recording.MaxDepth), deep(recording.MaxDepth)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := recording.ParseDocument([]byte(c.in))
			if err != nil || string(got) != c.want {
				t.Errorf("ParseDocument(%s) = %s, %v, want %s", c.in, got, err, c.want)
			}
		})
	}
}

// deep makes an object with the given number of levels.
func deep(levels int) string {
	return strings.Repeat(`{"a":`, levels-1) + `{}` + strings.Repeat(`}`, levels-1)
}

func TestParseDocumentErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"empty text", ``, strictjson.ErrSyntax},
		{"truncated", `{"a":`, strictjson.ErrSyntax},
		{"list", `[]`, recording.ErrNotObject},
		{"null", `null`, recording.ErrNotObject},
		{"string", `"{}"`, recording.ErrNotObject},
		{"duplicate key", `{"a":1,"a":1}`, strictjson.ErrDuplicate},
		{"duplicate private key", `{"_a":1,"_a":1}`, strictjson.ErrDuplicate},
		{"bad UTF-8", "{\"a\":\"\xff\"}", strictjson.ErrUTF8},
		{"too deep", deep(recording.MaxDepth + 1), strictjson.ErrDepth},
	} {
		if got, err := recording.ParseDocument([]byte(c.in)); !errors.Is(err, c.want) || got != "" {
			t.Errorf("%s: ParseDocument(%s) = %s, %v, want %v", c.name, c.in, got, err, c.want)
		}
	}
}

func TestDocumentLookups(t *testing.T) {
	t.Parallel()
	d := mustDocument(t, `{"a":"x\"y","n":62,"f":2.0,"g":2.5,"big":1e30,"huge":1e400,"neg":-7,
		"o":{"p":[10,{"q":true,"z":null}],"":1},"z":[],"t":false,"ü":"ä"}`)
	for _, c := range []struct {
		path, want string
		ok         bool
	}{
		{"o.p.1", "10", true},
		{"o.p.2.q", "true", true},
		{"o.p.2.z", "null", false},
		{"o.p.0", "", false},
		{"o.p.-1", "", false},
		{"o.p.3", "", false},
		{"o.p.x", "", false},
		{"o.p.99999999999999999999", "", false},
		{"o.", "1", true},
		{"o.p", `[10,{"q":true,"z":null}]`, true},
		{"z", "[]", true},
		{"z.1", "", false},
		{"a.b", "", false},
		{"t", "false", true},
		{"ü", `"ä"`, true},
		{"nope", "", false},
		{"", "", false},
	} {
		got, ok := d.Raw(strings.Split(c.path, ".")...)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("Raw(%s) = %s, %v, want %s, %v", c.path, got, ok, c.want, c.ok)
		}
	}
	for _, c := range []struct {
		field, text string
		isText      bool
		n           int64
		isInt       bool
	}{
		{field: "a", text: `x"y`, isText: true},
		{field: "ü", text: "ä", isText: true},
		{field: "n", n: 62, isInt: true},
		{field: "f", n: 2, isInt: true},
		{field: "neg", n: -7, isInt: true},
		{field: "g"},
		{field: "big"},
		{field: "huge"},
		{field: "o"},
		{field: "t"},
		{field: "nope"},
	} {
		if got, ok := d.Text(c.field); got != c.text || ok != c.isText {
			t.Errorf("Text(%s) = %q, %v, want %q, %v", c.field, got, ok, c.text, c.isText)
		}
		if got, ok := d.Int(c.field); got != c.n || ok != c.isInt {
			t.Errorf("Int(%s) = %d, %v, want %d, %v", c.field, got, ok, c.n, c.isInt)
		}
	}
}

func TestFieldsStops(t *testing.T) {
	t.Parallel()
	for name := range recording.Document(`{"a":1,"b":2}`).Fields() {
		if name != "a" {
			t.Fatalf("Fields() continued with %q", name)
		}
		break
	}
	if got := maps.Collect(recording.Document("").Fields()); len(got) != 0 {
		t.Errorf("Fields() of the zero value = %v, want none", got)
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, doc, field, raw, want string }{
		{"new field", `{"a":1}`, "b", ` [ 1 ] `, `{"a":1,"b":[1]}`},
		{"first field", `{}`, "b", `"x"`, `{"b":"x"}`},
		{"field in the zero value", ``, "b", `"x"`, `{"b":"x"}`},
		{"replaced field keeps its place", `{"a":1,"b":2}`, "a", `{}`, `{"a":{},"b":2}`},
		{"removed field", `{"a":1,"b":2}`, "a", `null`, `{"b":2}`},
		{"removed field that does not exist", `{"b":2}`, "a", `null`, `{"b":2}`},
		{"name with escapes", `{}`, "a\"\n", `1`, `{"a\"\n":1}`},
	} {
		got, err := recording.Document(c.doc).With(c.field, c.raw)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s.With(%s, %s) = %s, %v, want %s", c.name, c.doc, c.field, c.raw, got, err, c.want)
		}
	}
	for _, c := range []struct{ field, raw string }{
		{"id", `"x"`},
		{"_rev", `1`},
		{"pvt_x", `1`},
		{"a", ``},
		{"a", `1,"id":2`},
		{"a", `{"b":1,"b":1}`},
		{"a", deep(recording.MaxDepth)},
	} {
		if got, err := recording.Document(`{}`).With(c.field, c.raw); err == nil {
			t.Errorf("With(%s, %s) = %s, want an error", c.field, c.raw, got)
		}
	}
}

func TestQuoteRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if got := decode(t, recording.Quote(s)); got != s {
			t.Errorf("Quote(%q) decodes to %q", s, got)
		}
	})
	if got, want := recording.Quote("\xff"), "\"\ufffd\""; !sameJSON(t, got, want) {
		t.Errorf("Quote(bad UTF-8) = %s, want %s", got, want)
	}
}

// checkDocument compares a parsed document with the decoded source text.
func checkDocument(t rapid.TB, text string, d recording.Document) {
	t.Helper()
	want := decode(t, text).(map[string]any)
	maps.DeleteFunc(want, func(name string, v any) bool { return v == nil || privateName(name) })
	if got := encode(t, decode(t, string(d))); got != encode(t, want) {
		t.Fatalf("ParseDocument(%s) = %s", text, d)
	}
	if again := mustDocument(t, string(d)); again != d {
		t.Fatalf("ParseDocument(%s) = %s, want the same", d, again)
	}
	got := maps.Collect(d.Fields())
	if len(got) != len(want) {
		t.Fatalf("Fields() of %s = %v", d, got)
	}
	for name, raw := range got {
		if encode(t, decode(t, raw)) != encode(t, want[name]) {
			t.Fatalf("field %q of %s = %s", name, d, raw)
		}
	}
	checkPaths(t, d, want, want, nil)
}

// checkPaths looks up every path below v, and paths that do not exist.
func checkPaths(t rapid.TB, d recording.Document, whole, v any, path []string) {
	t.Helper()
	var steps []string
	switch v := v.(type) {
	case map[string]any:
		steps = slices.Collect(maps.Keys(v))
	case []any:
		steps = []string{"1", "2", "3", "+1", "01", "1.0"}
	}
	for _, step := range append(steps, "0", "nope", "") {
		p := append(slices.Clone(path), step)
		want, ok := at(whole, p)
		raw, got := d.Raw(p...)
		if got != ok || ok && encode(t, decode(t, raw)) != encode(t, want) {
			t.Fatalf("Raw(%q) of %s = %s, %v, want %v, %v", p, d, raw, got, want, ok)
		}
		if ok {
			checkPaths(t, d, whole, want, p)
		}
	}
}

func TestParseDocumentKeepsPublicFields(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := objectText(3).Draw(t, "text")
		checkDocument(t, text, mustDocument(t, text))
	})
}

func TestWithChangesOneField(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := mustDocument(t, objectText(2).Draw(t, "document"))
		name := names.Filter(func(s string) bool { return !privateName(s) }).Draw(t, "name")
		value := jsonText(2).Draw(t, "value")
		changed, err := d.With(name, value)
		if err != nil {
			t.Fatal(err)
		}
		want := decode(t, string(d)).(map[string]any)
		want[name] = decode(t, value)
		if want[name] == nil {
			delete(want, name)
		}
		if diff := cmp.Diff(want, decode(t, string(changed))); diff != "" {
			t.Errorf("With(%q, %s) (-want +got):\n%s", name, value, diff)
		}
		if mustDocument(t, string(changed)) != changed {
			t.Errorf("With(%q, %s) = %s, which is not a document", name, value, changed)
		}
	})
}

func FuzzParseDocument(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"id":"x","_rev":1,"call_id":"z","start":63866880000}`, `{"a":{"b":[1,{"c":null}]},"d":"}\"{"}`,
		`{"a":"\ud83d\ude00","ä":1.50}`, `[]`, `{"a":1,"a":2}`, `{"":{"":[[[]]]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := recording.ParseDocument(data)
		if err == nil {
			checkDocument(t, string(data), d)
			return
		}
		for _, known := range []error{
			recording.ErrNotObject, strictjson.ErrSyntax, strictjson.ErrDuplicate, strictjson.ErrDepth, strictjson.ErrUTF8,
		} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Errorf("ParseDocument(%q) = %v, want a documented error", data, err)
	})
}

// FuzzBrokenDocument checks that invalid text in a store causes no panic.
func FuzzBrokenDocument(f *testing.F) {
	for _, s := range []string{``, `{`, `{"a`, `{"a"`, `{"a":`, `{"a":}`, `{"a":"\`, `{"a":[`, `{"a":[1,`, `x`, `{"a":"`, `{:}`, `{"a":]`} {
		f.Add(s, "a.1")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		d := recording.Document(text)
		r := &recording.Recording{ID: "202311-x", Document: d}
		for name, raw := range d.Fields() {
			d.Text(name)
			d.Int(name)
			d.Raw(name, raw)
		}
		d.Raw(strings.Split(path, ".")...)
		_ = d.Validate()
		r.AppendJSON(nil, true)
		recording.Complete(d, r.ID, 1)
		filter, err := recording.ParseFilter([][2]string{{"filter_" + path, "x"}, {"has_value", path}, {"has_key", path}})
		if err == nil {
			filter.Match(r)
		}
		patch, err := recording.ParsePatch([]byte(`{"user_metadata":{"a":{"b":1}}}`))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = patch.Apply(d) // must not panic
	})
}

// FuzzElements compares Elements and Unquote with encoding/json.
func FuzzElements(f *testing.F) {
	f.Add(`["a","\u0041\"",1,null,[2,"]"],{"x":"}"}]`)
	f.Add(`[]`)
	f.Add(`["é\ud83d\ude00\u2028",""]`)
	f.Fuzz(func(t *testing.T, array string) {
		d, err := recording.ParseDocument([]byte(`{"a":` + array + `}`))
		raw, _ := d.Raw("a")
		var want []json.RawMessage
		if err != nil || !strings.HasPrefix(raw, "[") || json.Unmarshal([]byte(raw), &want) != nil {
			return
		}
		i := 0
		for element := range recording.Elements(raw) {
			if i >= len(want) || element != string(want[i]) {
				t.Fatalf("%s: element %d = %s, want %s", raw, i, element, want)
			}
			text := string(want[i])
			if strings.HasPrefix(text, `"`) {
				_ = json.Unmarshal(want[i], &text) // it is valid
			}
			if got := recording.Unquote(element); got != text {
				t.Fatalf("Unquote(%s) = %q, want %q", element, got, text)
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%s: %d elements, want %d", raw, i, len(want))
		}
	})
}

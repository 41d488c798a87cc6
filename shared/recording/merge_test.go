package recording_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/strictjson"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// patchCases are valid bodies and the documents that they produce.
var patchCases = []struct{ name, doc, body, want string }{
	{"first value", `{"a":1}`, `{"data":{"user_metadata":{"x":1}}}`, `{"a":1,"user_metadata":{"x":1}}`},
	{"without data", `{}`, `{"user_metadata":{"x":"y"}}`, `{"user_metadata":{"x":"y"}}`},
	{"field keeps its place", `{"user_metadata":{"x":1},"a":1}`, `{"user_metadata":{"y":2}}`, `{"user_metadata":{"x":1,"y":2},"a":1}`},
	{"null removes", `{"user_metadata":{"x":1,"y":2}}`, `{"user_metadata":{"x":null}}`, `{"user_metadata":{"y":2}}`},
	{"null removes the last key", `{"user_metadata":{"x":1}}`, `{"user_metadata":{"x":null}}`, `{"user_metadata":{}}`},
	{"null for a missing key", `{"a":1}`, `{"user_metadata":{"x":null}}`, `{"a":1}`},
	{"null in a new object", `{}`, `{"user_metadata":{"x":{"y":null,"z":{"n":null}}}}`, `{"user_metadata":{"x":{"z":{}}}}`},
	{"null in a list", `{}`, `{"user_metadata":{"x":[null,{"y":null}]}}`, `{"user_metadata":{"x":[null,{"y":null}]}}`},
	{"nested objects", `{"user_metadata":{"x":{"a":1,"b":2}}}`, `{"user_metadata":{"x":{"b":[3]}}}`, `{"user_metadata":{"x":{"a":1,"b":[3]}}}`},
	{"replaced list", `{"user_metadata":{"x":[1,2]}}`, `{"user_metadata":{"x":[3]}}`, `{"user_metadata":{"x":[3]}}`},
	{"object replaces a scalar", `{"user_metadata":{"x":1}}`, `{"user_metadata":{"x":{"y":1}}}`, `{"user_metadata":{"x":{"y":1}}}`},
	{"scalar replaces an object", `{"user_metadata":{"x":{"y":1}}}`, `{"user_metadata":{"x":1}}`, `{"user_metadata":{"x":1}}`},
	{"object replaces a string", `{"user_metadata":"old"}`, `{"user_metadata":{"x":1}}`, `{"user_metadata":{"x":1}}`},
	{"nulls of a copied document", `{"user_metadata":{"x":null,"y":null}}`, `{"user_metadata":{"x":1}}`, `{"user_metadata":{"x":1,"y":null}}`},
	{"names with escapes", `{"user_metadata":{"ä":1}}`, `{"user_metadata":{"\u00e4":2}}`, `{"user_metadata":{"ä":2}}`},
	{"private names in user_metadata", `{}`, `{"user_metadata":{"_x":1,"pvt_y":2,"id":3}}`, `{"user_metadata":{"_x":1,"pvt_y":2,"id":3}}`},
	{"ui_metadata next to user_metadata", `{}`, `{"data":{"user_metadata":{"x":1},"ui_metadata":{"ui":"monster-ui"}}}`, `{"user_metadata":{"x":1}}`},
	{"only ui_metadata", `{"a":1}`, `{"data":{"ui_metadata":{"ui":"monster-ui"}}}`, `{"a":1}`},
	{"ui_metadata of any type", `{"a":1}`, `{"ui_metadata":null}`, `{"a":1}`},
	{"empty body", `{"a":1}`, `{}`, `{"a":1}`},
	{"empty data", `{"a":1}`, `{"data":{}}`, `{"a":1}`},
	{"empty user_metadata", `{"a":1}`, `{"user_metadata":{}}`, `{"a":1}`},
	{"empty user_metadata over a value", `{"user_metadata":{"x":1}}`, `{"user_metadata":{}}`, `{"user_metadata":{"x":1}}`},
	{"Kazoo's envelope", `{}`, `{"auth_token":"t","verb":"PATCH","data":{"user_metadata":{"x":1}}}`, `{"user_metadata":{"x":1}}`},
	{"numbers keep their text", `{}`, `{"user_metadata":{"x":1.50}}`, `{"user_metadata":{"x":1.50}}`},
	{"maximum depth", `{}`, `{"user_metadata":` + deep(recording.MaxDepth-1) + `}`, `{"user_metadata":` + deep(recording.MaxDepth-1) + `}`},
}

func mustPatch(t rapid.TB, body string) recording.Patch {
	t.Helper()
	p, err := recording.ParsePatch([]byte(body))
	if err != nil {
		t.Fatalf("ParsePatch(%s) = %v", body, err)
	}
	return p
}

// mustApply applies a PATCH body to a document.
func mustApply(t rapid.TB, body string, d recording.Document) recording.Document {
	t.Helper()
	got, err := mustPatch(t, body).Apply(d)
	if err != nil {
		t.Fatalf("Apply(%s) to %s = %v", body, d, err)
	}
	return got
}

func TestPatch(t *testing.T) {
	t.Parallel()
	for _, c := range patchCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := mustApply(t, c.body, recording.Document(c.doc)); string(got) != c.want {
				t.Errorf("Apply(%s) to %s = %s, want %s", c.body, c.doc, got, c.want)
			}
		})
	}
}

func TestParsePatchTextErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"empty text", ``, strictjson.ErrSyntax},
		{"truncated", `{"data":`, strictjson.ErrSyntax},
		{"text after the object", `{} x`, strictjson.ErrSyntax},
		{"form", `user_metadata=x`, strictjson.ErrSyntax},
		{"duplicate key", `{"user_metadata":{"a":1,"a":2}}`, strictjson.ErrDuplicate},
		{"duplicate user_metadata", `{"user_metadata":{},"user_metadata":{}}`, strictjson.ErrDuplicate},
		{"too deep", `{"user_metadata":` + deep(recording.MaxDepth) + `}`, strictjson.ErrDepth},
		{"bad UTF-8", "{\"user_metadata\":{\"a\":\"\xff\"}}", strictjson.ErrUTF8},
	} {
		if _, err := recording.ParsePatch([]byte(c.body)); !errors.Is(err, c.want) {
			t.Errorf("%s: ParsePatch(%.60s) = %v, want %v", c.name, c.body, err, c.want)
		}
	}
}

func TestParsePatchFieldErrors(t *testing.T) {
	t.Parallel()
	const notObject = "Value did not match type(s): object"
	unknown := func(field, value string) recording.FieldError {
		return recording.FieldError{Field: field, Code: "additionalProperties", Message: strictText, Value: []byte(value)}
	}
	readOnly := func(field string) recording.FieldError {
		return recording.FieldError{Field: field, Code: "forbidden", Message: "Read-only property; only user_metadata can be changed"}
	}
	wrong := func(field, value string) recording.FieldError {
		return recording.FieldError{Field: field, Code: "type", Message: notObject, Target: "object", Value: []byte(value)}
	}
	for _, c := range []struct {
		name, body string
		want       recording.FieldErrors
	}{
		{
			"other public fields", `{"data":{"to":"x","from":[1, 2],"user_metadata":{}}}`,
			recording.FieldErrors{unknown("from", `[1,2]`), readOnly("from"), unknown("to", `"x"`), readOnly("to")},
		},
		{"private fields", `{"id":"x","_rev":1}`, recording.FieldErrors{unknown("_rev", `1`), readOnly("_rev"), unknown("id", `"x"`), readOnly("id")}},
		{"name with a dot", `{"a.b":null}`, recording.FieldErrors{unknown("a%2Eb", `null`), readOnly("a%2Eb")}},
		{"user_metadata in another case", `{"User_Metadata":{}}`, recording.FieldErrors{unknown("User_Metadata", `{}`), readOnly("User_Metadata")}},
		{"user_metadata null", `{"user_metadata":null}`, recording.FieldErrors{wrong("user_metadata", `null`)}},
		{"user_metadata a list", `{"user_metadata":[]}`, recording.FieldErrors{wrong("user_metadata", `[]`)}},
		{"user_metadata a string", `{"user_metadata":"{}"}`, recording.FieldErrors{wrong("user_metadata", `"{}"`)}},
		{"data a list", `{"data":[]}`, recording.FieldErrors{wrong("data", `[]`)}},
		{"data null", `{"data":null}`, recording.FieldErrors{wrong("data", `null`)}},
		{"body a list", `[]`, recording.FieldErrors{wrong("data", `[]`)}},
		{"body null", `null`, recording.FieldErrors{wrong("data", `null`)}},
		{
			"fields next to data", `{"data":{"user_metadata":{"x":1}},"user_metadata":{"y":1},"name":"n","verb":"v"}`,
			recording.FieldErrors{unknown("name", `"n"`), unknown("user_metadata", `{"y":1}`)},
		},
		{"two codes", `{"user_metadata":1,"start":2}`, recording.FieldErrors{unknown("start", `2`), readOnly("start"), wrong("user_metadata", `1`)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := recording.ParsePatch([]byte(c.body))
			var got recording.FieldErrors
			if !errors.As(err, &got) {
				t.Fatalf("ParsePatch(%s) = %v, want FieldErrors", c.body, err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("ParsePatch(%s) (-want +got):\n%s", c.body, diff)
			}
			if p != (recording.Patch{}) {
				t.Errorf("ParsePatch(%s) returns a patch and an error", c.body)
			}
		})
	}
}

func TestPatchLimit(t *testing.T) {
	t.Parallel()
	empty := len(`{"k":""}`)
	for _, c := range []struct {
		size int
		ok   bool
	}{
		{recording.MaxUserMetadata, true},
		{recording.MaxUserMetadata + 1, false},
	} {
		body := fmt.Sprintf(`{"user_metadata":{"k":%q}}`, strings.Repeat("x", c.size-empty))
		_, err := mustPatch(t, body).Apply(`{"a":1}`)
		var fields recording.FieldErrors
		if c.ok != (err == nil) || !c.ok && (!errors.As(err, &fields) || fields[0].Field != "user_metadata" || fields[0].Code != "maxLength") {
			t.Errorf("Apply of %d bytes = %v, want ok = %v", c.size, err, c.ok)
		}
	}
	// The limit applies to the result, not to a single patch.
	half := strings.Repeat("x", recording.MaxUserMetadata/2)
	d := mustApply(t, fmt.Sprintf(`{"user_metadata":{"a":%q}}`, half), `{}`)
	if _, err := mustPatch(t, fmt.Sprintf(`{"user_metadata":{"b":%q}}`, half)).Apply(d); err == nil {
		t.Error("two patches of half the limit each were accepted")
	}
	mustApply(t, fmt.Sprintf(`{"user_metadata":{"a":null,"b":%q}}`, half), d)
}

// rfc7396 is the algorithm of RFC 7396, section 2, over decoded values.
func rfc7396(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	result, ok := target.(map[string]any)
	if !ok {
		result = map[string]any{}
	}
	result = maps.Clone(result)
	for name, value := range changes {
		if value == nil {
			delete(result, name)
		} else {
			result[name] = rfc7396(result[name], value)
		}
	}
	return result
}

// checkApply compares the result of a patch with RFC 7396.
func checkApply(t rapid.TB, meta string, before, after recording.Document) {
	t.Helper()
	want := decode(t, string(before)).(map[string]any)
	merged := rfc7396(want["user_metadata"], decode(t, meta)).(map[string]any)
	if _, exists := want["user_metadata"]; exists || len(merged) > 0 {
		want["user_metadata"] = merged
	}
	if got := encode(t, decode(t, string(after))); got != encode(t, want) {
		t.Fatalf("Apply(%s) to %s = %s, want %s", meta, before, after, encode(t, want))
	}
	if mustDocument(t, string(after)) != after {
		t.Fatalf("Apply(%s) to %s = %s, which is not a document", meta, before, after)
	}
}

// plainObject draws an object without nulls, as stored metadata has none.
func plainObject(t *rapid.T, label string) string {
	v := withoutNulls(decode(t, objectText(2).Draw(t, label)))
	return encode(t, v)
}

func withoutNulls(v any) any {
	if object, ok := v.(map[string]any); ok {
		for name, member := range object {
			if member == nil {
				delete(object, name)
			} else {
				object[name] = withoutNulls(member)
			}
		}
	}
	return v
}

// hasNull reports whether an object contains a null, not counting lists.
func hasNull(v any) bool {
	if object, ok := v.(map[string]any); ok {
		for _, member := range object {
			if member == nil || hasNull(member) {
				return true
			}
		}
	}
	return false
}

// requestText returns JSON text with numbers that a request may have. Documents of
// other systems may have larger ones.
func requestText(text string) string { return strings.ReplaceAll(text, "1e400", "1e300") }

// A number beyond a double would break other clients when they read it back.
func TestNumbersOutOfRange(t *testing.T) {
	t.Parallel()
	const object = `{"a":[{"b":1e400}]}`
	for name, parse := range map[string]func() error{
		"patch": func() error { _, err := recording.ParsePatch([]byte(`{"user_metadata":` + object + `}`)); return err },
		"creation": func() error {
			_, err := recording.ParseCreation([]byte(`{"data":{"user_metadata":`+object+`}}`), 1)
			return err
		},
		"variables": func() error {
			_, err := recording.ParseCreation([]byte(`{"custom_channel_vars":`+object+`}`), 1)
			return err
		},
	} {
		if err := parse(); !errors.Is(err, strictjson.ErrNumber) {
			t.Errorf("%s: %v, want ErrNumber", name, err)
		}
	}
	_, err := recording.CreationOf(func(yield func(string, string) bool) { yield("user_metadata", object) })
	if errs := recording.FieldErrors(nil); !errors.As(err, &errs) || errs[0].Field != "user_metadata" {
		t.Errorf("parameters: %v, want an error of user_metadata", err)
	}
	if d := (recording.Call{"user_metadata": object, "name": "n"}).Document(); d != `{"name":"n"}` {
		t.Errorf("call: %s, want user_metadata dropped", d)
	}
}

func TestPatchProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := mustDocument(t, objectText(2).Draw(t, "document"))
		if rapid.Bool().Draw(t, "has metadata") {
			d = mustDocument(t, `{"user_metadata":`+plainObject(t, "old")+`,"a":1,"z":[null]}`)
		}
		meta := requestText(objectText(3).Draw(t, "patch"))
		body := `{"user_metadata":` + meta + `}`
		once := mustApply(t, body, d)
		checkApply(t, meta, d, once)
		if twice := mustApply(t, body, once); twice != once {
			t.Errorf("a second Apply(%s) returns %s for %s", meta, twice, once)
		}
		if enveloped := mustApply(t, `{"data":`+body+`}`, d); enveloped != once {
			t.Errorf("in data, %s results in %s, without data in %s", meta, enveloped, once)
		}
		old, _ := d.Raw("user_metadata")
		now, _ := once.Raw("user_metadata")
		if now != "" && (old == "" || !hasNull(decode(t, old))) && hasNull(decode(t, now)) {
			t.Errorf("Apply(%s) to %s contains a null: %s", meta, d, now)
		}
	})
}

func TestDisjointPatchesCommute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := mustDocument(t, `{"user_metadata":`+plainObject(t, "old")+`}`)
		all := decode(t, requestText(objectText(3).Draw(t, "patches"))).(map[string]any)
		one, two := map[string]any{}, map[string]any{}
		for name, value := range all {
			if len(name)%2 == 0 {
				one[name] = value
			} else {
				two[name] = value
			}
		}
		first, second := `{"user_metadata":`+encode(t, one)+`}`, `{"user_metadata":`+encode(t, two)+`}`
		a := mustApply(t, second, mustApply(t, first, d))
		b := mustApply(t, first, mustApply(t, second, d))
		if !sameJSON(t, string(a), string(b)) {
			t.Errorf("%s and %s result in %s, in reverse order in %s", first, second, a, b)
		}
	})
}

func FuzzPatch(f *testing.F) {
	for _, c := range patchCases {
		f.Add([]byte(c.body), c.doc)
	}
	for _, body := range []string{`[]`, `{"data":null}`, `{"to":1}`, `{"user_metadata":{"a":1,"a":2}}`, `{"user_metadata":{"\ud800":1}}`} {
		f.Add([]byte(body), `{"user_metadata":{"a":{"b":null}}}`)
	}
	f.Fuzz(func(t *testing.T, body []byte, text string) {
		d, err := recording.ParseDocument([]byte(text))
		if err != nil {
			return
		}
		p, err := recording.ParsePatch(body)
		if err != nil {
			checkPatchError(t, body, err)
			return
		}
		got, err := p.Apply(d)
		if err != nil {
			if errs := recording.FieldErrors(nil); !errors.As(err, &errs) || len(body)+len(text) <= recording.MaxUserMetadata {
				t.Fatalf("Apply(%q) to %s = %v", body, d, err)
			}
			return
		}
		data := decode(t, string(body)).(map[string]any)
		if inner, ok := data["data"].(map[string]any); ok {
			data = inner
		}
		meta, given := data["user_metadata"]
		if !given {
			if got != d {
				t.Fatalf("Apply(%q) to %s = %s, want the same", body, d, got)
			}
			return
		}
		checkApply(t, encode(t, meta), d, got)
	})
}

func checkPatchError(t *testing.T, body []byte, err error) {
	t.Helper()
	if errs := recording.FieldErrors(nil); errors.As(err, &errs) {
		if len(errs) == 0 || strictjson.Check(body, recording.MaxDepth) != nil {
			t.Fatalf("ParsePatch(%q) = %v, want a syntax error", body, err)
		}
		return
	}
	if strictjson.Check(body, recording.MaxDepth) == nil {
		t.Fatalf("ParsePatch(%q) = %v, want FieldErrors", body, err)
	}
}

package recording_test

import (
	"strings"
	"testing"

	"callrecordings/shared/recording"
)

func TestParseDocumentKeepsWhatIsPublic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"empty", `{}`, `{}`},
		{"private keys", `{"id":"x","_rev":"1","pvt_type":"y","call_id":"z"}`, `{"call_id":"z"}`},
		{"nulls at the top", `{"a":null,"b":{"c":null}}`, `{"b":{"c":null}}`},
		{"white space", "{ \"a\" : [ 1 , 2 ] ,\n\"b\": \"c d\" }", `{"a":[1,2],"b":"c d"}`},
		{"numbers keep their text", `{"a":1.50,"b":1e400,"c":-0}`, `{"a":1.50,"b":1e400,"c":-0}`},
		{"escapes", `{"a\"b":"\u00e4\n","c":"<&>"}`, `{"a\"b":"\u00e4\n","c":"<&>"}`},
		{"a private key written with an escape", `{"\u005frev":1,"pvt\u005fx":2}`, `{}`},
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

func TestDocumentLookups(t *testing.T) {
	t.Parallel()
	d, err := recording.ParseDocument([]byte(`{"a":"x\"y","n":62,"f":2.0,"o":{"p":[10,{"q":true}],"":1},"z":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := d.Text("a"); !ok || got != `x"y` {
		t.Errorf("Text(a) = %q, %v", got, ok)
	}
	if got, ok := d.Int("n"); !ok || got != 62 {
		t.Errorf("Int(n) = %d, %v", got, ok)
	}
	if got, ok := d.Int("f"); !ok || got != 2 {
		t.Errorf("Int(f) = %d, %v", got, ok)
	}
	for _, c := range []struct {
		path, want string
		ok         bool
	}{
		{"o.p.1", "10", true}, {"o.p.2.q", "true", true}, {"o.p.0", "", false}, {"o.p.3", "", false},
		{"o.", "1", true}, {"z", "[]", true}, {"z.1", "", false}, {"a.b", "", false}, {"nope", "", false},
	} {
		if got, ok := d.Raw(strings.Split(c.path, ".")...); got != c.want || ok != c.ok {
			t.Errorf("Raw(%s) = %s, %v, want %s, %v", c.path, got, ok, c.want, c.ok)
		}
	}
}

func TestPatchMerges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, doc, body, want string }{
		{"first", `{"a":1}`, `{"data":{"user_metadata":{"x":1}}}`, `{"a":1,"user_metadata":{"x":1}}`},
		{"bare", `{}`, `{"user_metadata":{"x":{"y":null}}}`, `{"user_metadata":{"x":{}}}`},
		{"null removes", `{"user_metadata":{"x":1,"y":2}}`, `{"user_metadata":{"x":null}}`, `{"user_metadata":{"y":2}}`},
		{"deep", `{"user_metadata":{"x":{"a":1,"b":2}}}`, `{"user_metadata":{"x":{"b":[3]}}}`, `{"user_metadata":{"x":{"a":1,"b":[3]}}}`},
		{"only ui_metadata", `{"a":1}`, `{"data":{"ui_metadata":{"ui":"monster-ui"}}}`, `{"a":1}`},
		{"nothing", `{"a":1}`, `{}`, `{"a":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := recording.ParsePatch([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Apply(recording.Document(c.doc))
			if err != nil || string(got) != c.want {
				t.Errorf("Apply(%s) to %s = %s, %v, want %s", c.body, c.doc, got, err, c.want)
			}
		})
	}
}

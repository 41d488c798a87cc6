package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/strictjson"
)

const depth = 4

// checks are inputs and the error that Check returns for them.
var checks = []struct {
	name, text string
	want       error
}{
	{"object", `{"a":1,"b":[true,null,"x"]}`, nil},
	{"array", `[1,-0,1.50,1e400]`, nil},
	{"scalars", ` "x" `, nil},
	{"number", `12`, nil},
	{"empty containers", `[{},[],{"a":{}}]`, nil},
	{"white space", " { \"a\" :\t[ 1 ,\r\n2 ] } ", nil},
	{"equal keys in different objects", `{"a":{"a":1},"b":[{"a":1},{"a":1}]}`, nil},
	{"value equal to a key", `{"a":"a","b":"a"}`, nil},
	{"keys that differ in case", `{"a":1,"A":1}`, nil},
	{"empty key", `{"":1}`, nil},
	{"surrogate pair", `"\ud83d\ude00"`, nil},
	{"surrogate pair in capitals", `"\uD83D\uDE00"`, nil},
	{"escaped backslash before u", `"\\ud800"`, nil},
	{"replacement character", `"\ufffd` + "\ufffd" + `"`, nil},
	{"NUL, escaped", `"\u0000"`, nil},
	{"maximum depth", `[[[[]]]]`, nil},

	{"empty text", ``, strictjson.ErrSyntax},
	{"white space only", " \n", strictjson.ErrSyntax},
	{"text", `hello`, strictjson.ErrSyntax},
	{"single quotes", `{'a':1}`, strictjson.ErrSyntax},
	{"truncated", `{"a":[1`, strictjson.ErrSyntax},
	{"truncated in a string", `{"a":"b`, strictjson.ErrSyntax},
	{"truncated in an escape", `"\u00`, strictjson.ErrSyntax},
	{"key without value", `{"a"}`, strictjson.ErrSyntax},
	{"key that is a number", `{1:2}`, strictjson.ErrSyntax},
	{"trailing comma in an object", `{"a":1,}`, strictjson.ErrSyntax},
	{"trailing comma in an array", `[1,]`, strictjson.ErrSyntax},
	{"comma only", `[,]`, strictjson.ErrSyntax},
	{"missing comma", `[1 2]`, strictjson.ErrSyntax},
	{"missing colon", `{"a" 1}`, strictjson.ErrSyntax},
	{"two colons", `{"a"::1}`, strictjson.ErrSyntax},
	{"wrong bracket", `{"a":1]`, strictjson.ErrSyntax},
	{"extra bracket", `{}}`, strictjson.ErrSyntax},
	{"two values", `{} {}`, strictjson.ErrSyntax},
	{"text after the value", `1 x`, strictjson.ErrSyntax},
	{"leading zero", `[01]`, strictjson.ErrSyntax},
	{"plus sign", `+1`, strictjson.ErrSyntax},
	{"trailing decimal point", `1.`, strictjson.ErrSyntax},
	{"NaN", `NaN`, strictjson.ErrSyntax},
	{"raw line break in a string", "\"a\nb\"", strictjson.ErrSyntax},
	{"NUL", "\x00", strictjson.ErrSyntax},
	{"unknown escape", `"\x41"`, strictjson.ErrSyntax},
	{"comment", `{}//`, strictjson.ErrSyntax},
	{"byte order mark", "\ufeff{}", strictjson.ErrSyntax},

	{"duplicate key", `{"a":1,"a":2}`, strictjson.ErrDuplicate},
	{"duplicate key with the same value", `{"a":1,"b":2,"a":1}`, strictjson.ErrDuplicate},
	{"duplicate key, one escaped", `{"a":1,"\u0061":2}`, strictjson.ErrDuplicate},
	{"duplicate key in a nested object", `[{"x":{"a":[],"a":[]}}]`, strictjson.ErrDuplicate},
	{"duplicate empty key", `{"":1,"":2}`, strictjson.ErrDuplicate},

	{"arrays too deep", `[[[[[]]]]]`, strictjson.ErrDepth},
	{"objects too deep", `{"a":{"a":{"a":{"a":{}}}}}`, strictjson.ErrDepth},
	{"100,000 open arrays", strings.Repeat(`[`, 100_000), strictjson.ErrDepth},

	{"bad byte in a string", "\"\xff\"", strictjson.ErrUTF8},
	{"bad byte in a key", "{\"\xc3\":1}", strictjson.ErrUTF8},
	{"surrogate as bytes", "\"\xed\xa0\x80\"", strictjson.ErrUTF8},
	{"overlong encoding", "\"\xc0\xaf\"", strictjson.ErrUTF8},
	{"high surrogate only", `"\ud83d"`, strictjson.ErrUTF8},
	{"high surrogate before text", `"\ud83dx-----"`, strictjson.ErrUTF8},
	{"high surrogate before another escape", `"\ud83d\n----"`, strictjson.ErrUTF8},
	{"two high surrogates", `"\ud83d\ud83d"`, strictjson.ErrUTF8},
	{"low surrogate only", `"\ude00"`, strictjson.ErrUTF8},
	{"lone surrogate in a key", `{"\ud83d":1}`, strictjson.ErrUTF8},
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := strictjson.Check([]byte(c.text), depth); !errors.Is(got, c.want) {
				t.Errorf("Check(%.40q) = %v, want %v", c.text, got, c.want)
			}
		})
	}
}

func TestCheckNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		`{"a":[1,-0,1.50,1.7976931348623157e308,1e-400],"1e400":"1e400"}`: nil,
		strings.Repeat("9", 300):     nil,
		`null`:                       nil,
		`1e400`:                      strictjson.ErrNumber,
		`{"a":[{"b":-1.8e308}]}`:     strictjson.ErrNumber,
		`[1,1e99999999999999999999]`: strictjson.ErrNumber,
		strings.Repeat("9", 400):     strictjson.ErrNumber,
	} {
		if got := strictjson.CheckNumbers([]byte(text)); !errors.Is(got, want) {
			t.Errorf("CheckNumbers(%.40s) = %v, want %v", text, got, want)
		}
	}
}

func TestCheckDepth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		depth int
		want  error
	}{
		{`1`, 0, nil},
		{`[]`, 0, strictjson.ErrDepth},
		{`[]`, -1, strictjson.ErrDepth},
		{`[]`, 1, nil},
		{`[[],[]]`, 2, nil},
		{`[[],[]]`, 1, strictjson.ErrDepth},
	} {
		if got := strictjson.Check([]byte(c.text), c.depth); !errors.Is(got, c.want) {
			t.Errorf("Check(%s, %d) = %v, want %v", c.text, c.depth, got, c.want)
		}
	}
}

// TestErrorsOmitTheInput checks that no part of a request gets into a log by
// way of an error.
func TestErrorsOmitTheInput(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"secret":1,"secret":2}`, `["secret`, `{"secret" 1}`, `"secret\ud800"`, `{} secret`} {
		err := strictjson.Check([]byte(text), depth)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Check(%s) = %v, want an error without the text", text, err)
		}
	}
}

func TestCompact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{" { \"a b\" :\t[ 1.50 ,\r\n1e400 ] } ", `>{"a b":[1.50,1e400]}`},
		{`"\u00e4<&>\/ "`, `>"\u00e4<&>\/ "`},
		{" 1 ", `>1`},
	} {
		got, err := strictjson.Compact([]byte(">"), []byte(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("Compact(>, %s) = %s, %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, text := range []string{``, `{`, `[1,]`, `{}{}`} {
		if got, err := strictjson.Compact(nil, []byte(text)); !errors.Is(err, strictjson.ErrSyntax) {
			t.Errorf("Compact(%s) = %s, %v, want ErrSyntax", text, got, err)
		}
	}
}

// FuzzCheck compares Check with encoding/json and with the number of colons.
func FuzzCheck(f *testing.F) {
	for _, c := range checks {
		if len(c.text) < 1000 {
			f.Add([]byte(c.text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := strictjson.Check(data, depth)
		valid := json.Valid(data)
		switch {
		case err == nil && !valid:
			t.Fatalf("Check(%q) = nil, but the text is not JSON", data)
		case errors.Is(err, strictjson.ErrSyntax) && valid:
			t.Fatalf("Check(%q) = %v, but the text is JSON", data, err)
		case errors.Is(err, strictjson.ErrDuplicate) && valid && colons(data) == keys(t, data):
			t.Fatalf("Check(%q) = %v, but all keys differ", data, err)
		case err != nil:
			return
		}
		if c, k := colons(data), keys(t, data); c != k {
			t.Fatalf("Check(%q) = nil, but the text has %d keys and the value %d", data, c, k)
		}
		compact, err := strictjson.Compact(nil, data)
		if err != nil {
			t.Fatalf("Compact(%q) = %v", data, err)
		}
		if second, err := strictjson.Compact(nil, compact); err != nil || string(second) != string(compact) {
			t.Fatalf("Compact(%q) = %q, %v, want the same", compact, second, err)
		}
		if strictjson.Check(compact, depth) != nil || strings.Contains(string(compact), "\n") {
			t.Fatalf("Compact(%q) = %q", data, compact)
		}
	})
}

// colons counts the colons outside of strings, which is the number of keys in
// the text.
func colons(data []byte) int {
	n, inside := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case c == ':' && !inside:
			n++
		}
	}
	return n
}

// keys decodes valid data and counts the keys of the value.
func keys(t *testing.T, data []byte) int {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decode %q: %v", data, err)
	}
	return count(v)
}

func count(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = len(v)
		for _, member := range v {
			n += count(member)
		}
	case []any:
		for _, element := range v {
			n += count(element)
		}
	}
	return n
}

func BenchmarkCheck(b *testing.B) {
	text := []byte(`{"data":{"user_metadata":{"tag":"urgent","notes":["called back","äöü"],"score":{"agent":4.5,"auto":null}}}}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := strictjson.Check(text, 32); err != nil {
			b.Fatal(err)
		}
	}
}

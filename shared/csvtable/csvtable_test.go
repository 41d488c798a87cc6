package csvtable

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// textOf returns the output of t.
func textOf(t testing.TB, table *Table) string {
	t.Helper()
	var text strings.Builder
	if err := table.Lines(func(line []byte) error { text.Write(line); return nil }); err != nil {
		t.Fatalf("Lines = %v", err)
	}
	return text.String()
}

func TestLines(t *testing.T) {
	t.Parallel()
	table := New(1000)
	table.Literal([]byte("a"), []byte("a"), "1")
	table.Text([]byte("b"), []byte("=b"), "x, y")
	if !table.EndRow() {
		t.Fatal("EndRow = false for the first row")
	}
	table.Text([]byte("c"), []byte("a"), "=1+1") // another column of the same name
	table.Literal([]byte("a"), []byte("a"), "-2.50")
	if !table.EndRow() {
		t.Fatal("EndRow = false for the second row")
	}
	want := "a,'=b,a\r\n" + "1,\"x, y\",\r\n" + "-2.50,,'=1+1\r\n"
	if diff := cmp.Diff(want, textOf(t, table)); diff != "" {
		t.Errorf("Lines (-want +got):\n%s", diff)
	}
	if got := textOf(t, New(1000)); got != "" {
		t.Errorf("Lines of an empty table = %q, want nothing", got)
	}
}

func TestLinesReturnsTheErrorOfWrite(t *testing.T) {
	t.Parallel()
	table := New(1000)
	table.Text([]byte("a"), []byte("a"), "x")
	table.EndRow()
	failed := errors.New("failed")
	for n := range 2 {
		calls := 0
		err := table.Lines(func([]byte) error {
			if calls++; calls > n {
				return failed
			}
			return nil
		})
		if !errors.Is(err, failed) || calls != n+1 {
			t.Errorf("Lines = %v after %d calls, want an error after %d", err, calls, n+1)
		}
	}
}

// A row over the limit is dropped completely, and later rows may still fit.
func TestEndRowDropsARowOverTheLimit(t *testing.T) {
	t.Parallel()
	table := New(60)
	table.Text([]byte("a"), []byte("a"), strings.Repeat("x", 100)) // the first row always fits
	if !table.EndRow() {
		t.Fatal("EndRow = false for the first row")
	}
	table = New(60)
	table.Text([]byte("a"), []byte("a"), "x")
	table.EndRow()
	table.Text([]byte("a"), []byte("a"), "y")
	table.Text([]byte("b"), []byte("b"), strings.Repeat("y", 30))
	if table.EndRow() {
		t.Fatal("EndRow = true for a row over the limit")
	}
	table.Text([]byte("c"), []byte("c"), "z")
	if !table.EndRow() {
		t.Fatal("EndRow = false for a short row")
	}
	if got, want := textOf(t, table), "a,c\r\nx,\r\n,z\r\n"; got != want {
		t.Errorf("Lines = %q, want %q", got, want)
	}
}

func TestArrange(t *testing.T) {
	t.Parallel()
	table := New(1000)
	table.Arrange([]Place{{Key: "b", Name: "b"}, {Prefix: "o."}, {}, {Key: "z", Name: "z"}})
	if got, want := textOf(t, table), "b,z\r\n"; got != want {
		t.Errorf("an empty table = %q, want %q", got, want)
	}
	for _, key := range []string{"x", "z", "o.1", "b", "o.0"} {
		table.Text([]byte(key), []byte(key), key)
	}
	table.EndRow()
	if got, want := textOf(t, table), "b,o.1,o.0,x,z\r\nb,o.1,o.0,x,z\r\n"; got != want {
		t.Errorf("Lines = %q, want %q", got, want)
	}
}

// A layout of columns alone drops the cells of all others.
func TestArrangeWithColumnsAlone(t *testing.T) {
	t.Parallel()
	table := New(1000)
	table.Arrange([]Place{{Key: "b", Name: "B"}, {Key: "z", Name: "z"}})
	for key, want := range map[string]bool{"b": true, "B": false, "x": false, "z": true} {
		if got := table.Text([]byte(key), []byte(key), key); got != want {
			t.Errorf("Text(%q) = %t, want %t", key, got, want)
		}
	}
	table.EndRow()
	if got, want := textOf(t, table), "B,z\r\nb,z\r\n"; got != want {
		t.Errorf("Lines = %q, want %q", got, want)
	}
}

func TestOnly(t *testing.T) {
	t.Parallel()
	table := New(1000)
	table.Only([]string{"b", "a", "b"})
	table.Text([]byte("1"), []byte("a"), "x")
	table.Text([]byte("2"), []byte("a"), "y")
	table.Text([]byte("3"), []byte("c"), "z")
	table.EndRow()
	if got, want := textOf(t, table), "b,a\r\n,y\r\n"; got != want {
		t.Errorf("Lines = %q, want %q", got, want)
	}
}

func TestDefuse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"=1+1":                   "'=1+1",
		"+1+1":                   "'+1+1",
		"-1+1":                   "'-1+1",
		"@SUM(A1)":               "'@SUM(A1)",
		"\t=1":                   "'\t=1",
		"\r=1":                   "'\r=1",
		"\n=1":                   "'\n=1",
		"＝1+1":                   "'＝1+1",
		"+":                      "'+",
		"-":                      "'-",
		"+1555@sip.example.com":  "'+1555@sip.example.com",
		"+1 555 0100":            "'+1 555 0100",
		"-5.":                    "'-5.",
		"+15550100":              "+15550100",
		"-5":                     "-5",
		"-5.25":                  "-5.25",
		"":                       "",
		"a=1":                    "a=1",
		"'=1":                    "'=1",
		" =1":                    "' =1",
		"\u00a0\u3000=1":         "'\u00a0\u3000=1",
		"\u200b=1":               "'\u200b=1",
		"\ufeff\u2060@SUM(A1)":   "'\ufeff\u2060@SUM(A1)",
		"\u00ad+1+1":             "'\u00ad+1+1",
		"\u202e-1+1":             "'\u202e-1+1",
		"\x00=1":                 "'\x00=1",
		"\v\f=1":                 "'\v\f=1",
		"\u3164=1":               "'\u3164=1",
		" ＝1":                    "' ＝1",
		"\u200b＋1+1":             "'\u200b＋1+1",
		"－1+1":                   "'－1+1",
		"＠SUM(A1)":               "'＠SUM(A1)",
		"﹦1":                     "'﹦1",
		"−1+1":                   "'−1+1",
		" +15550100":             " +15550100",
		"\t+15550100":            "'\t+15550100",
		" Zoë":                   " Zoë",
		" ":                      " ",
		"\u200b":                 "\u200b",
		"Zoë":                    "Zoë",
		"\xff":                   "\xff",
		`=cmd|' /C calc'!A0`:     `'=cmd|' /C calc'!A0`,
		"1555":                   "1555",
		"user@realm":             "user@realm",
		"2026-01-05T10:00:00Z":   "2026-01-05T10:00:00Z",
		"=HYPERLINK(\"http://\"": "'=HYPERLINK(\"http://\"",
	} {
		if got := Defuse(text); got != want {
			t.Errorf("Defuse(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "=1+1", `a"b`, "a,b;c|d", " x ", "\r\n", "＝1", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table := New(1 << 20)
		table.Text([]byte("a"), []byte(text), text)
		table.Literal([]byte("b"), []byte("b"), "1")
		table.EndRow()
		rows, err := csv.NewReader(strings.NewReader(textOf(t, table))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q gives %d rows, want 2: %v", text, len(rows), err)
		}
		// The reader replaces \r\n in quotes by \n.
		want := strings.ReplaceAll(Defuse(text), "\r\n", "\n")
		if rows[0][0] != want || rows[1][0] != want {
			t.Errorf("%q gives header %q and cell %q, want %q", text, rows[0][0], rows[1][0], want)
		}
	})
}

// FuzzEscapes compares the fast paths of Defuse and escape with plain implementations.
func FuzzEscapes(f *testing.F) {
	for _, seed := range []string{"", "=1+1", `a"b`, "a,b;c|d", " x ", "\r\n", "＝1", "\xff", "+1555", "-1.5.", "x=", "\x7f=", "a ", "~"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := Defuse(text), plainDefuse(text); got != want {
			t.Errorf("Defuse(%q) = %q, want %q", text, got, want)
		}
		want := text
		if strings.ContainsAny(text, "\",;\t\r\n|") || strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ") {
			want = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
		}
		if got := string(appendEscaped(nil, text, escapedLen(text))); got != want {
			t.Errorf("appendEscaped(%q) = %q, want %q", text, got, want)
		}
		if got := escapedLen(text); got != len(want) {
			t.Errorf("escapedLen(%q) = %d, want %d", text, got, len(want))
		}
	})
}

// plainDefuse is Defuse without a fast path.
func plainDefuse(text string) string {
	if text == "" {
		return ""
	}
	if strings.ContainsRune(endsCell, rune(text[0])) {
		return "'" + text
	}
	visible := strings.TrimLeftFunc(text, isDropped)
	first, size := utf8.DecodeRuneInString(visible)
	whole, fraction, point := strings.Cut(visible[size:], ".")
	isNumber := (first == '+' || first == '-') && whole != "" && strings.Trim(whole+fraction, "0123456789") == "" && point == (fraction != "")
	if isNumber || !strings.ContainsRune(beginsFormula, first) {
		return text
	}
	return "'" + text
}

package recording_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"

	"pgregory.net/rapid"
)

// queryPair draws a query parameter, usually a filter.
var queryPair = rapid.Custom(func(t *rapid.T) [2]string {
	path := strings.Join(rapid.SliceOfN(names, 1, 3).Draw(t, "path"), ".")
	value := rapid.OneOf(texts, numbers, jsonText(2)).Draw(t, "value")
	switch op := rapid.SampledFrom([]string{
		"filter_", "filter_not_", "has_key", "key_missing", "has_value", "value_missing", "missing_value",
		"modified_from", "modified_to", "page_size",
	}).Draw(t, "operator"); op {
	case "filter_", "filter_not_":
		return [2]string{op + path, value}
	case "modified_from", "modified_to", "page_size":
		return [2]string{op, rapid.SampledFrom([]string{"5", "6", "7", "0", "", "5.5", "bad"}).Draw(t, "time")}
	default:
		return [2]string{op, path}
	}
})

// TestMatchAgreesWithNaive compares Match with naive.
func TestMatchAgreesWithNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := &recording.Recording{ID: "202311-x", Modified: 6, Document: mustDocument(t, objectText(3).Draw(t, "document"))}
		query := rapid.SliceOfN(queryPair, 0, 3).Draw(t, "query")
		f, err := recording.ParseFilter(query)
		if err != nil {
			return
		}
		if got, want := f.Match(r), naive(t, query, r); got != want {
			t.Errorf("Match with %q of %s = %v, want %v", query, r.Document, got, want)
		}
	})
}

// naive implements the filters over decoded values, as kazoo.md 4 and the
// contract describe them.
func naive(t rapid.TB, query [][2]string, r *recording.Recording) bool {
	t.Helper()
	public := decode(t, string(r.Document)).(map[string]any)
	public["id"] = r.ID
	for _, q := range query {
		name, value := q[0], q[1]
		keep := true
		switch {
		case strings.HasPrefix(name, "filter_not_"):
			keep = !naiveEqual(t, public, strings.TrimPrefix(name, "filter_not_"), value)
		case strings.HasPrefix(name, "filter_"):
			keep = naiveEqual(t, public, strings.TrimPrefix(name, "filter_"), value)
		case name == "has_key", name == "key_missing":
			_, ok := at(public, strings.Split(value, "."))
			keep = ok == (name == "has_key")
		case name == "has_value", name == "value_missing", name == "missing_value":
			v, _ := at(public, strings.Split(value, "."))
			keep = !naiveEmpty(t, v) == (name == "has_value")
		case name == "modified_from", name == "modified_to":
			bound, ok, err := recording.ParseBound(value)
			if ok && err == nil {
				keep = name == "modified_from" && r.Modified >= bound || name == "modified_to" && r.Modified <= bound
			}
		}
		if !keep {
			return false
		}
	}
	return true
}

// naiveForm returns the string form of a scalar.
func naiveForm(t rapid.TB, v any) (string, bool) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any, []any:
		return "", false
	case string:
		return v, true
	case nil:
		return "", true
	default:
		return encode(t, v), true
	}
}

func naiveEqual(t rapid.TB, public map[string]any, path, value string) bool {
	t.Helper()
	v, _ := at(public, strings.Split(path, "."))
	form, ok := naiveForm(t, v)
	if !ok {
		return false
	}
	wanted := []string{value}
	switch decoded := tryDecode(value).(type) {
	case string:
		wanted = append(wanted, decoded)
	case []any:
		for _, member := range decoded {
			if s, ok := naiveForm(t, member); ok && member != nil {
				wanted = append(wanted, s)
			}
		}
	}
	return slices.Contains(wanted, form)
}

func naiveEmpty(t rapid.TB, v any) bool {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return false
	case string:
		return v == "" || v == "0" || v == "NULL" || v == "undefined"
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	default:
		mantissa, _, _ := strings.Cut(strings.ToLower(encode(t, v)), "e")
		return !strings.ContainsAny(mantissa, "123456789")
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		query := rapid.SliceOfN(queryPair, 0, 4).Draw(t, "query")
		f, err := recording.ParseFilter(query)
		if err != nil {
			return
		}
		shuffled := slices.Clone(query)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(shuffled), func(i, j int) {
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		})
		g, err := recording.ParseFilter(append(shuffled, [2]string{"page_size", "7"}, [2]string{"_", "1"}))
		if err != nil || f.Canonical() != g.Canonical() {
			t.Errorf("Canonical of %q = %q, but that of %q = %q, %v", query, f.Canonical(), shuffled, g.Canonical(), err)
		}
	})
	seen := map[string][][2]string{}
	for _, query := range [][][2]string{
		nil,
		{{"filter_a", "b"}},
		{{"filter_a", "b"}, {"filter_c", "d"}},
		{{"filter_a", `b"&"filter_c"="d`}},
		{{"filter_a", "b&filter_c=d"}},
		{{"filter_a=b&filter_c", "d"}},
		{{"filter_a", "\xff"}},
		{{"filter_a", "\ufffd"}},
		{{"filter_a", ""}},
		{{"filter_not_a", "b"}},
		{{"has_key", "a"}},
		{{"modified_from", "5"}},
		{{"modified_to", "5"}},
	} {
		f, err := recording.ParseFilter(query)
		if err != nil {
			t.Fatal(err)
		}
		if other, duplicate := seen[f.Canonical()]; duplicate {
			t.Errorf("Canonical of %q and of %q are both %q", query, other, f.Canonical())
		}
		seen[f.Canonical()] = query
	}
	f, _ := recording.ParseFilter([][2]string{{"modified_from", "5.2"}})
	g, _ := recording.ParseFilter([][2]string{{"modified_from", "5"}})
	if f.Canonical() != g.Canonical() {
		t.Errorf("Canonical of the same time = %q and %q", f.Canonical(), g.Canonical())
	}
}

func FuzzFilter(f *testing.F) {
	for _, c := range filterCases {
		f.Add(c.name, c.value, sampleText)
	}
	f.Fuzz(func(t *testing.T, name, value, text string) {
		d, err := recording.ParseDocument([]byte(text))
		if err != nil {
			return
		}
		r := &recording.Recording{ID: sampleID, Modified: 6, Document: d}
		query := [][2]string{{name, value}}
		filter, err := recording.ParseFilter(query)
		if errs := recording.FieldErrors(nil); err != nil && (!errors.As(err, &errs) || !strings.HasPrefix(name, "modified_")) {
			t.Fatalf("ParseFilter(%q) = %v", query, err)
		}
		if err != nil {
			return
		}
		if got, want := filter.Match(r), naive(t, query, r); got != want {
			t.Errorf("Match with %q of %s = %v, want %v", query, d, got, want)
		}
	})
}

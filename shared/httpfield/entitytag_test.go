package httpfield

import (
	"slices"
	"strings"
	"testing"
)

func TestEntityTags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value string
		want  []string
	}{
		{``, nil},
		{` , ,`, nil},
		{`*`, []string{`*`}},
		{`"a"`, []string{`"a"`}},
		{`""`, []string{`""`}},
		{`"a","b"`, []string{`"a"`, `"b"`}},
		{`"a" , W/"b"`, []string{`"a"`, `W/"b"`}},
		{`"a,b"`, []string{`"a,b"`}},
		{`"a\","b"`, []string{`"a\"`, `"b"`}},
		{`"a`, nil},
		{`"b", "a`, []string{`"b"`}},
		{`"a"x, "b"`, []string{`"b"`}},
		{`3-abc`, []string{`"3-abc"`}},
		{`3-abc, "b"`, []string{`"3-abc"`, `"b"`}},
		{`a b, "c"`, []string{`"c"`}},
		{`w/"a"`, nil},
	}
	for _, tt := range tests {
		if got := slices.Collect(entityTags(tt.value)); !slices.Equal(got, tt.want) {
			t.Errorf("entityTags(%q) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

func FuzzEntityTags(f *testing.F) {
	for _, seed := range []string{``, `*`, `"a", W/"b"`, `W/`, `W/"`, `"a"b`, `a"b,"c"`, "\t,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for tag := range entityTags(value) {
			opaque := strings.TrimPrefix(tag, "W/")
			quoted := len(opaque) >= 2 && opaque[0] == '"' && opaque[len(opaque)-1] == '"' &&
				!strings.Contains(opaque[1:len(opaque)-1], `"`)
			if tag != "*" && !quoted {
				t.Errorf("entityTags(%q) yields %q", value, tag)
			}
		}
	})
}

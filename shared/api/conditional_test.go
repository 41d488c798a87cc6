package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		at     = "Tue, 21 Nov 2023 10:00:00 GMT"
		before = "Tue, 21 Nov 2023 09:59:59 GMT"
		after  = "Tue, 21 Nov 2023 10:00:01 GMT"
	)
	v := validators{etag: `"a"`, modified: time.Date(2023, 11, 21, 10, 0, 0, 400e6, time.UTC)}
	tests := []struct {
		name   string
		header http.Header
		want   verdict
	}{
		{"nothing", nil, proceed},
		{"If-Match same", http.Header{"If-Match": {`"a"`}}, proceed},
		{"If-Match bare revision", http.Header{"If-Match": {`a`}}, proceed},
		{"If-Match in list", http.Header{"If-Match": {`"x", "a"`}}, proceed},
		{"If-Match on second line", http.Header{"If-Match": {`"x"`, `"a"`}}, proceed},
		{"If-Match any", http.Header{"If-Match": {`*`}}, proceed},
		{"If-Match other", http.Header{"If-Match": {`"x"`}}, failed},
		{"If-Match weak", http.Header{"If-Match": {`W/"a"`}}, failed},
		{"If-Match empty", http.Header{"If-Match": {``}}, failed},
		{"If-Match rubbish", http.Header{"If-Match": {`"a`}}, failed},
		{"If-Match beats date", http.Header{"If-Match": {`"a"`}, "If-Unmodified-Since": {before}}, proceed},
		{"If-Unmodified-Since same second", http.Header{"If-Unmodified-Since": {at}}, proceed},
		{"If-Unmodified-Since before", http.Header{"If-Unmodified-Since": {before}}, failed},
		{"If-Unmodified-Since rubbish", http.Header{"If-Unmodified-Since": {"yesterday"}}, proceed},

		{"If-None-Match same", http.Header{"If-None-Match": {`"a"`}}, notModified},
		{"If-None-Match weak", http.Header{"If-None-Match": {`W/"a"`}}, notModified},
		{"If-None-Match any", http.Header{"If-None-Match": {`*`}}, notModified},
		{"If-None-Match in list", http.Header{"If-None-Match": {`"x" , W/"a"`}}, notModified},
		{"If-None-Match other", http.Header{"If-None-Match": {`"x"`}}, proceed},
		{"If-None-Match beats date", http.Header{"If-None-Match": {`"x"`}, "If-Modified-Since": {after}}, proceed},
		{"If-Modified-Since same second", http.Header{"If-Modified-Since": {at}}, notModified},
		{"If-Modified-Since after", http.Header{"If-Modified-Since": {after}}, notModified},
		{"If-Modified-Since before", http.Header{"If-Modified-Since": {before}}, proceed},
		{"If-Modified-Since rubbish", http.Header{"If-Modified-Since": {"0"}}, proceed},

		{"412 goes before 304", http.Header{"If-Match": {`"x"`}, "If-None-Match": {`"a"`}}, failed},
		{"304 after If-Match", http.Header{"If-Match": {`"a"`}, "If-None-Match": {`"a"`}}, notModified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := v.judge(tt.header); got != tt.want {
				t.Errorf("judge(%v) = %v, want %v", tt.header, got, tt.want)
			}
		})
	}
}

func TestJudgeWithoutDate(t *testing.T) {
	t.Parallel()
	v := validators{etag: `"a"`}
	for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		h := http.Header{name: {"Tue, 21 Nov 1995 10:00:00 GMT"}}
		if got := v.judge(h); got != proceed {
			t.Errorf("judge(%v) = %v, want %v", h, got, proceed)
		}
	}
}

func TestResumes(t *testing.T) {
	t.Parallel()
	v := validators{etag: `"a"`, modified: time.Date(2023, 11, 21, 10, 0, 0, 400e6, time.UTC)}
	tests := []struct {
		ifRange string
		want    bool
	}{
		{"", true},
		{`"a"`, true},
		{`W/"a"`, false},
		{`"b"`, false},
		{`*`, false},
		{`"a", "b"`, false},
		{"Tue, 21 Nov 2023 10:00:00 GMT", true},
		{"Tue, 21 Nov 2023 10:00:01 GMT", false},
		{"Tue, 21 Nov 2023 09:59:59 GMT", false},
		{"rubbish", false},
	}
	for _, tt := range tests {
		if got := v.resumes(http.Header{"If-Range": {tt.ifRange}}); got != tt.want {
			t.Errorf("resumes(%q) = %v, want %v", tt.ifRange, got, tt.want)
		}
	}
}

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
				t.Errorf("entityTags(%q) gives %q", value, tag)
			}
		}
	})
}

package httpfield

import (
	"net/http"
	"testing"
	"time"
)

func TestEvaluate(t *testing.T) {
	t.Parallel()
	const (
		at     = "Tue, 21 Nov 2023 10:00:00 GMT"
		before = "Tue, 21 Nov 2023 09:59:59 GMT"
		after  = "Tue, 21 Nov 2023 10:00:01 GMT"
	)
	v := Validators{ETag: `"a"`, Modified: time.Date(2023, 11, 21, 10, 0, 0, 400e6, time.UTC)}
	tests := []struct {
		name   string
		header http.Header
		want   Outcome
	}{
		{"no conditions", nil, Proceed},
		{"If-Match same tag", http.Header{"If-Match": {`"a"`}}, Proceed},
		{"If-Match bare revision", http.Header{"If-Match": {`a`}}, Proceed},
		{"If-Match in list", http.Header{"If-Match": {`"x", "a"`}}, Proceed},
		{"If-Match on the second line", http.Header{"If-Match": {`"x"`, `"a"`}}, Proceed},
		{"If-Match *", http.Header{"If-Match": {`*`}}, Proceed},
		{"If-Match other tag", http.Header{"If-Match": {`"x"`}}, PreconditionFailed},
		{"If-Match weak", http.Header{"If-Match": {`W/"a"`}}, PreconditionFailed},
		{"If-Match empty", http.Header{"If-Match": {``}}, PreconditionFailed},
		{"If-Match malformed", http.Header{"If-Match": {`"a`}}, PreconditionFailed},
		{"If-Match overrides the date", http.Header{"If-Match": {`"a"`}, "If-Unmodified-Since": {before}}, Proceed},
		{"If-Unmodified-Since same second", http.Header{"If-Unmodified-Since": {at}}, Proceed},
		{"If-Unmodified-Since before", http.Header{"If-Unmodified-Since": {before}}, PreconditionFailed},
		{"If-Unmodified-Since malformed", http.Header{"If-Unmodified-Since": {"yesterday"}}, Proceed},

		{"If-None-Match same tag", http.Header{"If-None-Match": {`"a"`}}, NotModified},
		{"If-None-Match weak", http.Header{"If-None-Match": {`W/"a"`}}, NotModified},
		{"If-None-Match *", http.Header{"If-None-Match": {`*`}}, NotModified},
		{"If-None-Match in list", http.Header{"If-None-Match": {`"x" , W/"a"`}}, NotModified},
		{"If-None-Match other tag", http.Header{"If-None-Match": {`"x"`}}, Proceed},
		{"If-None-Match overrides the date", http.Header{"If-None-Match": {`"x"`}, "If-Modified-Since": {after}}, Proceed},
		{"If-Modified-Since same second", http.Header{"If-Modified-Since": {at}}, NotModified},
		{"If-Modified-Since after", http.Header{"If-Modified-Since": {after}}, NotModified},
		{"If-Modified-Since before", http.Header{"If-Modified-Since": {before}}, Proceed},
		{"If-Modified-Since malformed", http.Header{"If-Modified-Since": {"0"}}, Proceed},

		{"412 takes precedence over 304", http.Header{"If-Match": {`"x"`}, "If-None-Match": {`"a"`}}, PreconditionFailed},
		{"304 once If-Match holds", http.Header{"If-Match": {`"a"`}, "If-None-Match": {`"a"`}}, NotModified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := v.Evaluate(tt.header); got != tt.want {
				t.Errorf("Evaluate(%v) = %v, want %v", tt.header, got, tt.want)
			}
		})
	}
}

func TestEvaluateWithoutDate(t *testing.T) {
	t.Parallel()
	v := Validators{ETag: `"a"`}
	for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		h := http.Header{name: {"Tue, 21 Nov 1995 10:00:00 GMT"}}
		if got := v.Evaluate(h); got != Proceed {
			t.Errorf("Evaluate(%v) = %v, want %v", h, got, Proceed)
		}
	}
}

func TestAllowsRange(t *testing.T) {
	t.Parallel()
	v := Validators{ETag: `"a"`, Modified: time.Date(2023, 11, 21, 10, 0, 0, 400e6, time.UTC)}
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
		if got := v.AllowsRange(http.Header{"If-Range": {tt.ifRange}}); got != tt.want {
			t.Errorf("AllowsRange(%q) = %v, want %v", tt.ifRange, got, tt.want)
		}
	}
}

func TestAllowsWrite(t *testing.T) {
	t.Parallel()
	v := Validators{ETag: `"a"`}
	tests := []struct {
		ifMatch []string
		want    bool
	}{
		{nil, true},
		{[]string{`"a"`}, true},
		{[]string{`a`}, true},
		{[]string{`*`}, true},
		{[]string{`"b"`, `"a"`}, true},
		{[]string{`"b"`}, false},
		{[]string{`W/"a"`}, false},
		{[]string{``}, false},
	}
	for _, tt := range tests {
		if got := v.AllowsWrite(http.Header{"If-Match": tt.ifMatch}); got != tt.want {
			t.Errorf("AllowsWrite(%q) = %v, want %v", tt.ifMatch, got, tt.want)
		}
	}
}

func TestHasConditions(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"If-Match": true, "If-None-Match": true, "If-Modified-Since": true, "If-Unmodified-Since": true,
		"If-Range": false, "Range": false, "Etag": false,
	} {
		if got := HasConditions(http.Header{header: {""}}); got != want {
			t.Errorf("HasConditions with %s = %t, want %t", header, got, want)
		}
	}
}

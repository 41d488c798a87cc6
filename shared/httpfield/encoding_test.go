package httpfield

import "testing"

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		header string
		want   bool
	}{
		{"", false},
		{"gzip", true},
		{"GZIP", true},
		{"x-gzip", true},
		{"deflate, gzip;q=1.0, *;q=0.5", true},
		{"gzip;q=0", false},
		{"gzip; q=0.000", false},
		{"gzip ; q = 0.001", true},
		{"*", true},
		{"*;q=0", false},
		{"*, gzip;q=0", false},
		{"gzip;q=0, *", false},
		{"*;q=0, gzip", true},
		{"deflate, br", false},
		{"identity", false},
		{"identity, gzip", true},
		{"identity, gzip;q=0.5", false},
		{"identity;q=0.5, gzip;q=0.5", true},
		{"identity;q=0", false},
		{"gzip;q=x", false},
		{"gzip;level=9", false},
		{"gzipped", false},
		{",,gzip,,", true},
	} {
		if got := AcceptsGzip([]string{tt.header}); got != tt.want {
			t.Errorf("AcceptsGzip(%q) = %t, want %t", tt.header, got, tt.want)
		}
	}
	if AcceptsGzip(nil) {
		t.Error("AcceptsGzip(nil) = true, want false")
	}
}

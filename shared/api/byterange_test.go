package api

import (
	"math"
	"strconv"
	"testing"

	"callrecordings/shared/media"

	"pgregory.net/rapid"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	whole, beyond := media.Part{}, media.Part{}
	tests := []struct {
		header string
		size   int64
		want   media.Part
		extent extent
	}{
		{"", 10, whole, extentWhole},
		{"bytes=0-", 10, media.Part{Offset: 0, Length: 10}, extentPart},
		{"bytes=0-9", 10, media.Part{Offset: 0, Length: 10}, extentPart},
		{"bytes=0-0", 10, media.Part{Offset: 0, Length: 1}, extentPart},
		{"bytes=9-9", 10, media.Part{Offset: 9, Length: 1}, extentPart},
		{"bytes=3-", 10, media.Part{Offset: 3, Length: 7}, extentPart},
		{"bytes=3-99", 10, media.Part{Offset: 3, Length: 7}, extentPart},
		{"bytes=003-0004", 10, media.Part{Offset: 3, Length: 2}, extentPart},
		{"bytes=-3", 10, media.Part{Offset: 7, Length: 3}, extentPart},
		{"bytes=-10", 10, media.Part{Offset: 0, Length: 10}, extentPart},
		{"bytes=-99", 10, media.Part{Offset: 0, Length: 10}, extentPart},
		{"BYTES=1-2", 10, media.Part{Offset: 1, Length: 2}, extentPart},
		{"bytes= 1-2 ", 10, media.Part{Offset: 1, Length: 2}, extentPart},
		{"bytes=,1-2,", 10, media.Part{Offset: 1, Length: 2}, extentPart},
		{"bytes=3-99999999999999999999999", 10, media.Part{Offset: 3, Length: 7}, extentPart},
		{"bytes=-99999999999999999999999", 10, media.Part{Offset: 0, Length: 10}, extentPart},
		{"bytes=0-9223372036854775807", math.MaxInt64, media.Part{Length: math.MaxInt64}, extentPart},

		{"bytes=10-", 10, beyond, extentBeyond},
		{"bytes=10-20", 10, beyond, extentBeyond},
		{"bytes=99999999999999999999999-", 10, beyond, extentBeyond},
		{"bytes=-0", 10, beyond, extentBeyond},
		{"bytes=0-", 0, beyond, extentBeyond},
		{"bytes=0-0", 0, beyond, extentBeyond},
		{"bytes=-0", 0, beyond, extentBeyond},
		{"bytes=-5", 0, whole, extentWhole},

		{"bytes=0-1,3-4", 10, whole, extentWhole},
		{"bytes=0-1,x", 10, whole, extentWhole},
		{"bytes=20-30,40-50", 10, whole, extentWhole},
		{"lines=0-1", 10, whole, extentWhole},
		{"bytes", 10, whole, extentWhole},
		{"bytes=", 10, whole, extentWhole},
		{"bytes=-", 10, whole, extentWhole},
		{"bytes=--3", 10, whole, extentWhole},
		{"bytes=5-2", 10, whole, extentWhole},
		{"bytes=1 - 2", 10, whole, extentWhole},
		{"bytes =1-2", 10, whole, extentWhole},
		{"bytes=+1-2", 10, whole, extentWhole},
		{"bytes=0x1-2", 10, whole, extentWhole},
		{"bytes=1-2-3", 10, whole, extentWhole},
		{"bytes=١-٢", 10, whole, extentWhole},
		{"0-1", 10, whole, extentWhole},
	}
	for _, tt := range tests {
		got, extent := parseRange(tt.header, tt.size)
		if got != tt.want || extent != tt.extent {
			t.Errorf("parseRange(%q, %d) = %v, %v, want %v, %v", tt.header, tt.size, got, extent, tt.want, tt.extent)
		}
	}
}

// Whatever is asked, the part is what slicing the bytes would give.
func TestParseRangeIsSlicing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 40).Draw(t, "size")
		from := rapid.Int64Range(-1, 50).Draw(t, "from")
		to := rapid.Int64Range(-1, 50).Draw(t, "to")
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i)
		}
		text := func(n int64) string {
			if n < 0 {
				return ""
			}
			return strconv.FormatInt(n, 10)
		}
		header := "bytes=" + text(from) + "-" + text(to)
		var want []byte
		ignored := false
		switch {
		case from < 0 && to < 0, from >= 0 && to >= 0 && to < from:
			ignored = true
		case from < 0:
			want = data[max(0, size-to):]
			ignored = size == 0 && to > 0
		case to < 0:
			want = data[min(from, size):]
		default:
			want = data[min(from, size):min(to+1, size)]
		}
		part, extent := parseRange(header, size)
		switch {
		case ignored:
			if extent != extentWhole {
				t.Fatalf("parseRange(%q, %d) = %v, %v, want it ignored", header, size, part, extent)
			}
		case len(want) == 0:
			if extent != extentBeyond {
				t.Fatalf("parseRange(%q, %d) = %v, %v, want it beyond", header, size, part, extent)
			}
		case extent != extentPart || string(data[part.Offset:part.Offset+part.Length]) != string(want):
			t.Fatalf("parseRange(%q, %d) = %v, %v, want %v", header, size, part, extent, want)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	f.Add("bytes=0-", int64(10))
	f.Add("bytes=-5", int64(0))
	f.Add("bytes=9223372036854775807-9223372036854775807", int64(math.MaxInt64))
	f.Add(`bytes="1-2`, int64(3))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		p, extent := parseRange(header, size)
		if extent == extentPart && (p.Offset < 0 || p.Length < 1 || p.Length > size-p.Offset) {
			t.Errorf("parseRange(%q, %d) = %v, outside of the bytes", header, size, p)
		}
		if extent != extentPart && p != (media.Part{}) {
			t.Errorf("parseRange(%q, %d) = %v with %v", header, size, p, extent)
		}
	})
}

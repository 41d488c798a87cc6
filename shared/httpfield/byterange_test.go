package httpfield

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	var none ByteRange
	tests := []struct {
		header string
		size   int64
		want   ByteRange
		extent Extent
	}{
		{"", 10, none, Whole},
		{"bytes=0-", 10, ByteRange{Offset: 0, Length: 10}, Partial},
		{"bytes=0-9", 10, ByteRange{Offset: 0, Length: 10}, Partial},
		{"bytes=0-0", 10, ByteRange{Offset: 0, Length: 1}, Partial},
		{"bytes=9-9", 10, ByteRange{Offset: 9, Length: 1}, Partial},
		{"bytes=3-", 10, ByteRange{Offset: 3, Length: 7}, Partial},
		{"bytes=3-99", 10, ByteRange{Offset: 3, Length: 7}, Partial},
		{"bytes=003-0004", 10, ByteRange{Offset: 3, Length: 2}, Partial},
		{"bytes=-3", 10, ByteRange{Offset: 7, Length: 3}, Partial},
		{"bytes=-10", 10, ByteRange{Offset: 0, Length: 10}, Partial},
		{"bytes=-99", 10, ByteRange{Offset: 0, Length: 10}, Partial},
		{"BYTES=1-2", 10, ByteRange{Offset: 1, Length: 2}, Partial},
		{"bytes= 1-2 ", 10, ByteRange{Offset: 1, Length: 2}, Partial},
		{"bytes=,1-2,", 10, ByteRange{Offset: 1, Length: 2}, Partial},
		{"bytes=3-99999999999999999999999", 10, ByteRange{Offset: 3, Length: 7}, Partial},
		{"bytes=-99999999999999999999999", 10, ByteRange{Offset: 0, Length: 10}, Partial},
		{"bytes=0-9223372036854775807", math.MaxInt64, ByteRange{Length: math.MaxInt64}, Partial},

		{"bytes=10-", 10, none, Unsatisfiable},
		{"bytes=10-20", 10, none, Unsatisfiable},
		{"bytes=99999999999999999999999-", 10, none, Unsatisfiable},
		{"bytes=-0", 10, none, Unsatisfiable},
		{"bytes=0-", 0, none, Unsatisfiable},
		{"bytes=0-0", 0, none, Unsatisfiable},
		{"bytes=-0", 0, none, Unsatisfiable},
		{"bytes=-5", 0, none, Whole},

		{"bytes=0-1,3-4", 10, none, Whole},
		{"bytes=0-1,x", 10, none, Whole},
		{"bytes=20-30,40-50", 10, none, Whole},
		{"lines=0-1", 10, none, Whole},
		{"bytes", 10, none, Whole},
		{"bytes=", 10, none, Whole},
		{"bytes=-", 10, none, Whole},
		{"bytes=--3", 10, none, Whole},
		{"bytes=5-2", 10, none, Whole},
		{"bytes=1 - 2", 10, none, Whole},
		{"bytes =1-2", 10, none, Whole},
		{"bytes=+1-2", 10, none, Whole},
		{"bytes=0x1-2", 10, none, Whole},
		{"bytes=1-2-3", 10, none, Whole},
		{"bytes=١-٢", 10, none, Whole},
		{"0-1", 10, none, Whole},
	}
	for _, tt := range tests {
		got, extent := ParseRange(tt.header, tt.size)
		if got != tt.want || extent != tt.extent {
			t.Errorf("ParseRange(%q, %d) = %v, %v, want %v, %v", tt.header, tt.size, got, extent, tt.want, tt.extent)
		}
	}
}

// A range selects the same bytes as slicing does.
func TestParseRangeEqualsSlicing(t *testing.T) {
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
		got, extent := ParseRange(header, size)
		switch {
		case ignored:
			if extent != Whole {
				t.Fatalf("ParseRange(%q, %d) = %v, %v, want it ignored", header, size, got, extent)
			}
		case len(want) == 0:
			if extent != Unsatisfiable {
				t.Fatalf("ParseRange(%q, %d) = %v, %v, want it unsatisfiable", header, size, got, extent)
			}
		case extent != Partial || string(data[got.Offset:got.Offset+got.Length]) != string(want):
			t.Fatalf("ParseRange(%q, %d) = %v, %v, want %v", header, size, got, extent, want)
		}
	})
}

func TestContentRange(t *testing.T) {
	t.Parallel()
	if got, want := (ByteRange{Offset: 3, Length: 7}).ContentRange(12), "bytes 3-9/12"; got != want {
		t.Errorf("ContentRange = %s, want %s", got, want)
	}
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
		r, extent := ParseRange(header, size)
		if extent == Partial && (r.Offset < 0 || r.Length < 1 || r.Length > size-r.Offset) {
			t.Errorf("ParseRange(%q, %d) = %v, which is not within the bytes", header, size, r)
		}
		if extent != Partial && r != (ByteRange{}) {
			t.Errorf("ParseRange(%q, %d) = %v with %v", header, size, r, extent)
		}
	})
}

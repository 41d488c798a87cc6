package httpfield

import (
	"testing"
	"time"
)

func TestPreferredWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header []string
		want   time.Duration
	}{
		{nil, 0},
		{[]string{"wait=10"}, 10 * time.Second},
		{[]string{"respond-async, Wait=5; foo=bar"}, 5 * time.Second},
		{[]string{"respond-async", `wait="7"`}, 7 * time.Second},
		{[]string{"wait=1, wait=9"}, time.Second},
		{[]string{"wait = 3"}, 3 * time.Second},
		{[]string{"wait"}, 0},
		{[]string{"wait=-1"}, 0},
		{[]string{"wait=1e3"}, 0},
		{[]string{"wait=99999999999999999999"}, 0},
		{[]string{"wait=4000000000"}, MaxWait},
		{[]string{"waits=5"}, 0},
	} {
		if got := PreferredWait(c.header); got != c.want {
			t.Errorf("PreferredWait(%q) = %v, want %v", c.header, got, c.want)
		}
	}
}

func FuzzPreferredWait(f *testing.F) {
	for _, seed := range []string{"wait=10", `respond-async, wait="7"; x`, "wait=,wait=5", "=;=,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if got := PreferredWait([]string{header}); got < 0 || got > MaxWait {
			t.Errorf("PreferredWait(%q) = %v", header, got)
		}
	})
}

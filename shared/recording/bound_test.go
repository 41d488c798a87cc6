package recording_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

func TestParseBound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want recording.Seconds // 0: absent
		err  bool
	}{
		{in: "63866880000", want: 63866880000},
		{in: "1", want: 1},
		{in: "+1", want: 1},
		{in: "007", want: 7},
		{in: "1.4", want: 1},
		{in: "1.5", want: 2},
		{in: "0.5", want: 1},
		{in: "6.386688e10", want: 63866880000},
		{in: "99999999999", want: recording.MaxSeconds},
		{in: "100000000000", want: recording.MaxSeconds},
		{in: "1e400", want: recording.MaxSeconds},
		{in: ""},
		{in: "undefined"},
		{in: "null"},
		{in: "NaN"},
		{in: "0"},
		{in: "0.4"},
		{in: "-1"},
		{in: "-0.5"},
		{in: "-1e400"},
		{in: "1e-400"},
		{in: "946684799", want: 946684799},
		{in: "4102444801", want: 4102444801},
		{in: "999999999999", want: recording.MaxSeconds},
		{in: "9999999999999", want: recording.MaxSeconds},
		{in: "2026-01-31T09:30:00Z", want: 63937071000},
		{in: "2026-01-31T10:30:00+01:00", want: 63937071000},
		{in: "2026-01-31T10:30:00 01:00", want: 63937071000},
		{in: "2026-01-31T04:00:00-05:30", want: 63937071000},
		{in: "2026-01-31T09:29:59.5Z", want: 63937071000},
		{in: "2026-01-31T09:30:00.4Z", want: 63937071000},
		{in: "0000-01-01T00:00:01Z", want: 1},
		{in: "0000-01-01T00:00:00Z"},
		{in: "0000-01-01T00:00:00+01:00"},
		{in: "9999-12-31T23:59:59-23:59", want: 315569606339},
		{in: "2026-01-31", err: true},
		{in: "2026-01-31T09:30:00", err: true},
		{in: "2026-01-31T09:30Z", err: true},
		{in: "2026-02-30T09:30:00Z", err: true},
		{in: "2026-01-31T24:00:00Z", err: true},
		{in: "2026-01-31T09:30:00 0100", err: true},
		{in: "2026-01-31T09:30:00ZZ", err: true},
		{in: "1769851800", err: true},
		{in: "1769851800.4", err: true},
		{in: "1.7698518e9", err: true},
		{in: "1769851800123", err: true},
		{in: "nan", err: true},
		{in: "Inf", err: true},
		{in: "-Infinity", err: true},
		{in: "0x10", err: true},
		{in: "0x1p4", err: true},
		{in: "1_000", err: true},
		{in: "1e", err: true},
		{in: "e", err: true},
		{in: "--1", err: true},
		{in: "1.2.3", err: true},
		{in: " 1", err: true},
		{in: "1 ", err: true},
		{in: "1,5", err: true},
		{in: "now", err: true},
		{in: "NULL", err: true},
		{in: "\x00", err: true},
		{in: "٣", err: true},
	} {
		got, ok, err := recording.ParseBound(c.in)
		if got != c.want || ok != (c.want != 0) || (err != nil) != c.err {
			t.Errorf("ParseBound(%q) = %d, %v, %v, want %d, error %v", c.in, got, ok, err, c.want, c.err)
		}
		if f := (recording.FieldError{}); c.err && !errors.As(err, &f) {
			t.Errorf("ParseBound(%q) = %v, want a FieldError", c.in, err)
		}
	}
}

// A Unix time is rejected with the Gregorian seconds that were meant.
func TestParseBoundUnixTime(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]recording.Seconds{
		"1769851800":    63937071000,
		"1769851800.4":  63937071000,
		"1769851800123": 63937071000,
		"946684800":     63113904000,
		"4102444800":    66269664000,
		"1100000000000": 63267219200,
	} {
		_, ok, err := recording.ParseBound(in)
		var f recording.FieldError
		if ok || !errors.As(err, &f) || f.Code != "wrong_format" || f.Target != want ||
			f.Message != "This is a Unix time; in Gregorian seconds it is "+strconv.FormatInt(int64(want), 10) {
			t.Errorf("ParseBound(%q) = %v, %#v, want %d named", in, ok, err, want)
		}
	}
}

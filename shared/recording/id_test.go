package recording_test

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, id string
		ok       bool
	}{
		{"Kazoo's ID", "202311-6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071", true},
		{"all allowed characters", "202311-azAZ09_.@-", true},
		{"one character", "202311-x", true},
		{"128 characters", "202311-" + strings.Repeat("x", 128), true},
		{"nonexistent month", "202399-x", true},
		{"129 characters", "202311-" + strings.Repeat("x", 129), false},
		{"empty text", "", false},
		{"month only", "202311", false},
		{"nothing after the hyphen", "202311-", false},
		{"no month", "6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071", false},
		{"letters as the month", "abcdef-x", false},
		{"five-digit month", "20231-xx", false},
		{"no hyphen", "202311x6b3c", false},
		{"slash", "202311-a/b", false},
		{"percent", "202311-a%2Fb", false},
		{"space", "202311-a b", false},
		{"line break", "202311-a\n", false},
		{"NUL", "202311-\x00", false},
		{"non-ASCII", "202311-ä", false},
		{"digits of another script", "٢٠٢٣١١-x", false},
		{"separator of sort keys", "202311-a#b", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := recording.ParseID(c.id)
			if c.ok && (err != nil || got != c.id) {
				t.Errorf("ParseID(%q) = %q, %v, want the same", c.id, got, err)
			}
			if !c.ok && (!errors.Is(err, recording.ErrBadID) || got != "") {
				t.Errorf("ParseID(%q) = %q, %v, want ErrBadID", c.id, got, err)
			}
		})
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	// Half an hour after the new year in Berlin is still December in UTC.
	at := recording.SecondsOf(time.Date(2024, 1, 1, 0, 30, 0, 0, time.FixedZone("CET", 3600)))
	got, err := recording.NewID(at, bytes.NewReader([]byte("0123456789abcdef")))
	if want := "202312-30313233343536373839616263646566"; err != nil || got != want {
		t.Errorf("NewID(%d) = %q, %v, want %q", at, got, err, want)
	}
	if got, err := recording.NewID(at, strings.NewReader("too short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("NewID(%d) with a short reader = %q, %v, want ErrUnexpectedEOF", at, got, err)
	}
	if got, err := recording.NewID(1<<45, iotest.DataErrReader(bytes.NewReader(make([]byte, 16)))); !errors.Is(err, recording.ErrBadID) {
		t.Errorf("NewID(1<<45) = %q, %v, want ErrBadID", got, err)
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	at := time.Date(2023, 11, 21, 10, 0, 0, 999, time.UTC)
	// kazoo.md: Gregorian seconds are unix + 62167219200.
	if got, want := recording.SecondsOf(at), recording.Seconds(1700560800+62167219200); got != want {
		t.Errorf("SecondsOf(%v) = %d, want %d", at, got, want)
	}
	if got, want := recording.SecondsOf(at).Time(), at.Truncate(time.Second); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("Time() = %v, want %v", got, want)
	}
	if got := recording.SecondsIn(2*time.Minute + 999*time.Millisecond); got != 120 {
		t.Errorf("SecondsIn of 2 minutes and a fraction of a second = %d, want 120", got)
	}
}

func TestAudioKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    recording.Recording
		want string
	}{
		{recording.Recording{Account: "acc", ID: "202311-x"}, "recordings/acc/202311/202311-x"},
		{recording.Recording{Account: "acc", ID: "x"}, "recordings/acc/x/x"},
		{recording.Recording{ID: "202311-x", Audio: recording.Audio{Key: "elsewhere"}}, "elsewhere"},
	} {
		if got := c.r.AudioKey(); got != c.want {
			t.Errorf("AudioKey(%s) = %q, want %q", c.r.ID, got, c.want)
		}
	}
}

// Imported keys have a prefix for each account and month. The bucket sends no
// notifications for them.
func TestImportedKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ account, id, want string }{
		{"acc", "202311-x", "imported/acc/202311/202311-x"},
		{"A_-9", "202311-Odd_.@-", "imported/A_-9/202311/202311-Odd_.@-"},
		{"acc", "x", "imported/acc/x/x"},
		{"recordings", "202311-x", "imported/recordings/202311/202311-x"},
	} {
		got := recording.ImportedKey(c.account, c.id)
		if got != c.want {
			t.Errorf("ImportedKey(%q, %q) = %q, want %q", c.account, c.id, got, c.want)
		}
		if account, id, ok := recording.ParseKey(got); ok {
			t.Errorf("ParseKey(%q) = %q, %q, want ok = false", got, account, id)
		}
		if account, name, ok := recording.ParseInboxKey(got); ok {
			t.Errorf("ParseInboxKey(%q) = %q, %q, want ok = false", got, account, name)
		}
		if own := (&recording.Recording{Account: c.account, ID: c.id, Audio: recording.Audio{Key: got}}).AudioKey(); own != got {
			t.Errorf("AudioKey() = %q, want %q", own, got)
		}
	}
}

var idPattern = regexp.MustCompile(`^[0-9]{6}-[A-Za-z0-9_.@-]{1,128}\z`)

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"202311-6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071", "202311-", "abcdef-x", "202311-x\n", "", "202311-ä"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := recording.ParseID(s)
		if want := idPattern.MatchString(s); want != (err == nil) || want && got != s {
			t.Errorf("ParseID(%q) = %q, %v, want ok = %v", s, got, err, want)
		}
	})
}

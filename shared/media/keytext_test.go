package media_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/media"
)

func TestKeyText(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"recordings/A/202601/202601-call":        "recordings/A/202601/202601-call",
		"recordings/A/202601/202601-call~0a1b":   "recordings/A/202601/202601-call~0a1b",
		"imported/A/202601/202601-call":          "imported/A/202601/202601-call",
		"set-aside/A/202601/202601-call":         "set-aside/A/202601/202601-call",
		"inbox/":                                 "inbox/",
		"inbox/A/":                               "inbox/A/",
		"inbox/A/out-+15559998877-1001.wav":      "inbox/A/#",
		"inbox/A/2026/15559998877.wav":           "inbox/A/#",
		"inbox/A/202601/202601-15559998877":      "inbox/A/#",
		"inbox/A//15559998877.wav":               "inbox/A/#",
		"set-aside/inbox/A/15559998877.wav":      "set-aside/inbox/A/#",
		"recordings/A/15559998877.wav":           "recordings/A/#",
		"recordings/A/202601/202601-a/555.wav":   "recordings/A/#",
		"recordings/A/202601/202602-15559998877": "recordings/A/#",
		"inbox/15559998877.wav":                  "#",
		"15559998877.wav":                        "#",
	} {
		if want[len(want)-1] == '#' {
			sum := sha256.Sum256([]byte(key))
			want += hex.EncodeToString(sum[:8])
		}
		if got := media.KeyText(key); got != want {
			t.Errorf("KeyText(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stored, stated int64
		want           error
	}{{5, 5, nil}, {5, 0, nil}, {0, 0, nil}, {4, 5, media.ErrNotFound}, {6, 5, media.ErrNotFound}, {0, 5, media.ErrNotFound}} {
		if err := (media.Object{Size: c.stored}).Whole("inbox/A/1555.wav", c.stated); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("Whole with %d bytes instead of %d = %v, want %v", c.stored, c.stated, err, c.want)
		}
	}
}

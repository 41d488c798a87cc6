//go:build e2e && linux

package s3server_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
)

// 100 objects with their types, and ten deletions, survive a power cut immediately or
// up to 25 s after the answers. Linux writes data back after up to 30 s. Each power cut
// uses its own ext4 file system on a loop device, so the test needs root and loop
// devices. It fails without them.
func TestAPowerCutLosesNothing(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 10 * time.Second, 25 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			cutAfter(t, after)
		})
	}
}

func cutAfter(t *testing.T, after time.Duration) {
	disk := given.NewDisk(t)
	o := options(filepath.Join(disk.Path, "data"))
	reported := map[string]bool{}
	o.Created = func(_ context.Context, event []byte) { reported[string(event)] = true }
	s, stop := start(t, o)
	b := bucket(t, s, "local", "secret")
	key := func(n int) string { return fmt.Sprintf("recordings/account-%d/202611/%d", n%7, n) }
	const objects = 100
	for n := range objects {
		put(t, b, key(n), "audio/ogg", text(n))
	}
	for n := range 10 {
		if err := b.Remove(t.Context(), key(n)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(after)
	disk.Cut()
	stop()
	http.DefaultClient.CloseIdleConnections()
	disk.Remount()

	s, stop = start(t, o)
	b = bucket(t, s, "local", "secret")
	for n := range objects {
		if n < 10 {
			if _, err := b.Stat(t.Context(), key(n)); err == nil {
				t.Errorf("%s is there again", key(n))
			}
			continue
		}
		wantObject(t, b, key(n), "audio/ogg", text(n))
	}
	if damaged, err := s.Damaged(t.Context(), time.Time{}); err != nil || len(damaged) > 0 {
		t.Errorf("Damaged = %q, %v, want none", damaged, err)
	}
	if len(reported) != objects {
		t.Errorf("%d events, want %d", len(reported), objects)
	}
	stop()
}

// text returns the bytes of object n: 100 to 110 KB.
func text(n int) string { return strings.Repeat(fmt.Sprintf("audio %d.", n), 12_000) }

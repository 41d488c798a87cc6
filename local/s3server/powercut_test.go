//go:build e2e && linux

package s3server_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// shutdown is EXT4_IOC_SHUTDOWN, and withoutFlush its mode that loses everything
// that is not on the disk yet (fs/ext4/ext4.h of Linux).
const (
	shutdown     = 0x8004587d
	withoutFlush = 2
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
	image, disk := filepath.Join(t.TempDir(), "image"), t.TempDir()
	run(t, "truncate", "-s", "256M", image)
	run(t, "mkfs.ext4", "-q", "-F", image)
	run(t, "mount", "-o", "loop", image, disk)
	mounted := true
	t.Cleanup(func() {
		if mounted {
			run(t, "umount", disk)
		}
	})
	o := options(filepath.Join(disk, "data"))
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
	cutOff(t, disk)
	stop()
	http.DefaultClient.CloseIdleConnections()
	run(t, "umount", disk)
	run(t, "mount", "-o", "loop", image, disk)

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
	if damaged, err := s.Damaged(time.Time{}); err != nil || len(damaged) > 0 {
		t.Errorf("Damaged = %q, %v, want none", damaged, err)
	}
	if len(reported) != objects {
		t.Errorf("%d events, want %d", len(reported), objects)
	}
	stop()
	run(t, "umount", disk)
	mounted = false
}

// text returns the bytes of object n: 100 to 110 KB.
func text(n int) string { return strings.Repeat(fmt.Sprintf("audio %d.", n), 12_000) }

// cutOff makes the file system of dir drop all data that is not yet on the disk.
func cutOff(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // the file system is gone
	mode := uint32(withoutFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&mode))); errno != 0 {
		t.Fatalf("EXT4_IOC_SHUTDOWN: %v", errno)
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s\nThis test needs root, ext4 and loop devices.", name, strings.Join(args, " "), err, out)
	}
}

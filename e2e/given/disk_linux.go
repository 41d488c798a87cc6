package given

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// shutdown is EXT4_IOC_SHUTDOWN, and withoutFlush its mode that loses everything
// that is not on the disk yet (fs/ext4/ext4.h of Linux).
const (
	shutdown     = 0x8004587d
	withoutFlush = 2
)

// Disk is an ext4 file system on a loop device. A test can cut its power.
type Disk struct {
	// Path is the folder where it is mounted.
	Path string

	t       testing.TB
	image   string
	mounted bool
}

// NewDisk makes and mounts a file system of 256 MB. The test needs root, ext4 and loop
// devices, and fails without them. The disk is unmounted when the test ends.
func NewDisk(t testing.TB) *Disk {
	t.Helper()
	d := &Disk{Path: t.TempDir(), t: t, image: filepath.Join(t.TempDir(), "image")}
	d.run("truncate", "-s", "256M", d.image)
	d.run("mkfs.ext4", "-q", "-F", d.image)
	d.mount()
	t.Cleanup(func() {
		if d.mounted {
			d.unmount()
		}
	})
	return d
}

// Cut makes the file system drop all data that is not on the disk yet. Every access
// then fails until Remount.
func (d *Disk) Cut() {
	d.t.Helper()
	f, err := os.Open(d.Path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // the file system is gone
	mode := uint32(withoutFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&mode))); errno != 0 { //nolint:gosec // the ioctl takes an address
		d.t.Fatalf("EXT4_IOC_SHUTDOWN: %v", errno)
	}
}

// Remount mounts the file system again, as after a power cut. No process may use it.
func (d *Disk) Remount() {
	d.t.Helper()
	d.unmount()
	d.mount()
}

func (d *Disk) mount() {
	d.t.Helper()
	d.run("mount", "-o", "loop", d.image, d.Path)
	d.mounted = true
}

func (d *Disk) unmount() {
	d.t.Helper()
	d.mounted = false
	d.run("umount", d.Path)
}

func (d *Disk) run(name string, args ...string) {
	d.t.Helper()
	ctx := context.WithoutCancel(d.t.Context())                                           // also for the unmount at the end of the test
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil { //nolint:gosec // constant names
		d.t.Fatalf("%s %s: %v: %s\nThis test needs root, ext4 and loop devices.", name, strings.Join(args, " "), err, out)
	}
}

//go:build unix

package connections

import "syscall"

// openFiles returns how many files this process may have open at once, 0 if that is unknown. Go
// has raised the limit as far as the process may when it started.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur) //nolint:unconvert // its type differs between systems
}

package connections

import "testing"

// The connections of both ports, with the files that they open, never take more than the
// process may have open, and leave files for the rest. A high limit allows no more than MaxAPI and MaxS3.
func TestMostFitsIntoTheOpenFiles(t *testing.T) {
	t.Parallel()
	for files, want := range map[uint64]struct{ api, s3 int }{
		0: {4096, 1024}, 256: {24, 16}, 1024: {144, 96}, 2000: {327, 218}, 4096: {720, 480},
		20_000: {4096, 1024}, 1 << 63: {4096, 1024},
	} {
		if api, s3 := mostOf(files); api != want.api || s3 != want.s3 {
			t.Errorf("of %d open files: %d and %d connections, want %d and %d", files, api, s3, want.api, want.s3)
		}
	}
	for files := uint64(2); files < 30_000; files++ {
		api, s3 := mostOf(files)
		if api < 1 || s3 < 1 || files >= 64 && uint64(api*eachAPI+s3*eachS3) > files-min(reserve, files/2) {
			t.Fatalf("of %d open files: %d and %d connections", files, api, s3)
		}
	}
}

// The process has such a limit, or none is known.
func TestMost(t *testing.T) {
	t.Parallel()
	if api, s3 := Most(); api < 1 || api > MaxAPI || s3 < 1 || s3 > MaxS3 {
		t.Errorf("Most = %d, %d", api, s3)
	}
}

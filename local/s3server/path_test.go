package s3server

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// Errors of the disk do not contain the names of objects.
func TestErrorsHaveNoPath(t *testing.T) {
	t.Parallel()
	err := withoutPath(&fs.PathError{Op: "open", Path: "/data/objects/b/inbox/A/15559998877.mp3", Err: fs.ErrPermission})
	if !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "15559998877") || !strings.Contains(err.Error(), "open") {
		t.Errorf("withoutPath = %v, want the operation and the cause without the path", err)
	}
	if got := withoutPath(errNoKey); !errors.Is(got, errNoKey) {
		t.Errorf("withoutPath = %v, want any other error unchanged", got)
	}
	if got := withoutPath(nil); got != nil {
		t.Errorf("withoutPath(nil) = %v, want nil", got)
	}
}

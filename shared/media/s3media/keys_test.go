package s3media

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"callrecordings/shared/media"
)

// Errors name an object of an inbox by its account and a hash, because its key
// holds the numbers of a call.
func TestErrorsDoNotContainNumbers(t *testing.T) {
	t.Parallel()
	const number, key = "15559998877", "inbox/A/out-15559998877.wav"
	for name, c := range map[string]struct {
		dial   bool
		script fault
	}{
		"no connection": {dial: true, script: ok}, "missing": {script: answer(404, "NoSuchKey")}, "denied": {script: answer(403, "AccessDenied")},
		"changed": {script: answer(412, "PreconditionFailed")}, "not a part": {script: ok}, "cut": {script: cut},
	} {
		var dial func(context.Context) error
		if c.dial {
			dial = func(context.Context) error { return syscall.ECONNREFUSED }
		}
		withFake(t, dial, []fault{c.script}, func(t *testing.T, f *fakeStore) {
			ctx := t.Context()
			_, stat := f.Stat(ctx, key)
			_, examine := f.Examine(ctx, key)
			_, list := f.List(ctx, "inbox/A/", key)
			body, _, open := f.Open(ctx, key, "", &media.Part{Offset: 1, Length: 2})
			if open == nil {
				_ = body.Close()
			}
			_, presign := f.Presign(ctx, key, media.Grant{})
			_, presignPut := f.PresignPut(ctx, key, media.Admission{TTL: time.Minute, SHA256: "x"})
			for _, err := range []error{
				stat, examine, list, open, presign, presignPut, f.Remove(ctx, key), f.Copy(ctx, key, "e", "set-aside/"+key),
				f.PutNew(ctx, key, "audio/wav", []byte("x")), f.Put(ctx, key, "audio/wav", strings.NewReader("x"), 1),
				f.Put(ctx, key, "audio/wav", bytes.NewReader(nil), -1), f.Put(ctx, key, "audio/wav", strings.NewReader("xx"), 1),
				f.Put(ctx, key, "audio/wav", bytes.NewReader(nil), 1), f.Put(ctx, key, "audio/wav", bytes.NewReader(make([]byte, minPart+1)), minPart+1),
			} {
				if strings.Contains(fmt.Sprint(err), number) {
					t.Errorf("%s: the error contains the number: %v", name, err)
				}
			}
			if !strings.Contains(fmt.Sprint(stat), "inbox/A/#") && name != "not a part" && name != "cut" && name != "missing" {
				t.Errorf("%s: the error does not name the account: %v", name, stat)
			}
		})
	}
}

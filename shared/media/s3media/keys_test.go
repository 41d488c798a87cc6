package s3media

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog/requestlogtest"
)

// garbled answers with an error that is not XML.
func garbled(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, "<Error><Code>Odd</Code><"+r.URL.Path+">&"+r.URL.Path+";</x>")
}

// Errors name an object in an inbox by its account and a hash, because its key
// contains phone numbers.
func TestErrorsDoNotContainNumbers(t *testing.T) {
	t.Parallel()
	const number, key = "15559998877", "inbox/A/out-15559998877.wav"
	for name, c := range map[string]struct {
		dial   bool
		script fault
	}{
		"quoted": {script: requestlogtest.QuoteKey}, "garbled": {script: garbled}, "no connection": {dial: true, script: ok}, "missing": {script: answer(404, "NoSuchKey")}, "denied": {script: answer(403, "AccessDenied")},
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
			_, begin := f.Begin(ctx, key, "application/zip")
			_, sendPart := f.SendPart(ctx, key, "upload", 1, []byte("x"))
			_, noPart := f.SendPart(ctx, key, "upload", 0, nil)
			_, objects := f.Objects(ctx, "inbox/A/", key)
			_, _, folders := f.Folders(ctx, "inbox/A/", key)
			failures := map[string][]error{
				"Begin": {begin}, "SendPart": {sendPart, noPart}, "Complete": {f.Complete(ctx, key, "upload", []string{"e"})},
				"Abandon": {f.Abandon(ctx, key, "upload")}, "Objects": {objects}, "Folders": {folders},
				"Lock": {f.Lock(ctx, key, time.Now())}, "Unlock": {f.Unlock(ctx, key)}, "Revert": {f.Revert(ctx, key, media.Object{ETag: "e"}, 0, nil)},
				"Stat": {stat}, "Examine": {examine}, "List": {list}, "Open": {open}, "Presign": {presign}, "PresignPut": {presignPut},
				"Remove": {f.Remove(ctx, key)}, "Purge": {f.Purge(ctx, []string{key}, nil)},
				"RemoveIf": {f.RemoveIf(ctx, key, media.Object{ETag: "e"}), f.RemoveIf(ctx, key, media.Object{})},
				"Copy":     {f.Copy(ctx, key, "e", "set-aside/"+key)}, "PutNew": {f.PutNew(ctx, key, "audio/wav", []byte("x"))},
				"Put": {
					f.Put(ctx, key, "audio/wav", strings.NewReader("x"), 1),
					f.Put(ctx, key, "audio/wav", bytes.NewReader(nil), -1), f.Put(ctx, key, "audio/wav", strings.NewReader("xx"), 1),
					f.Put(ctx, key, "audio/wav", bytes.NewReader(nil), 1), f.Put(ctx, key, "audio/wav", bytes.NewReader(make([]byte, minPart+1)), minPart+1),
				},
				"Warm": nil, "CloseIdleConnections": nil, "At": nil, // they have no key
			}
			for method := range reflect.TypeFor[*Bucket]().Methods() {
				if _, tested := failures[method.Name]; !tested {
					t.Errorf("the errors of %s are not tested", method.Name)
				}
			}
			for operation, errs := range failures {
				for _, err := range errs {
					if strings.Contains(fmt.Sprint(err), number) {
						t.Errorf("%s: the error of %s contains the number: %v", name, operation, err)
					}
				}
			}
			if !strings.Contains(fmt.Sprint(stat), "inbox/A/#") && name != "not a part" && name != "cut" && name != "missing" {
				t.Errorf("%s: the error does not name the account: %v", name, stat)
			}
		})
	}
}

package s3media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog"
)

// TestFailedUploadIsAborted makes each request of an upload in parts fail.
func TestFailedUploadIsAborted(t *testing.T) {
	t.Parallel()
	begun := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>")
	}
	part := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"e"`)
	}
	joined := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<CompleteMultipartUploadResult><ETag>e-2</ETag></CompleteMultipartUploadResult>")
	}
	gone := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	no := answer(400, "InvalidRequest")
	late := answer(200, "InternalError") // S3 may send the status before it fails
	for _, c := range []struct {
		name   string
		script []fault
		want   error
		calls  string
		bytes  int64
	}{
		{"nothing fails", []fault{begun, part, part, joined}, nil, "POST PUT PUT POST", minPart + 1},
		{"creation fails", []fault{no}, media.ErrUnavailable, "POST", 0},
		{"first part fails", []fault{begun, no, gone}, media.ErrUnavailable, "POST PUT DELETE", 0},
		{"second part fails", []fault{begun, part, no, gone}, media.ErrUnavailable, "POST PUT PUT DELETE", minPart},
		{"a part succeeds at the second attempt", []fault{begun, answer(500, "InternalError"), part, part, joined}, nil, "POST PUT PUT PUT POST", minPart + 1},
		{"completion fails", []fault{begun, part, part, no, gone}, media.ErrUnavailable, "POST PUT PUT POST DELETE", minPart + 1},
		{"completion fails after status 200", []fault{begun, part, part, late, late, late, gone}, media.ErrUnavailable, "POST PUT PUT POST POST POST DELETE", minPart + 1},
		{"completion without a result", []fault{begun, part, part, bytesOf(0, 0), gone}, media.ErrUnavailable, "POST PUT PUT POST DELETE", minPart + 1},
		{"abort fails", []fault{begun, no, no}, media.ErrUnavailable, "POST PUT DELETE", 0},
		{"nothing to abort", []fault{begun, no, answer(404, "NoSuchUpload")}, media.ErrUnavailable, "POST PUT DELETE", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			withFake(t, nil, c.script, func(t *testing.T, f *fakeStore) {
				entry := &requestlog.Entry{}
				size := int64(minPart + 1)
				err := f.Put(requestlog.With(t.Context(), entry), "key", "audio/mpeg",
					strings.NewReader(strings.Repeat("x", int(size))), size)
				if !errors.Is(err, c.want) || (err != nil) != (c.want != nil) {
					t.Errorf("Put = %v, want %v", err, c.want)
				}
				if remain := strings.Contains(fmt.Sprint(err), "its parts remain"); remain != (c.name == "abort fails") {
					t.Errorf("Put = %v, which mentions remaining parts: %v, want %v", err, remain, !remain)
				}
				if got := strings.Join(f.requests(), " "); got != c.calls {
					t.Errorf("requests = %s, want %s", got, c.calls)
				}
				if entry.AudioBytes != c.bytes || entry.MediaCalls != len(f.requests()) {
					t.Errorf("entry: %d bytes in %d calls, want %d in %d",
						entry.AudioBytes, entry.MediaCalls, c.bytes, len(f.requests()))
				}
			})
		})
	}
}

func TestDeadlineAbortsAnUpload(t *testing.T) {
	t.Parallel()
	begun := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>")
	}
	gone := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	withFake(t, nil, []fault{begun, noAnswer, gone}, func(t *testing.T, f *fakeStore) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := f.Put(ctx, "key", "audio/mpeg", strings.NewReader(strings.Repeat("x", minPart+1)), minPart+1)
		if !errors.Is(err, media.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put = %v, want ErrUnavailable because of the deadline", err)
		}
		if got := strings.Join(f.requests(), " "); got != "POST PUT DELETE" {
			t.Errorf("requests = %s, want the upload aborted", got)
		}
	})
}

// S3 sends the status 200 and then spaces while it joins parts, and reports errors in the
// body. An upload that is gone has been completed if its object exists.
func TestCompletionThatTakesMinutes(t *testing.T) {
	t.Parallel()
	spaces := func(end string) fault {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			text := `<?xml version="1.0" encoding="UTF-8"?>`
			for range 60 {
				time.Sleep(10 * time.Second)
				_, _ = io.WriteString(w, text)
				w.(http.Flusher).Flush()
				text = " "
			}
			_, _ = io.WriteString(w, end)
		}
	}
	failed := func(code string) fault { return spaces("<Error><Code>" + code + "</Code></Error>") }
	joined := spaces("<CompleteMultipartUploadResult><ETag>e-2</ETag></CompleteMultipartUploadResult>")
	noUpload, noKey := failed("NoSuchUpload"), answer(404, "NoSuchKey")
	for _, c := range []struct {
		name   string
		script []fault
		want   error
	}{
		{"joined", []fault{joined}, nil},
		{"failed, then joined", []fault{failed("InternalError"), joined}, nil},
		{"joined before", []fault{noUpload, noUpload, noUpload, ok}, nil},
		{"gone", []fault{noUpload, noUpload, noUpload, noKey, ok}, media.ErrNotFound}, // the bucket is there
		{"damaged", []fault{failed("InvalidPart")}, media.ErrChanged},
		{"full", []fault{failed("InsufficientStorage")}, media.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			withFake(t, nil, c.script, func(t *testing.T, f *fakeStore) {
				if err := f.Complete(t.Context(), "key", "7", []string{"e"}); !errors.Is(err, c.want) || (err != nil) != (c.want != nil) {
					t.Errorf("Complete = %v, want %v", err, c.want)
				}
			})
		})
	}
}

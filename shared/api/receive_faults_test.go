package api

import (
	"context"
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// crashingBucket fails at one call, before or after the call took effect.
type crashingBucket struct {
	media.Objects
	media.Uploader
	calls, at int
	after     bool
}

var errCrash = errors.New("crash")

func (d *crashingBucket) PutNew(ctx context.Context, key, contentType string, body []byte) error {
	if d.calls++; d.calls > d.at || d.calls == d.at && !d.after { // a crashed function makes no second attempt
		return errCrash
	}
	err := d.Uploader.PutNew(ctx, key, contentType, body)
	if d.calls == d.at {
		return errCrash
	}
	return err
}

// If a request dies at any step, its retry leaves one complete recording.
func TestReceiveCrashesAtAnyStep(t *testing.T) {
	t.Parallel()
	audio := someAudio(t)
	for name, path := range map[string]string{"reported": "x.mp3?id=202311-reported", "derived": "call_recording_a.mp3?from=a%40b"} {
		for call := 1; call <= 6; call++ {
			for _, when := range []faultstore.When{faultstore.Before, faultstore.After} {
				s := newStorageFixture(t)
				good := s.handler
				env := oneEnv(t, s.single)
				if call == 6 { // the only call of the bucket
					s.handler = Receive(env, s.store, s.storage(t, &crashingBucket{Objects: s.bucket, Uploader: s.bucket, at: 1, after: bool(when)}))
				} else {
					s.handler = Receive(env, faultstore.New(s.store, faultstore.Fault{Call: call, When: when, Err: errCrash}), s.storage(t, s.bucket))
				}
				first := s.ask(t, "PUT", s.base+path, audio)
				if first.status >= 200 && first.status < 300 && s.unstored(t) {
					t.Errorf("%s, call %d, %v: %d, but nothing is stored", name, call, when, first.status)
				}
				s.handler = good
				id := s.ask(t, "PUT", s.base+path, audio).made(t).Data.ID
				s.arrive(t, id)
				if all := s.all(t, oneAccount); len(all) != 1 || all[0].Audio.Condition() != recording.Ready {
					t.Errorf("%s, call %d, %v: %+v, want one that is ready", name, call, when, all)
				}
			}
		}
	}
}

// unstored reports whether the document or its audio is missing.
func (s *storageFixture) unstored(t testing.TB) bool {
	t.Helper()
	all := s.all(t, oneAccount)
	if len(all) != 1 {
		return true
	}
	_, err := s.bucket.Stat(t.Context(), all[0].AudioKey())
	return err != nil
}

func FuzzUnpack(f *testing.F) {
	f.Add(kazooForm("b", `{"from":"a"}`, "audio/mpeg", "sound"), "b")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\na\r\n--b\r\n\r\n--b--"), "b")
	f.Add([]byte("--b--"), "b")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		put, err := unpack(body, boundary, false)
		if (put == nil) == (err == nil) {
			t.Fatalf("unpack = %v, %v", put, err)
		}
		if err == nil && len(put.audio) > len(body) {
			t.Errorf("%d bytes out of %d", len(put.audio), len(body))
		}
	})
}

func FuzzStoragePath(f *testing.F) {
	for _, seed := range []string{"/v2/storage/a/b/c", "/v2/storage/a/b/../c%2F", "/v1/storage/%41/%zz/", "v2/storage//x/y", "/v2/storage/a/b/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p := parseTarget(path)
		if p.resource == storageResource && (p.account == "" || p.secret == "" || p.name == "" || p.owned || p.id != "") {
			t.Errorf("parseTarget(%q) = %+v", path, p)
		}
	})
}

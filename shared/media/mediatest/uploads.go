package mediatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
)

// upload sends a signed request as any client would. change, if not nil, may
// tamper with the request first.
func upload(t *testing.T, r media.SignedRequest, body string, change func(*http.Request)) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, strings.NewReader(body))
	if err != nil {
		t.Fatalf("NewRequest: %v", err)
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	if change != nil {
		change(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", r.Method, err)
	}
	defer res.Body.Close() //nolint:errcheck // the body is not used
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func sumOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

const audio = "not really audio"

// uploads sends presigned uploads as announced.
func uploads(t *testing.T, s *suite) {
	for name, a := range map[string]media.Admission{
		"everything announced": {ContentType: "audio/ogg", Size: int64(len(audio)), SHA256: sumOf(audio), TTL: time.Minute},
		"type only":            {ContentType: "audio/wav", TTL: time.Minute},
		"nothing announced":    {TTL: time.Minute},
	} {
		key := s.key(t, "a b/ä+"+name)
		r, err := s.PresignPut(t.Context(), key, a)
		if err != nil || r.Method != http.MethodPut {
			t.Fatalf("%s: PresignPut = %+v, %v", name, r, err)
		}
		if left := r.Expires.Sub(s.h.Now()); left > time.Minute || left < 50*time.Second {
			t.Errorf("%s: expires in %v, want a minute", name, left)
		}
		if status := upload(t, r, audio, nil); status != http.StatusOK {
			t.Fatalf("%s: upload = %d, want 200", name, status)
		}
		o, err := s.Examine(t.Context(), key)
		if err != nil || o.Size != int64(len(audio)) || a.ContentType != "" && o.ContentType != a.ContentType || o.SHA256 != a.SHA256 {
			t.Errorf("%s: Examine = %+v, %v, want the announced properties", name, o, err)
		}
		if o, err := s.Stat(t.Context(), key); err != nil || o.SHA256 != "" {
			t.Errorf("%s: Stat = %+v, %v, want no checksum", name, o, err)
		}
	}
	if _, err := s.Examine(t.Context(), s.key(t, "missing")); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("Examine of a missing object = %v, want ErrNotFound", err)
	}
	for _, ttl := range []time.Duration{0, 8 * 24 * time.Hour} {
		if r, err := s.PresignPut(t.Context(), "x", media.Admission{TTL: ttl}); err == nil {
			t.Errorf("PresignPut for %v = %+v, want an error", ttl, r)
		}
	}
	if r, err := s.PresignPut(t.Context(), "x", media.Admission{TTL: time.Minute, SHA256: "not hex"}); err == nil {
		t.Errorf("PresignPut with a broken checksum = %+v, want an error", r)
	}
}

// mismatched checks that the store rejects uploads that differ from the announced
// ones.
func mismatched(t *testing.T, s *suite) {
	all := media.Admission{ContentType: "audio/ogg", Size: int64(len(audio)), SHA256: sumOf(audio), TTL: time.Minute}
	size := media.Admission{Size: int64(len(audio)), TTL: time.Minute}
	for _, c := range []struct {
		name   string
		a      media.Admission
		body   string
		change func(*http.Request)
		signed bool // rejected because of the signature, not of the bytes
	}{
		{"longer", size, audio + "!", nil, true},
		{"shorter", size, audio[1:], nil, true},
		{"longer, with a checksum", all, audio + "!", nil, false},
		{"other bytes", all, strings.ToUpper(audio), nil, false},
		{"other type", all, audio, func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, true},
		{"other checksum", all, audio, func(r *http.Request) {
			r.Header.Set("X-Amz-Checksum-Sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
		}, false},
		{"no condition", all, audio, func(r *http.Request) { r.Header.Del("If-None-Match") }, true},
	} {
		key := s.key(t, c.name)
		r, err := s.PresignPut(t.Context(), key, c.a)
		if err != nil {
			t.Fatalf("PresignPut: %v", err)
		}
		status := upload(t, r, c.body, c.change)
		_, err = s.Stat(t.Context(), key)
		stored := err == nil
		if want := c.signed && s.h.Unsigned != ""; stored != want || (status == http.StatusOK) != want {
			t.Errorf("%s: upload = %d, stored = %v, want stored = %v", c.name, status, stored, want)
		}
	}
}

// occupied checks that an upload does not replace an object.
func occupied(t *testing.T, s *suite) {
	key := s.key(t, "object")
	r, err := s.PresignPut(t.Context(), key, media.Admission{TTL: time.Minute})
	if err != nil {
		t.Fatalf("PresignPut: %v", err)
	}
	for i, want := range []int{http.StatusOK, http.StatusPreconditionFailed} {
		if status := upload(t, r, audio, nil); status != want {
			t.Errorf("upload %d = %d, want %d", i, status, want)
		}
	}
	if err := s.PutNew(t.Context(), key, "audio/ogg", []byte("other")); !errors.Is(err, media.ErrOccupied) {
		t.Errorf("PutNew over an object = %v, want ErrOccupied", err)
	}
	for _, same := range []string{"signed upload", "PutNew"} {
		if err := s.PutNew(t.Context(), key, "audio/ogg", []byte(audio)); err != nil {
			t.Errorf("PutNew over the same bytes of a %s = %v, want nil", same, err)
		}
		if err := s.Remove(t.Context(), key); err != nil {
			t.Fatalf("Remove: %v", err)
		}
		if err := s.PutNew(t.Context(), key, "audio/ogg", []byte(audio)); err != nil {
			t.Errorf("PutNew after the removal = %v, want nil", err)
		}
	}
	if err := s.Remove(t.Context(), key); err != nil {
		t.Fatalf("Remove: %v", err)
	}
	if err := s.PutNew(t.Context(), key, "audio/ogg", []byte("other")); err != nil {
		t.Errorf("PutNew = %v, want nil", err)
	}
	if o, err := s.Stat(t.Context(), key); err != nil || o.Size != 5 || o.ContentType != "audio/ogg" {
		t.Errorf("Stat = %+v, %v, want the object of PutNew", o, err)
	}
}

// copies tests Copy with an object, a wrong ETag and a missing object.
func copies(t *testing.T, s *suite) {
	from, to := s.key(t, "a b/ä+%2F from"), s.key(t, "aside/ä+ to")
	body := bytes.Repeat([]byte("x"), 100_000)
	if err := s.Put(t.Context(), from, "audio/wav", bytes.NewReader(body), int64(len(body))); err != nil {
		t.Fatalf("Put: %v", err)
	}
	o, err := s.Stat(t.Context(), from)
	if err != nil {
		t.Fatalf("Stat: %v", err)
	}
	for range 2 {
		if err := s.Copy(t.Context(), from, o.ETag, to); err != nil {
			t.Fatalf("Copy: %v", err)
		}
	}
	copied, err := s.Stat(t.Context(), to)
	if err != nil || copied.Size != o.Size || copied.ContentType != o.ContentType {
		t.Errorf("Stat of the copy = %+v, %v, want %+v", copied, err, o)
	}
	if err := s.Copy(t.Context(), from, `"00000000000000000000000000000000"`, to); !errors.Is(err, media.ErrChanged) {
		t.Errorf("Copy with another ETag = %v, want ErrChanged", err)
	}
	if err := s.Copy(t.Context(), from+"missing", o.ETag, to); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("Copy of a missing object = %v, want ErrNotFound", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Copy(ctx, from, o.ETag, to); err == nil {
		t.Error("Copy with a canceled context = nil, want an error")
	}
}

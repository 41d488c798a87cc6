package kazoo_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
	"github.com/callrecordings/api/shared/recording"
)

// withAudio returns the first recording that has audio.
func withAudio(t *testing.T, all []kazootest.Recording) kazootest.Recording {
	t.Helper()
	for _, r := range all {
		if len(r.Audio) > 0 {
			return r
		}
	}
	t.Fatal("no recording has audio")
	return kazootest.Recording{}
}

// Open returns Kazoo's bytes in spite of all faults.
func TestOpen(t *testing.T) {
	t.Parallel()
	k := start(t, kazootest.Options{Seed: 3, TokenUses: 11, Faults: kazootest.Faults{TooMany: .1, Broken: .1, Cut: .2}})
	want := kazootest.Account(1, upper, 80, from, to)
	k.Add(upper, want...)
	s := open(t, k.options(t))
	all, errs := items(t.Context(), s)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	byID := map[string]kazootest.Recording{}
	for _, r := range want {
		byID[r.ID] = r
	}
	opened := 0
	for _, it := range all {
		r := byID[it.ID]
		if (it.Audio.Place == recording.Managed) != (r.AudioType != "") {
			t.Errorf("%s has audio of type %q, but its place is %q", it.ID, r.AudioType, it.Audio.Place)
		}
		if it.Audio.Place != recording.Managed {
			continue
		}
		a, err := s.Open(t.Context(), &it)
		if err != nil {
			t.Errorf("Open(%s): %v", it.ID, err)
			continue
		}
		got, err := io.ReadAll(io.NewSectionReader(a, 0, a.Size))
		sum := sha256.Sum256(r.Audio)
		if err != nil || !bytes.Equal(got, r.Audio) || a.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %d bytes, want %d; %v", it.ID, len(got), len(r.Audio), err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		opened++
		if size, err := s.Size(t.Context(), &it); err != nil || size != a.Size {
			t.Errorf("Size(%s) = %d, %v, want %d", it.ID, size, err, a.Size)
		}
	}
	if opened < 50 {
		t.Errorf("opened %d, want at least 50", opened)
	}
}

// Faulty audio, and the errors of package importer that it causes.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	all := kazootest.Account(1, upper, 20, from, to)
	r := withAudio(t, all)
	for _, c := range []struct {
		name   string
		always kazootest.Misbehavior
		want   error // nil if the error wraps no error of package importer
		text   string
	}{
		{"permanent 500", kazootest.AudioFails, nil, "500 datastore_fault"},
		{"gone", kazootest.AudioGone, importer.ErrGone, "404"},
		{"empty", kazootest.AudioEmpty, nil, "no bytes"},
		{"always interrupted", kazootest.AudioCut, nil, "EOF"},
		{"shorter than its Content-Length", kazootest.AudioShort, nil, "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := start(t, kazootest.Options{Faults: kazootest.Faults{Always: map[string]kazootest.Misbehavior{r.ID: c.always}}})
			k.Add(upper, all...)
			s := open(t, k.options(t))
			it := &importer.Item{Account: upper, ID: r.ID, Document: `{"duration":9}`}
			a, err := s.Open(t.Context(), it)
			if a != nil || err == nil || !strings.Contains(err.Error(), c.text) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("Open = %v, %v, want %v with %q", a, err, c.want, c.text)
			}
			for _, not := range []error{importer.ErrStop, importer.ErrUnreachable, importer.ErrRefused, importer.ErrGone} {
				if !errors.Is(c.want, not) && errors.Is(err, not) {
					t.Errorf("Open = %v, which is %v", err, not)
				}
			}
		})
	}
}

// Empty audio is accepted if the document has a duration of 0 s.
func TestOpenEmpty(t *testing.T) {
	t.Parallel()
	k := start(t, kazootest.Options{Faults: kazootest.Faults{Always: map[string]kazootest.Misbehavior{"202602-a": kazootest.AudioEmpty}}})
	k.Add(upper, kazootest.Recording{ID: "202602-a", Created: int64(recording.SecondsOf(from)), Document: `{}`, AudioType: "audio/mpeg", Audio: []byte("x")})
	s := open(t, k.options(t))
	a, err := s.Open(t.Context(), &importer.Item{Account: upper, ID: "202602-a", Document: `{"duration":0}`})
	if err != nil || a.Size != 0 {
		t.Fatalf("Open = %+v, %v", a, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// Answers that Kazoo never sends, and a full disk.
func TestOpenOddities(t *testing.T) {
	t.Parallel()
	empty := `{"status":"success","data":[]}`
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		spool  func() (*os.File, func() error, error)
		want   error
		text   string
	}{
		{"document", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, empty)
		}, nil, nil, "document"},
		{"page of a proxy", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<html>try again</html>")
		}, nil, nil, "document"},
		{"too large, by its Content-Length", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "2000000")
			_, _ = w.Write(make([]byte, 2_000_000))
		}, nil, importer.ErrTooLarge, "more than"},
		{"too large, without a Content-Length", func(w http.ResponseWriter) {
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(make([]byte, 2_000_000))
		}, nil, importer.ErrRefused, "more than"},
		{"redirect", func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://elsewhere.example.com/")
			w.WriteHeader(http.StatusFound)
		}, nil, nil, "redirect: 302"},
		{"forbidden", func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, nil, nil, "refused: 403"},
		{"404 of a proxy", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, nil, nil, "404"},
		{"unknown length", func(w http.ResponseWriter) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\naud")
				_ = conn.Close()
			}
		}, nil, nil, "the length"},
		{"full disk", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "audio/mpeg")
			_, _ = io.WriteString(w, "audio")
		}, fullDisk, importer.ErrStop, "no space is left"},
		{
			"missing folder", func(http.ResponseWriter) {}, func() (*os.File, func() error, error) { return nil, nil, syscall.ENOENT },
			importer.ErrStop, "create a file",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := handler(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Auth-Token") != "token" {
					t.Errorf("the token is %q, want token", r.Header.Get("X-Auth-Token"))
				}
				if strings.HasSuffix(r.URL.Path, "/recordings") {
					_, _ = io.WriteString(w, empty)
					return
				}
				c.answer(w)
			})
			o := standIn{url: url}.options(t)
			o.APIKey, o.Token = "", "token"
			if c.spool != nil {
				o.Spool = c.spool
			}
			_, err := open(t, o).Open(t.Context(), &importer.Item{Account: upper, ID: "202602-a", Document: `{"duration":9}`})
			if err == nil || !strings.Contains(err.Error(), c.text) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("Open = %v, want %v with %q", err, c.want, c.text)
			}
			if c.want == nil && (errors.Is(err, importer.ErrStop) || errors.Is(err, importer.ErrGone)) {
				t.Errorf("Open = %v, want neither ErrStop nor ErrGone", err)
			}
		})
	}
}

// fullDisk returns a file that cannot be written.
func fullDisk() (*os.File, func() error, error) {
	f, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	return f, f.Close, err
}

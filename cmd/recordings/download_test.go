package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
)

// apiOf returns a client of a server with one handler.
func apiOf(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := client.New(client.Options{URL: server.URL, Token: "t", Account: "acc"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// audioServer serves one audio. Its first answers break off after some bytes.
type audioServer struct {
	bytes, etag string
	breaks      int
	after       int
	ranges      []string
}

func (s *audioServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	w.Header().Set("Content-Type", "audio/mpeg")
	w.Header().Set("ETag", s.etag)
	if s.breaks > 0 {
		s.breaks--
		w = &breaking{ResponseWriter: w, left: s.after}
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(s.bytes))
}

// breaking is an answer that breaks off.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	n, err := b.ResponseWriter.Write(p[:min(len(p), b.left)])
	if b.left -= n; err == nil && b.left == 0 {
		b.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	const audio = "0123456789"
	for _, c := range []struct {
		name       string
		part, etag string // left by an earlier run
		server     audioServer
		ranges     []string
		fails      bool
	}{
		{"whole", "", "", audioServer{}, []string{""}, false},
		{"after a break", "", "", audioServer{breaks: 2, after: 4}, []string{"", "bytes=4-", "bytes=8-"}, false},
		{"after an interrupt", "01234", `"e"`, audioServer{}, []string{"bytes=5-"}, false},
		{"of other audio", "abcde", `"old"`, audioServer{}, []string{"bytes=5-"}, false},
		{"of unknown audio", "abcde", "", audioServer{}, []string{""}, false},
		{"that was complete", "0123456789", `"e"`, audioServer{}, []string{"bytes=10-", ""}, false},
		{"that breaks off at once", "", "", audioServer{breaks: 100, after: 0}, []string{"", "", "", ""}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.server
			s.bytes, s.etag = audio, `"e"`
			dir := t.TempDir()
			file := filepath.Join(dir, "202601-a.mp3")
			for suffix, text := range map[string]string{partSuffix: c.part, etagSuffix: c.etag} {
				if text != "" {
					if err := os.WriteFile(file+suffix, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			var out bytes.Buffer
			d := downloader{
				env: env{now: time.Now, stdout: &out, stderr: &out}, folder: dir,
				sleep: func(context.Context, time.Duration) error { return nil },
				api: apiOf(t, func(w http.ResponseWriter, r *http.Request) {
					if c.fails {
						w.Header().Set("Content-Length", "10")
					}
					s.ServeHTTP(w, r)
				}),
			}
			document := client.Document{ID: "202601-a", Added: client.ReadOnly{ContentTypes: []string{"audio/mpeg"}, State: "ready"}}
			r := d.one(t.Context(), document, "a")
			if (r.Outcome == isFailed) != c.fails {
				t.Fatalf("result = %+v", r)
			}
			if !slices.Equal(s.ranges, c.ranges) {
				t.Errorf("ranges = %q, want %q", s.ranges, c.ranges)
			}
			if c.fails {
				return
			}
			text, err := os.ReadFile(file)
			if err != nil || string(text) != audio {
				t.Errorf("file = %q, %v", text, err)
			}
			if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
				t.Errorf("left %q", left)
			}
			if again := d.one(t.Context(), document, "a"); again.Outcome != isThere {
				t.Errorf("second download = %+v", again)
			}
		})
	}
}

// A server's answer cannot choose a file outside the folder.
func TestFileName(t *testing.T) {
	t.Parallel()
	of := func(id string, types ...string) string {
		name, err := fileName(client.Document{ID: id, Added: client.ReadOnly{ContentTypes: types}})
		if err != nil {
			return ""
		}
		return name
	}
	for _, c := range []struct{ got, want string }{
		{of("202601-a_b@c.d", "audio/mpeg"), "202601-a_b@c.d.mp3"},
		{of("202601-a", "audio/x-unknown", "audio/wav"), "202601-a.wav"},
		{of("202601-a", "../../x"), "202601-a.audio"},
		{of("../../202601-a", "audio/mpeg"), ""},
		{of("202601-../../a", "audio/mpeg"), ""},
		{of(`202601-..\a`, "audio/mpeg"), ""},
	} {
		if c.got != c.want {
			t.Errorf("fileName = %q, want %q", c.got, c.want)
		}
	}
}

// tagged is a server with one recording. meddle changes the recording before a patch.
type tagged struct {
	metadata string
	revision int
	meddle   func(*tagged)
}

func (s *tagged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodPatch {
		if s.meddle != nil {
			s.meddle(s)
		}
		if r.Header.Get("If-Match") != fmt.Sprintf(`"%d"`, s.revision) {
			w.WriteHeader(http.StatusPreconditionFailed)
			_, _ = fmt.Fprint(w, `{"status":"error","message":"precondition_failed","data":{}}`)
			return
		}
		s.metadata = `{"tag":"new"}`
		s.revision++
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, s.revision))
	_, _ = fmt.Fprintf(w, `{"status":"success","data":{"id":"202601-a","user_metadata":%s}}`, s.metadata)
}

// A tag never overwrites what another client has set meanwhile.
func TestTagKeepsOthersChanges(t *testing.T) {
	t.Parallel()
	once := func(metadata string) func(*tagged) {
		return func(s *tagged) { s.metadata, s.meddle = metadata, nil; s.revision++ }
	}
	for _, c := range []struct {
		name   string
		meddle func(*tagged)
		want   string // of the metadata in the end
		err    string
	}{
		{"alone", nil, `{"tag":"new"}`, ""},
		{"others set another key", once(`{"tag":"old","x":1}`), `{"tag":"new"}`, ""},
		{"others set the same key", once(`{"tag":"theirs"}`), `{"tag":"theirs"}`, `another client has changed tag to "theirs" meanwhile`},
		{"the answer to a first try was lost", once(`{"tag":"new","x":1}`), `{"tag":"new","x":1}`, ""},
		{"others change it for ever", func(s *tagged) { s.revision++ }, `{"tag":"old"}`, "other clients keep changing the recording"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &tagged{metadata: `{"tag":"old"}`, meddle: c.meddle}
			_, err := tag(t.Context(), apiOf(t, s.ServeHTTP), "202601-a", []change{{[]string{"tag"}, "new"}})
			if s.metadata != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("metadata = %s, error %v; want %s, %q", s.metadata, err, c.want, c.err)
			}
		})
	}
}

func TestFindPlayer(t *testing.T) {
	t.Parallel()
	installed := func(names ...string) func(string) (string, error) {
		return func(name string) (string, error) {
			if slices.Contains(names, name) {
				return "/bin/" + name, nil
			}
			return "", os.ErrNotExist
		}
	}
	if p, err := findPlayer("", installed("afplay", "mpv")); err != nil || p[0] != "mpv" {
		t.Errorf("findPlayer = %q, %v, want mpv", p, err)
	}
	if p, err := findPlayer("mpv --speed=2", installed("ffplay", "mpv")); err != nil || !slices.Equal(p, []string{"mpv", "--speed=2"}) {
		t.Errorf("findPlayer of a choice = %q, %v", p, err)
	}
	if _, err := findPlayer("", installed()); err == nil || !strings.Contains(err.Error(), "ffmpeg") || !strings.Contains(err.Error(), "--player") {
		t.Errorf("findPlayer without any = %v, want to know how to get one", err)
	}
}

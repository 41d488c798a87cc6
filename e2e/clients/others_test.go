//go:build e2e

package clients_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// client is a client of the built-in S3 server besides the AWS CLI. Its functions return the output
// of the client. Keys are relative to the bucket.
type client struct {
	name string
	// movedType is the content type of an object after a move in parts.
	movedType string
	// put stores a file with markedMetadata, or with none.
	put func(t *testing.T, file, key string, metadata bool) string
	// list lists the objects under a prefix that ends in a slash.
	list func(t *testing.T, prefix string) string
	// move renames an object, get stores it in a file, and remove deletes it.
	move, get func(t *testing.T, from, to string) string
	remove    func(t *testing.T, key string) string
	// sync copies a folder to a prefix and returns the names of the files that it
	// transferred.
	sync func(t *testing.T, folder, prefix string) []string
}

// markedMetadata is the metadata of put.
var markedMetadata = map[string]string{"from": "+15550142"}

// s3cmd runs s3cmd, which tools/venv has installed.
func (m *machine) s3cmd() client {
	run := func(t *testing.T, args ...string) string {
		t.Helper()
		host := strings.TrimPrefix(m.variable("AWS_ENDPOINT_URL"), "http://")
		return string(run(t, nil, "s3cmd", append([]string{
			"--config=" + os.DevNull, "--no-ssl", "--host=" + host, "--host-bucket=" + host, "--region=us-east-1",
			"--access_key=" + m.variable("AWS_ACCESS_KEY_ID"), "--secret_key=" + m.variable("AWS_SECRET_ACCESS_KEY"),
			"--multipart-chunk-size-mb=5", "--no-progress", "--no-guess-mime-type", "--mime-type=audio/mpeg",
		}, args...)...))
	}
	return client{
		name: "s3cmd", movedType: "audio/mpeg",
		put: func(t *testing.T, file, key string, metadata bool) string {
			args := []string{"put", file, m.at(key)}
			if metadata {
				args = append(args, "--add-header=x-amz-meta-from:"+markedMetadata["from"])
			}
			return run(t, args...)
		},
		list:   func(t *testing.T, prefix string) string { return run(t, "ls", "--recursive", m.at(prefix)) },
		move:   func(t *testing.T, from, to string) string { return run(t, "mv", m.at(from), m.at(to)) },
		get:    func(t *testing.T, key, file string) string { return run(t, "get", m.at(key), file) },
		remove: func(t *testing.T, key string) string { return run(t, "del", m.at(key)) },
		sync: func(t *testing.T, folder, prefix string) (sent []string) {
			for line := range strings.Lines(run(t, "sync", folder+"/", m.at(prefix))) {
				if rest, ok := strings.CutPrefix(line, "upload: '"); ok {
					file, _, _ := strings.Cut(rest, "'")
					sent = append(sent, filepath.Base(file))
				}
			}
			return sent
		},
	}
}

// rclone runs rclone with a remote that is configured by variables.
func (m *machine) rclone() client {
	env := []string{
		"AWS_CA_BUNDLE=", // rclone cannot load one, and needs none here
		"RCLONE_CONFIG=" + os.DevNull, "RCLONE_CONFIG_BOX_TYPE=s3", "RCLONE_CONFIG_BOX_PROVIDER=Other", "RCLONE_CONFIG_BOX_REGION=us-east-1",
		"RCLONE_CONFIG_BOX_ENDPOINT=" + m.variable("AWS_ENDPOINT_URL"), "RCLONE_CONFIG_BOX_FORCE_PATH_STYLE=true",
		"RCLONE_CONFIG_BOX_ACCESS_KEY_ID=" + m.variable("AWS_ACCESS_KEY_ID"), "RCLONE_CONFIG_BOX_SECRET_ACCESS_KEY=" + m.variable("AWS_SECRET_ACCESS_KEY"),
		"RCLONE_S3_CHUNK_SIZE=5M", "RCLONE_S3_UPLOAD_CUTOFF=5M", "RCLONE_S3_COPY_CUTOFF=5M", "RCLONE_RETRIES=1", "RCLONE_LOW_LEVEL_RETRIES=1",
	}
	run := func(t *testing.T, args ...string) string {
		t.Helper()
		return string(run(t, env, "rclone", args...))
	}
	at := func(key string) string { return "box:" + m.bucket + "/" + key }
	return client{
		// rclone 1.60 does not send the content type when it begins a copy in parts, so the
		// object gets S3's default.
		name: "rclone", movedType: "binary/octet-stream",
		put: func(t *testing.T, file, key string, metadata bool) string {
			args := []string{"copyto", file, at(key), "--header-upload=Content-Type: audio/mpeg"}
			if metadata {
				args = append(args, "--metadata", "--metadata-set=from="+markedMetadata["from"])
			}
			return run(t, args...)
		},
		list:   func(t *testing.T, prefix string) string { return run(t, "lsf", "-R", "--files-only", at(prefix)) },
		move:   func(t *testing.T, from, to string) string { return run(t, "moveto", "--metadata", at(from), at(to)) },
		get:    func(t *testing.T, key, file string) string { return run(t, "copyto", at(key), file) },
		remove: func(t *testing.T, key string) string { return run(t, "deletefile", at(key)) },
		sync: func(t *testing.T, folder, prefix string) (sent []string) {
			log := filepath.Join(t.TempDir(), "log")
			run(t, "sync", folder, at(prefix), "--verbose", "--log-file="+log)
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if name, _, ok := strings.Cut(line, ": Copied ("); ok {
					sent = append(sent, name[strings.LastIndex(name, " ")+1:])
				}
			}
			return sent
		},
	}
}

// Clients list, store, move in parts, fetch, synchronize and delete. A second
// synchronization transfers nothing.
func TestOtherClients(t *testing.T) {
	m := open(t)
	for _, c := range []client{m.s3cmd(), m.rclone()} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			base := c.name + "/"
			file := write(t, dir, "audio", bytes.Repeat([]byte("0123456789a"), 1<<20))
			from, to := base+"from call 1.mp3", base+"moved/to+1.mp3"

			c.put(t, file, from, true)
			m.wantMarked(t, from, "audio/mpeg")
			if got := c.list(t, base); !strings.Contains(got, "from call 1.mp3") {
				t.Errorf("the list is %q, want the object", got)
			}
			c.move(t, from, to)
			m.wantMarked(t, to, c.movedType)
			m.wantListed(t, base, "PRE moved/")
			back := filepath.Join(dir, "back")
			c.get(t, to, back)
			if !same(t, file, back) {
				t.Error("the object that came back differs from the file")
			}
			c.remove(t, to)

			folder := filepath.Join(dir, "folder")
			for name, text := range map[string]string{"a 1.mp3": "one", "b+2.mp3": "two", "c.mp3": strings.Repeat("three", 1<<21)} {
				write(t, filepath.Join(folder, "sub"), name, []byte(text))
			}
			if sent := c.sync(t, folder, base+"sync/"); len(sent) != 3 {
				t.Errorf("the first synchronization transferred %q, want three files", sent)
			}
			if sent := c.sync(t, folder, base+"sync/"); len(sent) != 0 {
				t.Errorf("the second synchronization transferred %q, want no file", sent)
			}
			for _, name := range []string{"a 1.mp3", "b+2.mp3", "c.mp3"} {
				c.remove(t, base+"sync/sub/"+name)
			}
			if got := strings.TrimSpace(c.list(t, base)); got != "" {
				t.Errorf("after the deletions, the list is %q, want it empty", got)
			}
		})
	}
}

// aria2c sends its Authorization header on to the URL of a redirect, and so do wget and
// ffprobe.
func TestAria2GetsPlayableAudio(t *testing.T) {
	m := open(t)
	audio := m.url + "/v2/accounts/" + m.account + "/recordings/" + m.first(t, "audio/mpeg") + "?accept=audio/mpeg"
	want := m.redirected(t, audio)
	dir := t.TempDir()
	run(t, nil, "aria2c", "--no-conf", "--quiet", "--max-tries=1", "--header=Authorization: Bearer "+m.token, "--dir="+dir, "--out=audio.mp3", audio)
	if got, err := os.ReadFile(filepath.Join(dir, "audio.mp3")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("aria2c stored %d bytes, %v, want the %d bytes behind the redirect", len(got), err, len(want))
	}
}

// Like aria2c, rclone's HTTP client gets the audio at the API's URL.
func TestRcloneGetsAudioByBearer(t *testing.T) {
	m := open(t)
	audio := m.url + "/v2/accounts/" + m.account + "/recordings/" + m.first(t, "audio/mpeg") + "?accept=audio/mpeg"
	want := m.redirected(t, audio)
	file := filepath.Join(t.TempDir(), "audio.mp3")
	run(t, []string{"RCLONE_CONFIG=" + os.DevNull}, "rclone", "copyurl", "--header", "Authorization: Bearer "+m.token, audio, file)
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("rclone stored %d bytes, %v, want the %d bytes behind the redirect", len(got), err, len(want))
	}
}

// wantMarked checks that an object has 11 MB, its type and markedMetadata. Clients add
// metadata of their own, such as the time of the file.
func (m *machine) wantMarked(t *testing.T, key, contentType string) {
	t.Helper()
	head := m.headOf(t, key)
	for name, want := range markedMetadata {
		if head.ContentLength != 11<<20 || head.ContentType != contentType || head.Metadata[name] != want {
			t.Errorf("head-object %s = %+v, want 11 MB of %s with %v", key, head, contentType, markedMetadata)
		}
	}
}

// variable returns one of the variables for the AWS CLI.
func (m *machine) variable(name string) string {
	i := slices.IndexFunc(m.env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	return m.env[i][len(name)+1:]
}

// write writes a file and returns its path. It creates the folder.
func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// same reports whether two files have the same bytes.
func same(t *testing.T, a, b string) bool {
	t.Helper()
	one, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(b)
	return err == nil && bytes.Equal(one, two)
}

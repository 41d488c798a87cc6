//go:build e2e

package webui_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/e2e/pbx"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
	"github.com/callrecordings/api/shared/recording"
)

// account is the account that all recordings go to.
const account = "000000000000000000000000000000c1"

// box is a running make run.
type box struct {
	t          *testing.T
	url, token string
	data       string // its data folder
	command    string // path of the recordings command
	s3         pbx.S3
}

// open starts make run without demo recordings.
func open(t *testing.T) *box {
	t.Helper()
	bin := given.Programs(t, "github.com/callrecordings/api/local", "github.com/callrecordings/api/cmd/recordings")
	port := given.Ports(t)
	b := &box{t: t, url: "http://127.0.0.1:" + strconv.Itoa(port), data: filepath.Join(t.TempDir(), "data"), command: filepath.Join(bin, "recordings")}
	log, err := os.Create(filepath.Join(bin, "local.log"))
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(bin, "local"), "--empty")
	server.Env = append(os.Environ(), "DATA_DIR="+b.data, "HOST=127.0.0.1", "PORT="+strconv.Itoa(port), "S3_PORT="+strconv.Itoa(port+1))
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	given.Await(t, b.url, log.Name())
	dir, err := datadir.Open(b.data)
	if err != nil {
		t.Fatal(err)
	}
	if b.token, err = auth.Sign(dir.Keys.Token, auth.Claims{Account: account, Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	b.s3 = pbx.S3{
		Endpoint: "http://127.0.0.1:" + strconv.Itoa(port+1), Bucket: datadir.Bucket, Region: "us-east-1",
		ID: dir.Keys.S3AccessKeyID, Secret: dir.Keys.S3SecretAccessKey,
	}
	return b
}

// fill adds recordings in every way in. It returns the IDs of the recordings and the
// ways.
func (b *box) fill() map[string]string {
	b.t.Helper()
	ways := []struct {
		name string
		add  func()
		n    int // number of recordings
	}{
		{"created without a field", func() { b.create(`{"data":{}}`) }, 1},
		{"created with a number", func() { b.create(`{"data":{"from":"1001@pbx.example","to":"+15550100@pbx.example"}}`) }, 1},
		{"created with a url", func() { b.create(`{"data":{"url":"https://audio.example/a.mp3"}}`) }, 1},
		{"created, then uploaded through a presigned URL", b.uploaded, 1},
		{"storage request of a recorder of Kazoo 4.3", func() { b.send(pbx.Recorder(b.storage(), b.call(1), false)) }, 1},
		{"storage request of a recorder of Kazoo 5.0", func() { b.send(pbx.Recorder(b.storage(), b.call(2), true)) }, 1},
		{"storage request of a storage plan", func() { b.send(pbx.Plan(b.storage(), b.call(3))) }, 1},
		{"storage request with a form", func() { b.send(pbx.PlanForm(b.storage(), b.call(4), false)) }, 1},
		{"inbox, with the guide's field list", func() { b.drop(pbx.Format(pbx.GuideList(), b.call(5)), tone(5)) }, 1},
		{"inbox, with only an ID", func() { b.drop(pbx.Format(pbx.DefaultList(), b.call(6)), tone(6)) }, 1},
		{"inbox, named by FreePBX", func() { b.drop(pbx.FreePBX("out", "15550100", "1001", begun, "1769247005.12", "wav"), tone(7)) }, 1},
		{"inbox, named by FreeSWITCH", func() { b.drop(pbx.FreeSWITCH("1001", begun, "wav"), tone(8)) }, 1},
		{"inbox, with a sidecar file", func() { b.drop("y.json", []byte(`{"caller":"1001"}`)); b.drop("y.wav", tone(9)) }, 1},
		{"inbox, a file that is no audio", func() { b.drop(pbx.FreePBX("in", "200", "1001", begun, "1769247006.1", "wav"), []byte("none")) }, 1},
		{"recordings add", func() { b.run("add", b.folder("a.wav", 10)+"/a.wav", "--account", account) }, 1},
		{"recordings import dir", func() { b.run("import", "dir", b.folder("b.wav", 11), "--account", account) }, 1},
		{"recordings import kazoo", b.importKazoo, 5},
	}
	added := map[string]string{}
	for _, w := range ways {
		w.add()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			var fresh []string
			for _, id := range b.list() {
				if added[id] == "" {
					fresh = append(fresh, id)
				}
			}
			if len(fresh) < w.n && time.Now().Before(deadline) {
				continue
			}
			if len(fresh) != w.n {
				b.t.Fatalf("%s: %d new recordings, want %d", w.name, len(fresh), w.n)
			}
			for _, id := range fresh {
				added[id] = w.name
			}
			break
		}
	}
	return added
}

// list returns the IDs of all recordings.
func (b *box) list() (ids []string) {
	b.t.Helper()
	var page struct{ Data []struct{ ID string } }
	if err := json.Unmarshal(b.ask(http.MethodGet, "?paginate=false", ""), &page); err != nil {
		b.t.Fatal(err)
	}
	for _, r := range page.Data {
		ids = append(ids, r.ID)
	}
	return ids
}

// create creates a recording and returns the answer.
func (b *box) create(body string) []byte { return b.ask(http.MethodPut, "", body) }

// ask sends a request to the account's recordings and returns the answer.
func (b *box) ask(method, query, body string) []byte {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+"/v2/accounts/"+account+"/recordings"+query, bytes.NewReader([]byte(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", b.token)
	return b.do(r)
}

// do returns the answer to a request, which must succeed.
func (b *box) do(r *http.Request) []byte {
	b.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		b.t.Fatalf("%s %s = %d %s %v", r.Method, r.URL, resp.StatusCode, text, err)
	}
	return text
}

// uploaded creates a recording and stores its audio as the answer describes.
func (b *box) uploaded() {
	b.t.Helper()
	var made struct {
		Data struct {
			ReadOnly struct {
				Upload struct {
					Method, URL string
					Headers     map[string]string
				}
			} `json:"_read_only"`
		}
	}
	if err := json.Unmarshal(b.create(`{"data":{"call_id":"up"}}`), &made); err != nil {
		b.t.Fatal(err)
	}
	up := made.Data.ReadOnly.Upload
	r, err := http.NewRequestWithContext(b.t.Context(), up.Method, up.URL, bytes.NewReader(tone(0)))
	if err != nil {
		b.t.Fatal(err)
	}
	for name, value := range up.Headers {
		r.Header.Set(name, value)
	}
	b.do(r)
}

// send sends a storage request.
func (b *box) send(u pbx.Upload) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), u.Method, u.URL, bytes.NewReader(u.Body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", u.Type)
	b.do(r)
}

// drop puts a file into the inbox.
func (b *box) drop(name string, body []byte) {
	b.t.Helper()
	r, err := b.s3.Request(b.t.Context(), http.MethodPut, "inbox/"+account+"/"+name, body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(r)
}

// storage makes a storage secret and returns the URL for storage requests.
func (b *box) storage() string {
	b.t.Helper()
	return b.url + b.run("storage-secret", "create", "--account", account)
}

// run runs the recordings command on the box's data folder and returns its output.
func (b *box) run(args ...string) string {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), b.command, append(args, "--data-dir", b.data)...)
	var errors bytes.Buffer
	cmd.Dir, cmd.Stderr = filepath.Dir(b.data), &errors
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("recordings %v: %v\n%s%s", args, err, out, errors.Bytes())
	}
	return string(bytes.TrimSpace(out))
}

// folder returns a new folder with one audio file, older than an import requires.
func (b *box) folder(name string, i int) string {
	b.t.Helper()
	dir := b.t.TempDir()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, tone(i), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chtimes(file, begun, begun); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

// importKazoo imports five recordings with Kazoo's documents from a stand-in Kazoo.
func (b *box) importKazoo() {
	b.t.Helper()
	const key = "4b0b8e3ac5f9"
	k := kazootest.New(kazootest.Options{Accounts: []kazootest.Tenant{{ID: account, Name: "one"}}, APIKeys: map[string]string{key: account}, Now: time.Now})
	k.Add(account, kazootest.Account(7, account, 5, begun, begun.AddDate(0, 0, 1))...)
	server := httptest.NewServer(k)
	defer server.Close()
	b.t.Setenv("KAZOO_API_KEY", key)
	b.run("import", "kazoo", "--url", server.URL, "--account", account, "--since", begun.AddDate(0, 0, -1).Format(time.DateOnly), "--rate", "1000")
}

// begun is the start of the calls. An unpaged list goes back a month.
var begun = time.Now().UTC().AddDate(0, 0, -2)

// call returns the i-th call. It has no callee.
func (b *box) call(i int) pbx.Call {
	return pbx.Call{
		Account: account, ID: fmt.Sprintf("%s-%032x", begun.Format("200601"), i), CallID: fmt.Sprintf("call-%d@10.0.0.1", i), Start: int64(recording.SecondsOf(begun)), DurationMS: 2000,
		Direction: "inbound", From: "1001@pbx.example", Caller: "1001", Attachment: fmt.Sprintf("%032x.wav", i), Type: "audio/x-wav", Audio: tone(i),
	}
}

// tone returns a WAV file of two seconds that is unique to i.
func tone(i int) []byte {
	const size = 2 * 2 * 8000
	b := append([]byte("RIFF\x24\x7d\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x7d\x00\x00"), make([]byte, size)...)
	copy(b[44:], fmt.Sprint("audio ", i))
	return b
}

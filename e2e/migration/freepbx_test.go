//go:build e2e

package migration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/local/datadir"
)

// pbxCall is a call that a FreePBX has recorded.
type pbxCall struct {
	direction, callee, caller, id string
	at                            time.Time // in the zone of the PBX
	codec                         []string  // options of ffmpeg
	ext                           string
	audio                         []byte
}

// name is the call's file in the folder monitor, as FreePBX names it.
func (c *pbxCall) name() string {
	return fmt.Sprintf("%s/%s-%s-%s-%s-%s.%s", c.at.Format("2006/01/02"), c.direction, c.callee, c.caller, c.at.Format("20060102-150405"), c.id, c.ext)
}

// monitor writes the folder of a FreePBX: calls of three months in the formats that it can
// be set to, and what else such a folder holds. Each call has audio of its own, encoded by
// ffmpeg. The last call is GSM, which this service does not take.
func monitor(t *testing.T, dir string, zone *time.Location) (calls []pbxCall) {
	t.Helper()
	formats := []struct {
		ext   string
		codec []string
	}{
		{"wav", []string{"-c:a", "pcm_s16le"}},
		{"wav", []string{"-c:a", "pcm_alaw"}},
		{"WAV", []string{"-c:a", "pcm_mulaw", "-f", "wav"}},
		{"mp3", []string{"-c:a", "libmp3lame", "-b:a", "16k"}},
	}
	first := time.Date(2026, 1, 24, 9, 12, 5, 0, zone)
	for i := range 40 {
		at := first.Add(time.Duration(i) * 37 * time.Hour)
		c := pbxCall{
			direction: []string{"in", "out"}[i%2], callee: fmt.Sprint(1001 + i), caller: fmt.Sprintf("+1555010%d", 10+i),
			id: fmt.Sprintf("%d.%d", at.Unix(), i), at: at, codec: formats[i%len(formats)].codec, ext: formats[i%len(formats)].ext,
		}
		path := filepath.Join(dir, filepath.FromSlash(c.name()))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		tone := fmt.Sprintf("sine=frequency=%d:sample_rate=8000:duration=%d", 200+10*i, 1+i%3)
		args := append([]string{"-loglevel", "error", "-f", "lavfi", "-i", tone, "-ac", "1"}, c.codec...)
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
		}
		if c.audio = read(t, path); len(c.audio) < 1000 {
			t.Fatalf("%s has %d bytes", path, len(c.audio))
		}
		calls = append(calls, c)
	}
	write(t, filepath.Join(dir, "2026/01/24/notes.txt"), []byte("call the supplier back\n"))
	gsm := pbxCall{direction: "in", callee: "1001", caller: "+15550199", id: "1775031005.1", at: time.Date(2026, 4, 1, 10, 10, 5, 0, zone), ext: "gsm"}
	frame := append([]byte{0xd8}, bytes.Repeat([]byte{0x20, 0xa2, 0xe1, 0x5a}, 8)...) // 20 ms of GSM 06.10
	write(t, filepath.Join(dir, filepath.FromSlash(gsm.name())), bytes.Repeat(frame, 100))
	return append(calls, gsm)
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFreePBX is the first hour with a folder of FreePBX: a dry run, the conversion that
// it names, the import, and an export that is imported elsewhere. Everything comes out as
// it went in.
func TestFreePBX(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	bin := given.Programs(t, "github.com/callrecordings/api/local", "github.com/callrecordings/api/cmd/recordings")
	c := &command{path: filepath.Join(bin, "recordings"), dir: t.TempDir()}
	folder := filepath.Join(c.dir, "monitor")
	calls := monitor(t, folder, zone)
	options := []string{"import", "dir", "monitor", "--account", account, "--timezone", "Europe/Berlin", "--settle", "1ms", "--data-dir"}
	open := func(data string) api {
		dir, err := datadir.Open(filepath.Join(c.dir, data))
		if err != nil {
			t.Fatal(err)
		}
		box := given.StartBox(t, filepath.Join(bin, "local"), filepath.Join(c.dir, data), given.Ports(t))
		return api{url: box.URL, token: token(t, dir.Keys.Token)}
	}

	write(t, filepath.Join(c.dir, "import-report.jsonl"), []byte(c.run(t, append(options, "data", "--dry-run", "--json")...)))
	convert(t, c, folder, &calls[len(calls)-1])
	c.run(t, append(options, "data", "--verify")...)
	if out := c.run(t, append(options, "data", "--json")...); !strings.Contains(out, fmt.Sprintf(`"copied":0,"already_there":%d,`, len(calls))) {
		t.Errorf("a second import reports %s, want nothing copied", tail(out))
	}
	here := open("data")
	documents := sameCalls(t, here, calls)

	c.run(t, "export", "dir", "backup", "--account", account, "--data-dir", "data")
	sameFiles(t, filepath.Join(c.dir, "backup"), calls)
	c.run(t, "import", "dir", "backup", "--account", account, "--data-dir", "other", "--settle", "1ms", "--verify")
	if diff := cmp.Diff(documents, sameCalls(t, open("other"), calls)); diff != "" {
		t.Errorf("documents after an export and an import (-want +got):\n%s", diff)
	}
	c.run(t, "export", "dir", "again", "--account", account, "--data-dir", "other")
	if out, err := exec.CommandContext(t.Context(), "diff", "-r", filepath.Join(c.dir, "backup"), filepath.Join(c.dir, "again")).CombinedOutput(); err != nil {
		t.Errorf("the exports differ: %v\n%s", err, tail(string(out)))
	}
	t.Logf("%d calls imported, exported and identical", len(calls))
}

// convert runs the command that the output of the dry run names for the GSM file. It
// checks that the output names only that file and the text.
func convert(t *testing.T, c *command, folder string, gsm *pbxCall) {
	t.Helper()
	refused := c.named(t, "refused")
	if len(refused) != 2 || refused["2026/01/24/notes.txt"] == "" {
		t.Errorf("the dry run refuses %v, want the text and the GSM file", refused)
	}
	_, line, ok := strings.Cut(refused[gsm.name()], "convert it: ")
	if !ok {
		t.Fatalf("the dry run does not name a command for %s: %q", gsm.name(), refused[gsm.name()])
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, tail(string(out)))
	}
	gsm.ext = "wav"
	gsm.audio = read(t, filepath.Join(folder, filepath.FromSlash(gsm.name())))
}

// sameCalls checks that the API has exactly the calls, with their facts and their audio,
// and returns the documents.
func sameCalls(t *testing.T, a api, calls []pbxCall) map[string]string {
	t.Helper()
	documents := map[string]string{}
	byCall := map[string]map[string]any{}
	for id, row := range a.list(t) {
		documents[id] = string(row)
		var document map[string]any
		if err := json.Unmarshal(row, &document); err != nil {
			t.Fatal(err)
		}
		byCall[fmt.Sprint(document["call_id"])] = document
	}
	if len(documents) != len(calls) || len(byCall) != len(calls) {
		t.Fatalf("%d recordings of %d calls, want %d", len(documents), len(byCall), len(calls))
	}
	for i := range calls {
		call, document := &calls[i], byCall[calls[i].id]
		// 62,167,219,200 seconds are between the year 0 and 1970, the two epochs.
		want := map[string]any{
			"direction": map[string]string{"in": "inbound", "out": "outbound"}[call.direction], "caller_id_number": call.caller,
			"callee_id_number": call.callee, "start": float64(call.at.Unix() + 62_167_219_200), "name": filepath.Base(call.name()),
		}
		for field, value := range want {
			if document[field] != value {
				t.Errorf("%s: %s = %v, want %v", call.name(), field, document[field], value)
			}
		}
		body := a.get(t, fmt.Sprintf("/%v/audio", document["id"]))
		if !bytes.Equal(body, call.audio) {
			t.Errorf("%s: %d bytes of audio differ from the %d of the file", call.name(), len(body), len(call.audio))
		}
	}
	return documents
}

// sameFiles checks that an export has the audio of each call, byte for byte, and a
// document beside each.
func sameFiles(t *testing.T, folder string, calls []pbxCall) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil || len(names) != len(calls) {
		t.Fatalf("the export has %d documents, %v, want %d", len(names), err, len(calls))
	}
	audio := map[string][]byte{}
	for _, name := range names {
		var document struct {
			CallID string                `json:"call_id"`
			Audio  struct{ File string } `json:"pvt_audio"`
		}
		if err := json.Unmarshal(read(t, name), &document); err != nil {
			t.Fatal(err)
		}
		audio[document.CallID] = read(t, filepath.Join(filepath.Dir(name), document.Audio.File))
	}
	for i := range calls {
		if got := audio[calls[i].id]; !bytes.Equal(got, calls[i].audio) {
			t.Errorf("%s: the export has %d bytes of audio that differ from the %d of the file", calls[i].name(), len(got), len(calls[i].audio))
		}
	}
}

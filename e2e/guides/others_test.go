//go:build e2e

package guides_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/pbx"
)

// began is the start of the calls in these guides.
var began = time.Date(2026, 1, 24, 9, 30, 5, 0, time.UTC)

// beganAt is the value of began in Gregorian seconds.
const beganAt = 63936466205

// file writes audio to a path of the PBX, below w.dir, and returns the real path.
func (w *walk) file(path string, audio []byte) string {
	w.t.Helper()
	path = filepath.Join(w.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, audio, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// hook runs a command from a PBX's settings. variables holds pairs of strings: a
// variable of the PBX and the value that replaces it in the command.
func (w *walk) hook(command string, variables ...string) {
	w.t.Helper()
	command = strings.NewReplacer(variables...).Replace(command)
	if strings.Contains(command, "$") {
		w.t.Fatalf("a variable was not replaced: %s", command)
	}
	if out, err := w.run(command); err != nil {
		w.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

func TestFreeSWITCH(t *testing.T) {
	w := open(t).begin(t, "how-to/connect-freeswitch.md", 3)
	w.follow("sh", "")
	w.install()
	if w.cloud {
		w.follow("sh", "aws")
	}
	var extension struct {
		Condition []struct {
			Action []struct {
				Application string `xml:"application,attr"`
				Data        string `xml:"data,attr"`
			} `xml:"action"`
		} `xml:"condition"`
	}
	if err := xml.Unmarshal([]byte(w.the("xml")), &extension); err != nil {
		t.Fatal(err)
	}
	command := ""
	for _, a := range extension.Condition[len(extension.Condition)-1].Action {
		if hook, ok := strings.CutPrefix(a.Data, "record_post_process_exec_api=system:"); ok {
			command = hook
		}
	}
	audio := tone("one")
	w.hook(command, "${recording}", w.file("/rec/one.wav", audio), "${uuid}", "uuid-one", "${caller_id_number}", "+15550100", "$1", "1001", "${strepoch()}", "1769247005")
	w.play(audio)
	w.hook("/usr/local/bin/upload-recording-s3 FILE uuid-two 1002 +15550101 1769247006", "FILE", w.file("/rec/two.wav", tone("two")))
	w.file("/var/lib/freeswitch/recordings/"+pbx.FreeSWITCH("1003", began, "wav"), tone("three"))
	w.file("/var/lib/freeswitch/recordings/pbx.example/archive/2026/Jan/24/uuid-four.wav", tone("four"))
	w.follow("sh", "sync")
	w.follow("sh", "sync")
	all := w.recordings(4)
	w.want(all["uuid-one"], map[string]any{
		"caller_id_number": "+15550100", "callee_id_number": "1001", "start": float64(beganAt), "direction": "outbound", "duration_ms": 1000.0,
	})
	w.want(all["uuid-two"], map[string]any{
		"caller_id_number": "1002", "callee_id_number": "+15550101", "start": beganAt + 1.0, "direction": "outbound", "duration_ms": 1000.0,
	})
	if four := all["uuid-four"]; four == nil {
		t.Errorf("FusionPBX's file did not become a recording: %v", all)
	}
	for call, r := range all {
		if !strings.HasPrefix(call, "uuid") {
			w.want(r, map[string]any{"caller_id_number": "1003", "start": float64(beganAt)})
		}
	}
}

// mixMonitor matches the command that Asterisk runs after a recording.
var mixMonitor = regexp.MustCompile(`MixMonitor\(\$\{RECORDING\},,(.*)\)\n`)

func TestAsterisk(t *testing.T) {
	w := open(t).begin(t, "how-to/connect-asterisk.md", 4)
	w.follow("sh", "")
	w.install()
	if w.cloud {
		w.follow("sh", "aws")
	}
	found := mixMonitor.FindStringSubmatch(w.the("ini"))
	if found == nil {
		t.Fatal("the guide has no MixMonitor command")
	}
	audio := tone("one")
	w.hook(found[1], "${RECORDING}", w.file("/rec/one.wav", audio), "${UNIQUEID}", "1769247005.12", "${CALLER}", "1001",
		"${FILTER(0-9+,${EXTEN})}", "+15550100", "${EPOCH}", "1769247005")
	w.play(audio)
	w.hook("/usr/local/bin/upload-recording-s3 FILE 1769247005.13 1002 15550101 1769247006", "FILE", w.file("/rec/two.wav", tone("two")))
	w.file("/var/spool/asterisk/monitor/"+pbx.FreePBX("out", "15550102", "1003", began, "1769247005.14", "wav"), tone("three"))
	w.follow("sh", "sync")
	w.follow("sh", "sync")
	all := w.recordings(3)
	for call, fields := range map[string]map[string]any{
		"1769247005.12": {"caller_id_number": "1001", "callee_id_number": "+15550100", "start": float64(beganAt)},
		"1769247005.13": {"caller_id_number": "1002", "callee_id_number": "15550101", "start": beganAt + 1.0},
		"1769247005.14": {"caller_id_number": "1003", "callee_id_number": "15550102", "start": float64(beganAt)},
	} {
		fields["direction"], fields["duration_ms"] = "outbound", 1000.0
		w.want(all[call], fields)
	}
}

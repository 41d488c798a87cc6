package e2e

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callrecordings/api/shared/auth"
)

// TestScripts runs every script in testdata against the target.
func TestScripts(t *testing.T) {
	if os.Getenv("URL") != "" && os.Getenv("TOKEN_KEYS") == "" {
		t.Fatal("URL is set without TOKEN_KEYS, which the scripts need to write; for the read-only part run make smoke")
	}
	tg := openTarget(t)
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".txtar")
		t.Run(name, func(t *testing.T) {
			cause := exception(tg.name, name)
			if cause == "" {
				testscript.RunT(runner{T: t}, tg.params(t, script))
				return
			}
			if expectFailure(t, func(r testscript.T) { testscript.RunT(r, tg.params(t, script)) }) {
				t.Logf("fails as expected: %s", cause)
			} else {
				t.Errorf("%s passes %s now: remove its row from exceptions", tg.name, name)
			}
		})
	}
}

// params returns the parameters for running one script.
func (tg target) params(t *testing.T, script string) testscript.Params {
	return testscript.Params{
		Files:               []string{script},
		RequireExplicitExec: true,
		Setup:               func(e *testscript.Env) error { return tg.setup(t, e) },
		Condition:           tg.condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"http": cmdHTTP, "leave": cmdLeave, "status": cmdStatus, "header": cmdHeader, "json": cmdJSON,
			"save": cmdSave, "size": cmdSize, "body": cmdBody,
			"upload": cmdUpload, "await": cmdAwait, "awaitjson": cmdAwaitJSON, "audio": cmdAudio, "drop": cmdDrop, "dropped": cmdDropped, "secret": cmdSecret, "awaitgone": cmdAwaitGone,
			"zipped": cmdZipped,
		},
	}
}

// condition implements three conditions. [audit]: the target's audit trail records
// everything. [stream]: the target follows the table's stream, as all do but SAM local.
// [streams]: the target streams audio, as no emulator does.
func (tg target) condition(name string) (bool, error) {
	switch name {
	case "audit":
		return tg.audit == "all", nil
	case "stream":
		return tg.name != "sam", nil
	case "streams":
		return tg.name == "run", nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// setup gives the script its own accounts, users, tokens and files.
func (tg target) setup(t *testing.T, e *testscript.Env) error {
	e.Values[answerKey{}], e.Values[uploadKey{}], e.Values[storageKey{}] = &answer{}, &upload{}, tg.storage
	e.Vars = append(e.Vars, tg.env...)
	e.Setenv("PATH", tg.bin+string(os.PathListSeparator)+e.Getenv("PATH"))
	e.Setenv("URL", tg.url)
	if tg.name == "sam" {
		e.Setenv("EVENTS", "none") // see noEvents
	}
	account, other := newID(), newID()
	for name, value := range map[string]string{"ACCOUNT": account, "OTHER": other, "USER": newID(), "USER2": newID()} {
		e.Setenv(name, value)
	}
	foreign, err := auth.NewKeys(rand.Reader, "foreign")
	if err != nil {
		return fmt.Errorf("making foreign keys: %w", err)
	}
	hour := time.Now().Add(time.Hour)
	tokens := map[string]struct {
		jwks    string
		account string
		expires time.Time
	}{
		"TOKEN":         {tg.jwks, account, hour},
		"OTHER_TOKEN":   {tg.jwks, other, hour},
		"EXPIRED_TOKEN": {tg.jwks, account, time.Now().Add(-time.Minute)},
		"FOREIGN_TOKEN": {string(foreign), account, hour},
	}
	for name, want := range tokens {
		token, err := auth.Sign([]byte(want.jwks), auth.Claims{Account: want.account, Expires: want.expires})
		if err != nil {
			return fmt.Errorf("signing %s: %w", name, err)
		}
		e.Setenv(name, token)
	}
	e.Defer(func() { tg.removeAll(t, account, e.Getenv("TOKEN")) })
	return tg.files(e.WorkDir)
}

// files writes the audio and request bodies that scripts use into dir.
func (tg target) files(dir string) error {
	speech, err := filepath.Glob("../local/demo/*.mp3")
	if err != nil || len(speech) == 0 {
		return fmt.Errorf("no demo audio: %w", err)
	}
	hello, err := os.ReadFile(speech[0])
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"hello.mp3": hello,
		"tone.wav":  wav(2 * 8000 * 2),
		"large.wav": wav(4_800_000),
		"big.json":  []byte(`{"data":{"user_metadata":{"x":"` + strings.Repeat("x", 70_000) + `"}}}`),
	} {
		if err := writeFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// removeAll deletes every recording of the account through the API.
func (tg target) removeAll(t *testing.T, account, token string) {
	base := tg.url + "/v2/accounts/" + account + "/recordings"
	var page struct{ Data []struct{ ID string } }
	if err := call(http.MethodGet, base+"?page_size=1000", token, &page); err != nil {
		t.Errorf("cleaning up: %v", err)
	}
	for _, r := range page.Data {
		if err := call(http.MethodDelete, base+"/"+r.ID, token, nil); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	}
}

// call makes one request, which must succeed with 200, and decodes the JSON
// answer into v unless v is nil.
func call(method, url, token string, v any) error {
	req, err := http.NewRequest(method, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Auth-Token", token)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", method, resp.Status)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// wav returns a WAV file with n bytes of silence at 8 kHz, 16 bit, mono.
func wav(n int) []byte {
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(36+n))...)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1, 8000, 0, 16000, 0, 2, 16} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	return append(b, make([]byte, n)...)
}

func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func writeFile(path string, content []byte) error { return os.WriteFile(path, content, 0o600) }

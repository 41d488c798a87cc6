//go:build e2e

package guides_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// block is a fenced code block of a page. info is the text after its language.
type block struct{ lang, info, text string }

// fence matches code blocks.
var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: ([^\n]*))?\n(.*?)^```$")

// blocks returns the code blocks of a page. Its path is relative to docs.
func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		all = append(all, block{m[1], m[2], m[3]})
	}
	if len(all) == 0 {
		t.Fatalf("%s has no code blocks", page)
	}
	return all
}

// walk runs the code blocks of one page.
type walk struct {
	*target
	t    *testing.T
	dir  string // working folder of commands, and root of the PBX's paths
	page []block
	// output is the last line that the last command printed.
	output string
	vars   map[string]string
}

// moved lists paths of a PBX that are below walk.dir in this test.
var moved = []string{"/etc/recordings.env", "/usr/local/bin/", "/var/spool/asterisk/monitor", "/var/lib/freeswitch/recordings"}

// here replaces the PBX's paths and the recordings command in text with the paths
// and the command of this test.
func (w *walk) here(text string) string {
	for _, path := range moved {
		text = strings.ReplaceAll(text, path, w.dir+path)
	}
	return strings.ReplaceAll(text, "go run ./cmd/recordings", w.command)
}

// run runs a script with bash. Variables that the script sets remain set in later
// scripts.
func (w *walk) run(script string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), "bash", "-c", "set -eua\n[ ! -e .vars ] || . ./.vars\n"+w.here(script)+"\nexport -p >.vars\n")
	cmd.Dir, cmd.Env = w.dir, w.env
	for name, value := range w.vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stderr = w.t.Output()
	out, err := cmd.Output()
	return string(out), err
}

// follow runs all blocks with the given language and info. At least one must exist.
func (w *walk) follow(lang, info string) {
	w.t.Helper()
	ran := 0
	for _, b := range w.page {
		if b.lang != lang || b.info != info {
			continue
		}
		ran++
		out := strings.TrimSpace(w.must(b))
		w.output = out[strings.LastIndexByte(out, '\n')+1:]
	}
	if ran == 0 {
		w.t.Fatalf("the page has no block %s %s", lang, info)
	}
}

// must runs a block, which must succeed, and returns its output.
func (w *walk) must(b block) string {
	w.t.Helper()
	out, err := w.run(b.text)
	if err != nil {
		w.t.Fatalf("%v\n%s%s", err, b.text, out)
	}
	return out
}

// install writes the files of the page. They use the storage address that the
// last command printed.
func (w *walk) install() {
	w.t.Helper()
	for _, b := range w.page {
		path, ok := strings.CutPrefix(b.info, "file=")
		if !ok {
			continue
		}
		text := strings.ReplaceAll(w.here(b.text), "https://api.example.com/v2/storage/ACCOUNT_ID/SECRET", w.output)
		path = filepath.Join(w.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
}

// the returns the first block with the given language.
func (w *walk) the(lang string) string {
	w.t.Helper()
	for _, b := range w.page {
		if b.lang == lang {
			return b.text
		}
	}
	w.t.Fatalf("the page has no block in %s", lang)
	return ""
}

// play repeats the blocks with the info "play" until they download the given audio,
// for at most one minute.
func (w *walk) play(audio []byte) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		for _, b := range w.page {
			if b.info == "play" {
				_, _ = w.run(b.text)
			}
		}
		got, err := os.ReadFile(filepath.Join(w.dir, "call.audio"))
		if err == nil && string(got) == string(audio) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("the downloaded audio has %d bytes, want %d", len(got), len(audio))
		}
	}
}

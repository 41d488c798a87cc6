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

// block is a fenced part of a page; info is what follows its language.
type block struct{ lang, info, text string }

// fence finds blocks.
var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: ([^\n]*))?\n(.*?)^```$")

// blocks reads a page.
func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		all = append(all, block{m[1], m[2], m[3]})
	}
	if len(all) == 0 {
		t.Fatalf("%s has no blocks", page)
	}
	return all
}

// walk is one page being carried out.
type walk struct {
	*target
	t    *testing.T
	dir  string // where commands run, and where absolute paths begin
	page []block
	said string // by the last command, on its last line
	vars map[string]string
}

// moved are the folders of a PBX, which are below dir here.
var moved = []string{"/etc/recordings.env", "/usr/local/bin/", "/var/spool/asterisk/monitor", "/var/lib/freeswitch/recordings"}

// here is text with the paths and the command of this machine.
func (w *walk) here(text string) string {
	for _, path := range moved {
		text = strings.ReplaceAll(text, path, w.dir+path)
	}
	return strings.ReplaceAll(text, "go run ./cmd/recordings", w.command)
}

// run runs a script as sh would. Variables that it sets are there for the next.
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

// follow carries out the blocks from the first of that language and info, all of
// them if there are several.
func (w *walk) follow(lang, info string) {
	w.t.Helper()
	ran := 0
	for _, b := range w.page {
		if b.lang != lang || b.info != info {
			continue
		}
		ran++
		out, err := w.run(b.text)
		if err != nil {
			w.t.Fatalf("%v\n%s%s", err, b.text, out)
		}
		out = strings.TrimSpace(out)
		w.said = out[strings.LastIndexByte(out, '\n')+1:]
	}
	if ran == 0 {
		w.t.Fatalf("there is no block %s %s", lang, info)
	}
}

// install writes the files of the page, with the address that was printed.
func (w *walk) install() {
	w.t.Helper()
	for _, b := range w.page {
		path, ok := strings.CutPrefix(b.info, "file=")
		if !ok {
			continue
		}
		text := strings.ReplaceAll(w.here(b.text), "https://api.example.com/v2/storage/ACCOUNT_ID/SECRET", w.said)
		path = filepath.Join(w.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
}

// the is the one block of a language.
func (w *walk) the(lang string) string {
	w.t.Helper()
	for _, b := range w.page {
		if b.lang == lang {
			return b.text
		}
	}
	w.t.Fatalf("there is no block in %s", lang)
	return ""
}

// play carries out the page's last part until it gives these bytes.
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
			w.t.Fatalf("what plays has %d bytes, want %d", len(got), len(audio))
		}
	}
}

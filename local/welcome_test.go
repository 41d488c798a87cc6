package main

import (
	"bytes"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGreetingText(t *testing.T) {
	t.Parallel()
	full := greeting{
		version: "1.2.3", url: "http://127.0.0.1:8000", account: "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a", user: "77bc77bc77bc77bc77bc77bc77bc77bc", token: "eyJ.x.y",
		dir: ".data", tool: "go run ./cmd/recordings", play: "202602-0123456789abcdef0123456789abcdef", last: "202512-0123456789abcdef0123456789abcdef",
		console: true,
	}
	empty := full
	empty.play, empty.last, empty.dir = "", "", "/srv/my data"
	hidden := empty
	hidden.hideToken = true
	unsigned := hidden
	unsigned.token, unsigned.tool = "", "/opt/recordings"
	empty.console = false
	if strings.Contains(hidden.text(), hidden.token) {
		t.Errorf("the greeting shows the token: %s", hidden.text())
	}
	for name, g := range map[string]greeting{"greeting": full, "greeting-empty": empty, "greeting-hidden": hidden, "greeting-unsigned": unsigned} {
		golden := filepath.Join("testdata", name+".golden")
		got := g.text()
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got); make golden rewrites it:\n%s", name, diff)
		}
	}
}

// Every command that a start prints works as printed, in order.
func TestEveryPrintedCommandWorks(t *testing.T) {
	t.Parallel()
	p := launch(t, filepath.Join(t.TempDir(), "data"))
	n := 0
	for line := range strings.Lines(p.greeting) {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		n++
		c := curl(t, strings.TrimSpace(line), p.vars)
		resp, err := c.client.Do(c.req)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode/100 != 2 {
			t.Errorf("%s: %s, %v: %.300s", line, resp.Status, err, body)
		}
		if !plausible(t, c.out, line, body) {
			t.Errorf("%s: %d bytes, %.300s", line, len(body), body)
		}
	}
	if want := len((greeting{play: "x", last: "y"}).examples()) + 1; n != want {
		t.Errorf("%d curl lines, want %d", n, want)
	}
}

// plausible reports whether the response to a command matches the command's title.
func plausible(t *testing.T, out, line string, body []byte) bool {
	t.Helper()
	mp3 := demoFile(t, "01-appointment.mp3") // the newest
	switch {
	case out == "part.mp3":
		return bytes.Equal(body, mp3[:1000])
	case out == "recording.mp3":
		return bytes.Equal(body, mp3)
	case out == "recordings.csv":
		return bytes.Count(body, []byte("\n")) == len(samples)+1 && bytes.Contains(body, []byte("caller_id_number"))
	case strings.Contains(line, "user_metadata.tag=vip"):
		return bytes.Contains(body, []byte(`"page_size":1,`))
	}
	return bytes.Contains(bytes.ReplaceAll(body, []byte(" "), nil), []byte(`"status":"success"`))
}

// command is the request of a curl command.
type command struct {
	client *http.Client
	req    *http.Request
	out    string
}

// word matches one argument of a shell command: quoted or plain.
var word = regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)

// curl parses a command line like a shell and curl. It supports only the syntax that
// the greeting uses.
func curl(t *testing.T, line string, vars map[string]string) command {
	t.Helper()
	expand := func(w string) string {
		switch {
		case strings.HasPrefix(w, "'"):
			return strings.Trim(w, "'")
		case strings.HasPrefix(w, `"`):
			w = strings.Trim(w, `"`)
		}
		return os.Expand(w, func(name string) string {
			if vars[name] == "" {
				t.Errorf("%s: demo.env has no %s", line, name)
			}
			return vars[name]
		})
	}
	c := command{client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	method, url, header := http.MethodGet, "", http.Header{"Accept": {"*/*"}}
	var body []byte
	words := word.FindAllString(line, -1)[1:]
	for i := 0; i < len(words); i++ {
		value := func() string { i++; return expand(words[i]) }
		switch words[i] {
		case "-H":
			name, text, _ := strings.Cut(value(), ": ")
			header.Set(name, text)
		case "-X":
			method = value()
		case "-d":
			body = []byte(value())
			if header.Get("Content-Type") == "" {
				header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does
			}
		case "-r":
			header.Set("Range", "bytes="+value())
		case "-o":
			c.out = value()
		case "-L":
			c.client.CheckRedirect = nil
		default:
			url = expand(words[i])
		}
	}
	var err error
	if c.req, err = http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body)); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	c.req.Header = header
	return c
}

func TestShellPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, want string }{
		{".data/demo.env", ".data/demo.env"},
		{"demo.env", "./demo.env"},
		{"/srv/data/demo.env", "/srv/data/demo.env"},
		{"/srv/my data/demo.env", "'/srv/my data/demo.env'"},
		{"/srv/it's/demo.env", `'/srv/it'\''s/demo.env'`},
		{"/srv/$HOME/demo.env", "'/srv/$HOME/demo.env'"},
	} {
		if got := shellPath(c.path); got != c.want {
			t.Errorf("shellPath(%q) = %s, want %s", c.path, got, c.want)
		}
	}
}

// Without demo recordings, the token is printed only if --token asks for it. It is
// in demo.env either way.
func TestTheTokenIsPrintedOnlyWhenWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want bool
	}{{nil, true}, {[]string{"--empty"}, false}, {[]string{"--empty", "--token"}, true}} {
		p := launch(t, filepath.Join(t.TempDir(), "data"), c.args...)
		if token := p.vars["TOKEN"]; token == "" || strings.Contains(p.greeting, token) != c.want {
			t.Errorf("with %q the greeting is %s, want the token in it: %t", c.args, p.greeting, c.want)
		}
		if strings.Contains(p.stderr.String(), p.vars["TOKEN"]) {
			t.Errorf("with %q the token is in the log", c.args)
		}
		_ = p.cmd.Process.Kill()
	}
}

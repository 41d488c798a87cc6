package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// upload is _read_only.upload in the answer to a PUT.
type upload struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

type uploadKey struct{}

// cmdUpload is `upload [-again] FILE`: sends the file in the upload request that
// the last answer describes. With -again it repeats the previous upload request.
func cmdUpload(ts *testscript.TestScript, neg bool, args []string) {
	u, _ := ts.Value(uploadKey{}).(*upload)
	if len(args) == 2 && args[0] == "-again" {
		args = args[1:]
	} else {
		var made struct {
			Data struct {
				ReadOnly struct {
					Upload *upload `json:"upload"`
				} `json:"_read_only"`
			} `json:"data"`
		}
		ts.Check(json.Unmarshal(last(ts).body, &made))
		if made.Data.ReadOnly.Upload == nil {
			ts.Fatalf("the last answer has no upload")
		}
		*u = *made.Data.ReadOnly.Upload
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: upload [-again] FILE")
	}
	body, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	header := http.Header{}
	for name, value := range u.Headers {
		header.Set(name, value)
	}
	*ts.Value(answerKey{}).(*answer) = request(ts, u.Method, u.URL, header, bytes.NewReader(body))
}

// patience is the time limit for ingesting audio.
const patience = 90 * time.Second

// cmdAwait is `await STATE path`: requests the document of a recording, or a job, until
// it exists and is in that state.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await STATE path")
	}
	state := ""
	limit := patience
	if ts.Getenv("EVENTS") == "none" {
		limit = 3 * time.Second
	}
	for begun := time.Now(); time.Since(begun) < limit; time.Sleep(250 * time.Millisecond) {
		cmdHTTP(ts, false, []string{"GET", args[1]})
		var document struct {
			Data struct {
				Job      string `json:"state"`
				ReadOnly struct {
					State string `json:"state"`
				} `json:"_read_only"`
			} `json:"data"`
		}
		a := last(ts)
		if a.status == http.StatusNotFound {
			state = "missing"
			continue
		}
		if a.status != http.StatusOK {
			ts.Fatalf("GET %s: %d", args[1], a.status)
		}
		ts.Check(json.Unmarshal(a.body, &document))
		if state = document.Data.ReadOnly.State + document.Data.Job; state == args[0] {
			ts.Logf("%s after %v", state, time.Since(begun).Round(time.Millisecond))
			return
		}
	}
	ts.Fatalf("%s is %s after %v, want %s", args[1], state, limit, args[0])
}

// cmdAwaitJSON is `awaitjson PATH VALUE path`: requests the path until its JSON has the value,
// because what follows the stream comes later than the answer to a write.
func cmdAwaitJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: awaitjson PATH VALUE path")
	}
	got := ""
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(250 * time.Millisecond) {
		cmdHTTP(ts, false, []string{"GET", args[2]})
		a := last(ts)
		if a.status != http.StatusOK {
			ts.Fatalf("GET %s: %d", args[2], a.status)
		}
		if got, _ = lookup(a.body, args[0]); got == args[1] {
			ts.Logf("%s is %s after %v", args[0], got, time.Since(begun).Round(time.Millisecond))
			return
		}
	}
	ts.Fatalf("%s of %s is %q after %v, want %s", args[0], args[2], got, patience, args[1])
}

// cmdAudio is `audio FILE`: the last answer's body equals the file.
func cmdAudio(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: audio FILE")
	}
	want, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	if bytes.Equal(last(ts).body, want) == neg {
		ts.Fatalf("the body has %d bytes, %s has %d; equal: %v", len(last(ts).body), args[0], len(want), !neg)
	}
}

// cmdZipped is `zipped NAME [FILE]`: the last answer's body is a ZIP file with an entry of
// this name, which equals the file.
func cmdZipped(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || len(args) > 2 || neg && len(args) == 2 {
		ts.Fatalf("usage: [!] zipped NAME [FILE]")
	}
	body := last(ts).body
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	ts.Check(err)
	entry, err := z.Open(args[0])
	if neg {
		if err == nil {
			ts.Fatalf("the file has %s", args[0])
		}
		return
	}
	ts.Check(err)
	got, err := io.ReadAll(entry) // checks the CRC
	ts.Check(err)
	if len(args) == 1 {
		return
	}
	want, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	if !bytes.Equal(got, want) {
		ts.Fatalf("%s has %d bytes, %s has %d", args[0], len(got), args[1], len(want))
	}
}

//go:build e2e

package guides_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/e2e/pbx"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
)

// target is the server that the guides run on.
type target struct {
	url     string
	s3      pbx.S3
	jwks    []byte
	env     []string
	command string // the recordings command
	cloud   bool
}

func open(t *testing.T) *target {
	t.Helper()
	to := &target{url: given.Variable(t, "URL"), cloud: os.Getenv("DATA_DIR") == ""}
	if to.cloud {
		to.s3 = pbx.S3{Endpoint: given.Variable(t, "AWS_ENDPOINT_URL"), Bucket: given.Variable(t, "BUCKET_NAME"), Region: given.Variable(t, "AWS_REGION")}
		to.jwks = []byte(given.Variable(t, "TOKEN_KEYS"))
	} else {
		dir, err := datadir.Open(os.Getenv("DATA_DIR"))
		if err != nil {
			t.Fatal(err)
		}
		base, err := url.Parse(to.url)
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(base.Port())
		if err != nil {
			t.Fatal(err)
		}
		to.s3 = pbx.S3{
			Endpoint: "http://127.0.0.1:" + strconv.Itoa(port+1), Bucket: datadir.Bucket, Region: "us-east-1",
			ID: dir.Keys.S3AccessKeyID, Secret: dir.Keys.S3SecretAccessKey,
		}
		to.jwks = dir.Keys.Token
	}
	to.env = os.Environ()
	to.command = filepath.Join(given.Programs(t, "github.com/callrecordings/api/cmd/recordings"), "recordings")
	if !to.cloud {
		to.env = append(to.env, "AWS_ACCESS_KEY_ID="+to.s3.ID, "AWS_SECRET_ACCESS_KEY="+to.s3.Secret, "AWS_REGION="+to.s3.Region,
			"AWS_DEFAULT_REGION="+to.s3.Region, "AWS_ENDPOINT_URL="+to.s3.Endpoint, "BUCKET_NAME="+to.s3.Bucket)
		// The variables above are for the aws command. Without them, the recordings
		// command uses DATA_DIR.
		to.command = "env -u BUCKET_NAME -u AWS_ENDPOINT_URL " + to.command
	}
	return to
}

// begin opens a page with its own account. account distinguishes the accounts that
// are created in the same second.
func (to *target) begin(t *testing.T, page string, account int) *walk {
	t.Helper()
	id := fmt.Sprintf("%028x%04x", time.Now().Unix(), account)
	token, err := auth.Sign(to.jwks, auth.Claims{Account: id, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return &walk{target: to, t: t, dir: t.TempDir(), page: blocks(t, page), vars: map[string]string{
		"ACCOUNT_ID": id, "TOKEN": token, "S3_KEY": to.s3.ID, "S3_SECRET": to.s3.Secret,
	}}
}

// recordings waits until the account has exactly n recordings and all are ready,
// and returns them by call ID.
func (w *walk) recordings(n int) map[string]map[string]any {
	w.t.Helper()
	var all []map[string]any
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		all = w.list()
		ready := 0
		for _, r := range all {
			if readOnly, ok := r["_read_only"].(map[string]any); ok && readOnly["state"] == "ready" {
				ready++
			}
		}
		if ready == n && len(all) == n {
			break
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d recordings, %d ready, want %d: %v", len(all), ready, n, all)
		}
	}
	byCall := map[string]map[string]any{}
	for _, r := range all {
		call, _ := r["call_id"].(string)
		byCall[call] = r
	}
	return byCall
}

func (w *walk) list() []map[string]any {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/v2/accounts/"+w.vars["ACCOUNT_ID"]+"/recordings", http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", w.vars["TOKEN"])
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var answer struct{ Data []map[string]any }
	if err := json.Unmarshal(body, &answer); err != nil {
		w.t.Fatalf("%v: %s", err, body)
	}
	return answer.Data
}

// want compares some fields of a recording with the expected values.
func (w *walk) want(r map[string]any, fields map[string]any) {
	w.t.Helper()
	for name, want := range fields {
		if got := r[name]; got != want {
			w.t.Errorf("%v: %s = %v, want %v", r["id"], name, got, want)
		}
	}
}

// tone returns a WAV file of one second that is unique to name.
func tone(name string) []byte {
	b := append([]byte("RIFF\xa4\x3e\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x80\x3e\x00\x00"), make([]byte, 16000)...)
	copy(b[44:], strings.Repeat(name, 3))
	return b
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/gateway"
	"github.com/callrecordings/api/shared/openapi"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/version"
)

var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

// TestMain lets scripts run this program as a separate process.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"recordings": main})
}

// TestScripts runs the command as users do. Each script has its own folder with
// real audio, and an environment that cannot lead to AWS.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Files:         scripts(t),
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			e.Setenv("VERSION", version.Number)
			e.Setenv("MONTH", time.Now().UTC().Format("2006-01"))
			return copyAudio(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mask": mask, "verify": verify, "serve": serve, "setaside": setAside, "drop": drop, "play": play, "files": files,
			"kazoo": kazooServer, "awaitrecordings": awaitRecordings, "store": newStore, "lose": lose, "stuck": stuck,
		},
	})
}

// scripts returns the names of the scripts. With -short, they are those of commands that do
// things at the same time.
func scripts(t *testing.T) []string {
	t.Helper()
	names := "testdata/*.txtar"
	if testing.Short() {
		names = "testdata/import-*.txtar"
	}
	files, err := filepath.Glob(names)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	return files
}

// audio maps the files in the folder of every script to their sources.
var audio = map[string]string{
	"call.mp3":      "../../local/demo/03-wrong-number.mp3",
	"voicemail.wav": "../../local/demo/10-reminder.wav",
	"note.ogg":      "../../local/demo/08-invoice.ogg",
}

func copyAudio(dir string) error {
	for name, from := range audio {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// mask implements `mask FILE`: it replaces generated IDs with YYYYMM-ID, so that
// the rest can be compared, and writes the result to the file "masked".
func mask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mask FILE")
	}
	text := generatedID.ReplaceAllString(ts.ReadFile(args[0]), "YYYYMM-ID")
	ts.Check(os.WriteFile(ts.MkAbs("masked"), []byte(text), 0o600))
}

// verify implements `verify TOKENFILE KEYS|FOLDER ACCOUNT OWNER TTL`: the keys
// must accept the token, and it must be for that account and owner and expire
// after that time.
func verify(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 5 {
		ts.Fatalf("usage: verify TOKENFILE KEYS|FOLDER ACCOUNT OWNER TTL")
	}
	var jwks []byte
	if info, err := os.Stat(ts.MkAbs(args[1])); err == nil && info.IsDir() {
		dir, err := datadir.Open(ts.MkAbs(args[1]))
		ts.Check(err)
		jwks = dir.Keys.Token
	} else {
		jwks = []byte(ts.ReadFile(args[1]))
	}
	keys, err := auth.ParseKeys(jwks)
	ts.Check(err)
	b, err := auth.NewVerifier(keys, time.Now).Verify(context.Background(), strings.TrimSpace(ts.ReadFile(args[0])))
	if neg {
		if err == nil {
			ts.Fatalf("the token is accepted")
		}
		return
	}
	ts.Check(err)
	ttl, err := time.ParseDuration(args[4])
	ts.Check(err)
	if b.Account != args[2] || b.Owner != args[3] || (time.Until(b.Expires)-ttl).Abs() > time.Minute {
		ts.Fatalf("the token is for %q, %q and expires in %s", b.Account, b.Owner, time.Until(b.Expires))
	}
}

// newStore implements `store FOLDER`: it makes a data folder, as make run does.
func newStore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: store FOLDER")
	}
	dir, err := datadir.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	s, err := dir.OpenStore(context.Background(), time.Now)
	ts.Check(err)
	ts.Check(s.Close())
}

// serve implements `serve FOLDER`: it starts the API on a data folder, for play and for
// the commands that call the API, and writes demo.env.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve FOLDER")
	}
	dir, url, err := handlers(ts, ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Setenv("API", url)
	token, err := auth.Sign(dir.Keys.Token, auth.Claims{Account: "acc", Expires: time.Now().Add(time.Hour)})
	ts.Check(err)
	ts.Check(dir.WritePrivate(demoEnv, fmt.Sprintf("ACCOUNT_ID=acc\nUSER_ID=usr\nTOKEN=%s\nURL=%s\n", token, url)))
}

// setAside implements `setaside FOLDER`: it adds a message to the folder's queue
// and parks it, as after too many tries.
func setAside(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: setaside FOLDER")
	}
	ctx := context.Background()
	dir, err := datadir.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	s, err := dir.OpenStore(ctx, time.Now)
	ts.Check(err)
	defer func() { ts.Check(s.Close()) }()
	ts.Check(s.Enqueue(ctx, sqlite.Arrivals, []byte("{}")))
	due, err := s.Due(ctx, sqlite.Arrivals, 1)
	ts.Check(err)
	ts.Check(s.PutOff(ctx, due[0].Number, -1, "a test"))
}

// handlers starts the handlers of clients on a data folder, as local/ does, and returns
// their URL.
func handlers(ts *testscript.TestScript, path string) (*datadir.Dir, string, error) {
	ctx := context.Background()
	dir, err := datadir.Open(path)
	if err != nil {
		return nil, "", err
	}
	s, err := dir.OpenStore(ctx, time.Now)
	if err != nil {
		return nil, "", err
	}
	ts.Defer(func() { _ = s.Close() })
	s3, err := dir.StartS3(ctx, "127.0.0.1:0", nil)
	if err != nil {
		return nil, "", err
	}
	ts.Defer(func() { _ = s3.Close() })
	bucket, err := dir.OpenBucket(s3.URL(), "")
	if err != nil {
		return nil, "", err
	}
	keys, err := auth.ParseKeys(dir.Keys.Token)
	if err != nil {
		return nil, "", err
	}
	sealer, err := cursor.New(dir.Keys.Cursor, "")
	if err != nil {
		return nil, "", err
	}
	env := api.Env{Verifier: auth.NewVerifier(keys, time.Now), Now: time.Now}
	ops := map[api.Operation]http.Handler{
		api.OpList:     gateway.Local(api.List(env, s, sealer, true)),
		api.OpGet:      gateway.Local(api.Get(env, s, bucket, api.Delivery{PresignTTL: time.Minute})),
		api.OpPatch:    gateway.Local(api.Patch(env, s)),
		api.OpDelete:   gateway.Local(api.Delete(env, s, bucket, 7)),
		api.OpJobs:     jobs(ts, env, dir, s, bucket),
		api.OpFallback: gateway.Local(api.Fallback(env, openapi.JSON)),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ops[api.Match(r.Method, r.URL.EscapedPath())].ServeHTTP(w, r)
	}))
	ts.Defer(server.Close)
	return dir, server.URL, nil
}

// play implements `play TOKENFILE PATH TYPE FILE`: the API must answer with that
// type and with the bytes of the file. For application/json, it must contain
// each line of the file.
func play(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: play TOKENFILE PATH TYPE FILE")
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, ts.Getenv("API")+args[1], http.NoBody)
	ts.Check(err)
	req.Header.Set("X-Auth-Token", strings.TrimSpace(ts.ReadFile(args[0])))
	req.Header.Set("Accept", args[2])
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != args[2] {
		ts.Fatalf("%s: %s, %s, %.500s", args[1], resp.Status, resp.Header.Get("Content-Type"), body.Bytes())
	}
	want := ts.ReadFile(args[3])
	if args[2] != "application/json" {
		if body.String() != want {
			ts.Fatalf("%s: %d bytes, want those of %s", args[1], body.Len(), args[3])
		}
		return
	}
	var answer struct{ Data json.RawMessage }
	ts.Check(json.Unmarshal(body.Bytes(), &answer))
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); !strings.Contains(string(answer.Data), line) {
			ts.Fatalf("%s: %s\nwant %s in it", args[1], answer.Data, line)
		}
	}
}

// files implements `files FOLDER N`: the data folder must hold N audio objects.
func files(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: files FOLDER N")
	}
	if n := objects(ts, args[0]); strconv.Itoa(n) != args[1] {
		ts.Fatalf("%d objects, want %s", n, args[1])
	}
}

// objects counts the audio objects in a data folder.
func objects(ts *testscript.TestScript, folder string) (n int) {
	err := filepath.WalkDir(ts.MkAbs(filepath.Join(folder, "audio", "objects")), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
			ts.Logf("%s", path)
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		ts.Fatalf("%v", err)
	}
	return n
}

// awaitRecordings implements `awaitrecordings FOLDER N`: it waits up to a minute until the
// account acc has N recordings in the data folder. An import stores each after its audio.
func awaitRecordings(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: awaitrecordings FOLDER N")
	}
	for end := time.Now().Add(time.Minute); strconv.Itoa(recordings(ts, args[0])) != args[1]; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("%d recordings, want %s", recordings(ts, args[0]), args[1])
		}
	}
	time.Sleep(100 * time.Millisecond) // until the import has counted the last one
}

// recordings returns the number of recordings of the account acc in a data folder.
func recordings(ts *testscript.TestScript, folder string) int {
	dir, err := datadir.Open(ts.MkAbs(folder))
	ts.Check(err)
	s, err := dir.OpenStore(context.Background(), time.Now)
	ts.Check(err)
	page, err := s.Page(context.Background(), store.Query{Account: "acc", Limit: 100})
	ts.Check(errors.Join(err, s.Close()))
	return len(page.Recordings)
}

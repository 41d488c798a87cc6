// Package events_test passes every sample event in this folder to the handler of its
// function, over the embedded store and the local S3 server, and compares the whole
// response with testdata. `sam local invoke` uses the same files.
package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/events/sample"
	"github.com/callrecordings/api/local/eventlog"
	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/gateway"
	ingest "github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/tablestream"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestSampleEvents(t *testing.T) {
	events, err := filepath.Glob("*.json")
	if err != nil || len(events) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for _, name := range events {
		t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) {
			t.Parallel()
			event, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			function, _, _ := strings.Cut(name, "-")
			out, err := handlers(t)[function].Invoke(t.Context(), event)
			if err != nil {
				t.Fatalf("Invoke(%s): %v", name, err)
			}
			golden(t, filepath.Join("testdata", strings.TrimSuffix(name, ".json")+".golden"), pretty(t, out))
		})
	}
}

// handlers returns the handlers of the functions, by folder, over the sample
// recordings.
func handlers(t *testing.T) map[string]lambda.Handler {
	t.Helper()
	embedded, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: sample.Now, Random: zeros{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Close() })
	audio := bucket(t)
	if err := sample.Seed(t.Context(), embedded, audio); err != nil {
		t.Fatal(err)
	}
	events, err := eventlog.Open(filepath.Join(t.TempDir(), "events.jsonl"), eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = events.Close() })
	keys, err := auth.ParseKeys([]byte(sample.Keys))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := cursor.New(sample.CursorKey, "")
	if err != nil {
		t.Fatal(err)
	}
	names, err := namepattern.Open("", "")
	if err != nil {
		t.Fatal(err)
	}
	env := api.Env{Verifier: auth.NewVerifier(keys, sample.Now), Now: sample.Now, Random: zeros{}, Node: "sample"}
	return map[string]lambda.Handler{
		"list":    gateway.Handler(api.List(env, embedded, sealer, true)),
		"get":     gateway.Handler(api.Get(env, embedded, audio, api.Delivery{})),
		"share":   gateway.Handler(api.Share(env, embedded, link.New(embedded, sample.Now, zeros{}), audio, api.Delivery{}, "")),
		"patch":   gateway.Handler(api.Patch(env, embedded)),
		"receive": gateway.Handler(api.Receive(env, embedded, api.Storage{Audio: audio, MaxBytes: 1 << 30, Names: names.Call})),
		"create":  gateway.Handler(api.Create(env, embedded, api.Uploads{Audio: audio, MaxBytes: 1 << 30, TTL: time.Minute})),
		"ingest": lambda.NewHandler(ingest.Handler(ingest.Queue{
			Route: "ingest", Bucket: "sample", Log: slog.New(slog.DiscardHandler), Now: sample.Now,
			Ingest: ingest.Ingester{Store: embedded, Audio: audio, Names: names, MaxBytes: 1 << 30, Now: sample.Now}.Ingest,
		})),
		"publish": lambda.NewHandler(tablestream.ChangesHandler(tablestream.ChangesOptions{
			Route: "publish", Log: slog.New(slog.DiscardHandler), Now: sample.Now, Read: dynamo.ChangeOf,
			Feed: feed.New(embedded, sample.Now).Follow(true, events), Lost: feed.New(embedded, sample.Now).Lose,
		})),
		"changes":  gateway.Handler(api.Changes(env, feed.New(embedded, sample.Now), nil, sealer, 0)),
		"access":   gateway.Handler(api.Manage(env, embedded, sealer, nil)),
		"delete":   gateway.Handler(api.Delete(env, embedded, audio, 0)),
		"fallback": gateway.Handler(api.Fallback(env, nil)),
		"purge": lambda.NewHandler(tablestream.Handler(tablestream.Options{
			Route: "purge", Log: slog.New(slog.DiscardHandler), Now: sample.Now,
			Work: func(ctx context.Context, key tablestream.Key) error {
				return purge.Pending(ctx, embedded, audio, key.Account, key.ID)
			},
		})),
	}
}

// zeros is a constant in place of random bytes, so that the golden files are
// reproducible.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func bucket(t *testing.T) *s3media.Bucket {
	t.Helper()
	const key = "sample"
	server, err := s3server.Start(t.Context(), s3server.Options{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", AccessKeyID: key, SecretAccessKey: key, Bucket: key,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	b, err := s3media.Open(s3media.Options{
		Region: "us-east-1", Endpoint: server.URL(), Bucket: key,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: key}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// modified matches the only part of a response that depends on the current time: the
// object's modification time, which the S3 server sets.
var modified = regexp.MustCompile(`[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT`)

func pretty(t *testing.T, response []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, modified.ReplaceAll(response, []byte("<time>")), "", "  "); err != nil {
		t.Fatalf("the response is not JSON: %v\n%s", err, response)
	}
	return append(b.Bytes(), '\n')
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; to create it: go test ./events -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; to accept it: go test ./events -update\n got %s\nwant %s", name, got, want)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callrecordings/api/local/datadir"
)

// drop implements `drop FOLDER KEY FILE`: it stores a file in the bucket of a
// data folder, without any event about it.
func drop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: drop FOLDER KEY FILE")
	}
	ctx := context.Background()
	dir, err := datadir.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	server, err := dir.StartS3(ctx, "127.0.0.1:0", nil)
	ts.Check(err)
	bucket, err := dir.OpenBucket(server.URL(), "")
	if err == nil {
		var body []byte
		if body, err = os.ReadFile(ts.MkAbs(args[2])); err == nil {
			err = bucket.Put(ctx, args[1], "application/octet-stream", bytes.NewReader(body), int64(len(body)))
		}
	}
	ts.Check(errors.Join(err, server.Close()))
}

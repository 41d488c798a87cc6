package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"callrecordings/local/datadir"
	"callrecordings/shared/intake"
	"callrecordings/shared/media/s3media"
	"callrecordings/shared/store/dynamo"
)

// target says where the recordings are.
type target struct {
	dataDir, table, bucket, endpoint string
	getenv                           func(string) string
}

// targetFlags adds the flags that choose a target; the environment has their
// defaults.
func (e env) targetFlags(fs *flag.FlagSet) *target {
	t := &target{getenv: e.getenv}
	fs.StringVar(&t.dataDir, "data-dir", e.getenv("DATA_DIR"), "local data `folder`")
	fs.StringVar(&t.table, "table", e.getenv("TABLE_NAME"), "`name` of a deployment's table")
	fs.StringVar(&t.bucket, "bucket", e.getenv("BUCKET_NAME"), "`name` of a deployment's bucket")
	fs.StringVar(&t.endpoint, "endpoint", e.getenv("AWS_ENDPOINT_URL"), "`URL` of an emulator in place of AWS")
	return t
}

// deployed reports whether the target is a deployment. A data folder that was
// named wins over a deployment in the environment only if the flags say so.
func (t *target) deployed() bool { return t.table != "" || t.bucket != "" }

// open makes what takes recordings in; the caller calls close.
func (t *target) open(ctx context.Context) (in intake.Intake, closed func() error, err error) {
	in = intake.Intake{Now: time.Now, Random: rand.Reader}
	if t.deployed() {
		return in, func() error { return nil }, t.openDeployment(ctx, &in)
	}
	closed, err = t.openLocal(ctx, &in)
	return in, closed, err
}

// openLocal opens the data folder. Audio goes through an S3 server of our own
// over the same folder, so that the running server need not be found, or run.
func (t *target) openLocal(ctx context.Context, in *intake.Intake) (closed func() error, err error) {
	dir, err := t.openDir()
	if err != nil {
		return nil, err
	}
	store, err := dir.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	server, err := dir.StartS3(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	closed = func() error { return errors.Join(server.Close(), store.Close()) }
	bucket, err := dir.OpenBucket(server.URL(), "")
	if err != nil {
		return nil, errors.Join(err, closed())
	}
	in.Store, in.Audio = store, bucket
	return closed, nil
}

func (t *target) openDir() (*datadir.Dir, error) {
	path := t.dataDir
	if path == "" {
		path = datadir.Default
	}
	return datadir.Open(path)
}

func (t *target) openDeployment(ctx context.Context, in *intake.Intake) error {
	if t.table == "" || t.bucket == "" {
		return usageError{errors.New("a deployment needs both --table and --bucket")}
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("settings of AWS: %w", err)
	}
	if aws.Region == "" {
		return errors.New("settings of AWS: no region; set AWS_REGION")
	}
	store, err := dynamo.Open(dynamo.Options{
		Region: aws.Region, Endpoint: first(t.getenv("AWS_ENDPOINT_URL_DYNAMODB"), t.endpoint), Table: t.table,
		Credentials: aws.Credentials, Now: time.Now, Random: rand.Reader,
	})
	if err != nil {
		return err
	}
	bucket, err := s3media.Open(s3media.Options{
		Region: aws.Region, Endpoint: first(t.getenv("AWS_ENDPOINT_URL_S3"), t.endpoint), Bucket: t.bucket, Credentials: aws.Credentials,
	})
	if err != nil {
		return err
	}
	in.Store, in.Audio = store, bucket
	return nil
}

// tokenKeys are the keys that tokens of the target are signed with.
func (t *target) tokenKeys() ([]byte, error) {
	if keys := t.getenv("TOKEN_KEYS"); keys != "" {
		return []byte(keys), nil
	}
	if t.deployed() {
		return nil, usageError{errors.New("TOKEN_KEYS is not set; a deployment's tokens are signed with its private keys")}
	}
	dir, err := t.openDir()
	if err != nil {
		return nil, err
	}
	return dir.Keys.Token, nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

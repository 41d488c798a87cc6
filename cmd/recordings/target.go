package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"

	"callrecordings/local/datadir"
	"callrecordings/shared/incoming"
	"callrecordings/shared/incoming/upload"
	"callrecordings/shared/media/s3media"
	"callrecordings/shared/store"
	"callrecordings/shared/store/dynamo"
)

// target says where the recordings are. What flags say counts; where they say
// nothing, the environment does.
type target struct {
	dataDir, table, bucket, endpoint string
	env
}

// targetFlags adds the flags that choose a target.
func (e env) targetFlags(fs *flag.FlagSet) *target {
	t := &target{env: e}
	fs.StringVar(&t.dataDir, "data-dir", "", "local data `folder` (or DATA_DIR; else "+datadir.Default+")")
	fs.StringVar(&t.table, "table", "", "`name` of a deployment's table (or TABLE_NAME)")
	fs.StringVar(&t.bucket, "bucket", "", "`name` of a deployment's bucket (or BUCKET_NAME)")
	fs.StringVar(&t.endpoint, "endpoint", "", "`URL` of an emulator in place of AWS (or AWS_ENDPOINT_URL)")
	return t
}

// choose settles on a data folder or a deployment, once the flags are read.
// To guess between the two could put recordings where nobody expects them.
func (t *target) choose() error {
	local, deployed := t.dataDir != "", t.table != "" || t.bucket != "" || t.endpoint != ""
	if local && deployed {
		return usageError{errors.New("--data-dir is a local target, --table, --bucket and --endpoint a deployment: give one of the two")}
	}
	if local {
		return nil
	}
	t.table, t.bucket = first(t.table, t.getenv("TABLE_NAME")), first(t.bucket, t.getenv("BUCKET_NAME"))
	if t.table == "" && t.bucket == "" && !deployed {
		return t.chooseFolder()
	}
	if !deployed && t.getenv("DATA_DIR") != "" {
		return usageError{errors.New("DATA_DIR is set, and TABLE_NAME or BUCKET_NAME too: choose by --data-dir, or by --table and --bucket")}
	}
	return nil
}

// chooseFolder takes the folder that the environment names, else the default,
// which must be there: a command in the wrong place would make one.
func (t *target) chooseFolder() error {
	if t.dataDir = t.getenv("DATA_DIR"); t.dataDir != "" {
		return nil
	}
	t.dataDir = datadir.Default
	if _, err := os.Stat(t.dataDir); err != nil {
		return usageError{fmt.Errorf("there is no %s here: run make run first, or name a folder by --data-dir, or a deployment by --table and --bucket", t.dataDir)}
	}
	return nil
}

// deployed reports whether the target is a deployment.
func (t *target) deployed() bool { return t.dataDir == "" }

// opened is a target: its store of documents and its bucket of audio.
type opened struct {
	store interface {
		store.Store
		store.Secrets
		store.Finder
		store.Reviver
		incoming.Store
	}
	audio *s3media.Bucket
}

// open opens the target; the caller calls closed.
func (t *target) open(ctx context.Context) (o opened, closed func() error, err error) {
	if err := t.choose(); err != nil {
		return o, nil, err
	}
	if t.deployed() {
		return o, func() error { return nil }, t.openDeployment(ctx, &o)
	}
	closed, err = t.openLocal(ctx, &o)
	return o, closed, err
}

// openIntake opens the target as what takes recordings in.
func (t *target) openIntake(ctx context.Context) (in upload.Uploader, closed func() error, err error) {
	o, closed, err := t.open(ctx)
	return upload.Uploader{Store: o.store, Audio: o.audio, Now: t.now, Random: rand.Reader}, closed, err
}

// openLocal opens the data folder. Audio goes through an S3 server of our own
// over the same folder, so that the running server need not be found, or run.
func (t *target) openLocal(ctx context.Context, o *opened) (closed func() error, err error) {
	dir, err := datadir.Open(t.dataDir)
	if err != nil {
		return nil, err
	}
	database, err := dir.OpenStore(ctx, t.now)
	if err != nil {
		return nil, err
	}
	server, err := dir.StartS3(ctx, "127.0.0.1:0", nil)
	if err != nil {
		return nil, errors.Join(err, database.Close())
	}
	bucket, err := dir.OpenBucket(server.URL(), "") //nolint:contextcheck // it makes a client and calls nobody
	if err != nil {
		return nil, errors.Join(err, server.Close(), database.Close())
	}
	o.store, o.audio = database, bucket
	return func() error {
		bucket.CloseIdleConnections()
		return errors.Join(server.Close(), database.Close())
	}, nil
}

func (t *target) openDeployment(ctx context.Context, o *opened) error {
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
	if _, err := aws.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("settings of AWS: no credentials: %w", err)
	}
	endpoint := func(service string) string {
		return first(t.endpoint, t.getenv("AWS_ENDPOINT_URL_"+service), t.getenv("AWS_ENDPOINT_URL"))
	}
	table, err := dynamo.Open(dynamo.Options{
		Region: aws.Region, Endpoint: endpoint("DYNAMODB"), Table: t.table,
		Credentials: aws.Credentials, Now: t.now, Random: rand.Reader,
	})
	if err != nil {
		return err
	}
	bucket, err := s3media.Open(s3media.Options{ //nolint:contextcheck // it makes a client and calls nobody
		Region: aws.Region, Endpoint: endpoint("S3"), Bucket: t.bucket, Credentials: aws.Credentials,
	})
	if err != nil {
		return err
	}
	o.store, o.audio = table, bucket
	return t.reach(ctx, table, bucket)
}

// reach finds out whether table and bucket are there, before any audio is
// sent to the one for a document that the other cannot take.
func (t *target) reach(ctx context.Context, s *dynamo.Store, b *s3media.Bucket) error {
	if _, err := s.Get(ctx, "none", "000001-none"); !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("the table %s cannot be used: %w", t.table, err)
	}
	if err := b.Warm(ctx); err != nil {
		return fmt.Errorf("the bucket %s cannot be used: %w", t.bucket, err)
	}
	return nil
}

// tokenKeys are the keys that tokens of the target are signed with. They are
// all that a token needs of a deployment, so TOKEN_KEYS alone names one.
func (t *target) tokenKeys() ([]byte, error) {
	if t.dataDir == "" && t.getenv("DATA_DIR") == "" {
		if keys := t.getenv("TOKEN_KEYS"); keys != "" {
			return []byte(keys), nil
		}
	}
	if err := t.choose(); err != nil {
		return nil, err
	}
	if t.deployed() {
		keys := t.getenv("TOKEN_KEYS")
		if keys == "" {
			return nil, errors.New("TOKEN_KEYS is not set; a deployment's tokens are signed with its private keys, a JWKS")
		}
		return []byte(keys), nil
	}
	dir, err := datadir.Open(t.dataDir)
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

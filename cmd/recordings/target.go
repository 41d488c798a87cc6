package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/upload"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// target is where the recordings are: a local data folder or a deployment.
// Options take precedence over the environment.
type target struct {
	env
	dataDir, table, bucket, endpoint string
	// creates allows the command to make a new data folder. For any other command, a
	// folder without recordings is a mistyped one.
	creates bool
}

// targetFlags adds the options that choose a target.
func (e env) targetFlags(fs *pflag.FlagSet) *target {
	t := &target{env: e}
	fs.StringVar(&t.dataDir, "data-dir", "", "`FOLDER`: local data folder (or DATA_DIR; default "+datadir.Default+")")
	fs.StringVar(&t.table, "table", "", "`NAME`: DynamoDB table of a deployment (or TABLE_NAME)")
	bucketFlag(fs, &t.bucket)
	fs.StringVar(&t.endpoint, "endpoint", "", "`URL`: emulator to use instead of AWS (or AWS_ENDPOINT_URL)")
	return t
}

// bucketFlag adds --bucket.
func bucketFlag(fs *pflag.FlagSet, into *string) {
	fs.StringVar(into, "bucket", "", "`NAME`: S3 bucket of a deployment (or BUCKET_NAME)")
}

// choose decides between a data folder and a deployment, after the options are
// parsed. If options or the environment name both, it returns an error: a guess
// could put recordings into the wrong place.
func (t *target) choose() error {
	local, deployed := t.dataDir != "", t.table != "" || t.bucket != "" || t.endpoint != ""
	if local && deployed {
		return usageError{errors.New("--data-dir names a local folder; --table, --bucket and --endpoint name a deployment: use one or the other")}
	}
	if local {
		return nil
	}
	t.table, t.bucket = first(t.table, t.getenv("TABLE_NAME")), first(t.bucket, t.getenv("BUCKET_NAME"))
	if t.table == "" && t.bucket == "" && !deployed {
		return t.chooseFolder()
	}
	if !deployed && t.getenv("DATA_DIR") != "" {
		return usageError{errors.New("both DATA_DIR and TABLE_NAME or BUCKET_NAME are set: choose with --data-dir, or with --table and --bucket")}
	}
	return nil
}

// chooseFolder takes the folder from --data-dir or DATA_DIR, or else the
// default folder. The default must exist, so that a command run in the wrong
// directory does not create one there.
func (t *target) chooseFolder() error {
	if t.dataDir = first(t.dataDir, t.getenv("DATA_DIR")); t.dataDir != "" {
		return nil
	}
	t.dataDir = datadir.Default
	if _, err := os.Stat(t.dataDir); err != nil {
		return usageError{fmt.Errorf("no %s in this directory: start the server with make run first, or choose a folder with --data-dir, or a deployment with --table and --bucket", t.dataDir)}
	}
	return nil
}

// openFolder opens the data folder. Only a command that may create it makes a new one.
func (t *target) openFolder() (*datadir.Dir, error) {
	if !t.creates && !datadir.Exists(t.dataDir) {
		return nil, usageError{fmt.Errorf("the folder %s has no recordings, and only make run and imports make a new data folder: check --data-dir (or DATA_DIR)", t.dataDir)}
	}
	return datadir.Open(t.dataDir)
}

// deployed reports whether choose has chosen a deployment.
func (t *target) deployed() bool { return t.dataDir == "" }

// opened is an open target: the store of its documents and the bucket of its
// audio.
type opened struct {
	store interface {
		store.Store
		store.Secrets
		store.Finder
		store.Reviver
		store.Corrector
		store.GuardedCorrector
		store.Entries
		incoming.Store
	}
	// visible is the store as clients see it: without expired recordings.
	visible store.Reader
	audio   *s3media.Bucket
	// driver is the store itself, for fsck.
	driver interface {
		reconcile.Store
		search.Store
		deletion.Store
	}
}

// watch sets the two stores of recordings.
func (o *opened) watch(w retention.Watched) { o.store, o.visible = w, retention.View{Watched: w} }

// open opens the target. The caller must call closed.
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

// openUploader opens the target for adding recordings. The caller must call
// closed.
func (t *target) openUploader(ctx context.Context) (in upload.Uploader, closed func() error, err error) {
	o, closed, err := t.open(ctx)
	return upload.Uploader{Store: o.store, Audio: o.audio, Now: t.now, Random: rand.Reader}, closed, err
}

// openLocal opens the data folder. It starts an S3 server of its own on the
// folder's audio, so it works whether or not the local server is running.
func (t *target) openLocal(ctx context.Context, o *opened) (closed func() error, err error) {
	dir, err := t.openFolder()
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
	bucket, err := dir.OpenBucket(server.URL(), "") //nolint:contextcheck // it only makes a client, without any request
	if err != nil {
		return nil, errors.Join(err, server.Close(), database.Close())
	}
	o.watch(retention.Watch(database, retention.NewRules(database, t.now)).Locking())
	o.audio, o.driver = bucket, database
	return func() error {
		bucket.CloseIdleConnections()
		return errors.Join(server.Close(), database.Close())
	}, nil
}

// openDeployment makes clients for the table and the bucket and checks that
// both can be reached.
func (t *target) openDeployment(ctx context.Context, o *opened) error {
	if t.table == "" || t.bucket == "" {
		return usageError{errors.New("a deployment needs both --table and --bucket")}
	}
	settings, err := loadAWS(ctx)
	if err != nil {
		return err
	}
	table, err := t.openTable(settings)
	if err != nil {
		return err
	}
	bucket, err := s3media.Open(s3media.Options{ //nolint:contextcheck // it only makes a client, without any request
		Region: settings.Region, Endpoint: t.endpointOf("S3"), Bucket: t.bucket, Credentials: settings.Credentials,
	})
	if err != nil {
		return err
	}
	o.watch(retention.Watch(table, retention.NewRules(table, t.now)).Locking())
	o.audio, o.driver = bucket, table
	return t.reach(ctx, table, bucket)
}

// loadAWS loads the settings of AWS's tools, and checks that they are complete.
func loadAWS(ctx context.Context) (aws.Config, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return settings, fmt.Errorf("AWS settings: %w", err)
	}
	if settings.Region == "" {
		return settings, errors.New("AWS settings: no region; set AWS_REGION")
	}
	if _, err := settings.Credentials.Retrieve(ctx); err != nil {
		return settings, fmt.Errorf("AWS settings: no credentials: %w", err)
	}
	return settings, nil
}

// endpointOf returns the emulator of a service, "" for AWS.
func (t *target) endpointOf(service string) string {
	return first(t.endpoint, t.getenv("AWS_ENDPOINT_URL_"+service), t.getenv("AWS_ENDPOINT_URL"))
}

// openTable makes a client for the table, without any request.
func (t *target) openTable(settings aws.Config) (*dynamo.Store, error) {
	return dynamo.Open(dynamo.Options{
		Region: settings.Region, Endpoint: t.endpointOf("DYNAMODB"), Table: t.table,
		Credentials: settings.Credentials, Now: t.now, Random: rand.Reader,
	})
}

// readableEntries are the entries of a target, and its recordings for reading.
type readableEntries interface {
	store.Entries
	store.Reader
	store.Finder
}

// openEntries opens only the entries of the target, which need no bucket. The caller
// must call closed.
func (t *target) openEntries(ctx context.Context) (entries readableEntries, closed func() error, err error) {
	s, closed, err := t.openIndex(ctx)
	return s, closed, err
}

// openIndex opens the recordings and entries of the target, without its bucket. The caller
// must call closed.
func (t *target) openIndex(ctx context.Context) (s search.Store, closed func() error, err error) {
	if err := t.choose(); err != nil {
		return nil, nil, err
	}
	if !t.deployed() {
		dir, err := t.openFolder()
		if err != nil {
			return nil, nil, err
		}
		database, err := dir.OpenStore(ctx, t.now)
		if err != nil {
			return nil, nil, err
		}
		return database, database.Close, nil
	}
	if t.table == "" {
		return nil, nil, usageError{errors.New("a deployment needs --table")}
	}
	settings, err := loadAWS(ctx)
	if err != nil {
		return nil, nil, err
	}
	table, err := t.openTable(settings)
	return table, func() error { return nil }, err
}

// reach checks that the table and the bucket are accessible. Otherwise audio
// could be uploaded before the table turns out to be unavailable.
func (t *target) reach(ctx context.Context, s *dynamo.Store, b *s3media.Bucket) error {
	if _, err := s.Get(ctx, "none", "000001-none"); !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("the table %s cannot be used: %w", t.table, err)
	}
	if err := b.Warm(ctx); err != nil {
		return fmt.Errorf("the bucket %s cannot be used: %w", t.bucket, err)
	}
	return nil
}

// tokenKeys returns the JWKS that signs the target's tokens. TOKEN_KEYS is enough:
// signing needs neither the table nor the bucket. A local server with TOKEN_KEYS uses
// them instead of the keys in its data folder, so here they take precedence over
// DATA_DIR, too, but not over --data-dir.
func (t *target) tokenKeys() ([]byte, error) {
	if t.dataDir == "" {
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
			return nil, errors.New("TOKEN_KEYS is not set; it must hold the private keys (a JWKS) that sign the deployment's tokens")
		}
		return []byte(keys), nil
	}
	dir, err := t.openFolder()
	if err != nil {
		return nil, err
	}
	return dir.Keys.Token, nil
}

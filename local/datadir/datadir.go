// Package datadir is the folder of a local installation: the database, the
// audio and the keys. The server and the recordings command open the same one,
// also at the same time.
//
//	recordings.db   metadata, SQLite, and queues of what somebody is still to be told
//	events.jsonl    what has happened to recordings, one event a line
//	audio/          what the built-in S3 server keeps
//	keys.json       secrets and the demo's ids, for the owner's eyes only
//	demo.env        what the server printed last, to be sourced by scripts
package datadir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"callrecordings/local/s3server"
	"callrecordings/shared/auth"
	"callrecordings/shared/media/s3media"
	"callrecordings/shared/store/sqlite"
)

// Default is the folder that is used when nobody names one.
const Default = ".data"

// Bucket is the name of the built-in S3 server's one bucket.
const Bucket = "recordings"

const (
	region = "us-east-1"
)

// Dir is an opened folder.
type Dir struct {
	// Path of the folder, absolute.
	Path string
	// Keys are its secrets.
	Keys Keys
}

// Keys are the contents of keys.json. They are made once.
type Keys struct {
	// Token is the JWKS that tokens are signed and checked with.
	Token json.RawMessage `json:"token_keys"`
	// Cursor seals the cursors of lists.
	Cursor string `json:"cursor_key"`
	// S3AccessKeyID and S3SecretAccessKey are the built-in S3 server's.
	S3AccessKeyID     string `json:"s3_access_key_id"`
	S3SecretAccessKey string `json:"s3_secret_access_key"`
	// Account and Users are those of the demo recordings.
	Account string   `json:"account"`
	Users   []string `json:"users"`
}

// String keeps the secrets out of logs.
func (k Keys) String() string { return "keys of account " + k.Account }

// GoString is String for %#v.
func (k Keys) GoString() string { return k.String() }

// demoUsers is how many users the demo account has.
const demoUsers = 3

// Open opens the folder at path, made if it is not there. Two processes may do
// so at once. A folder that cannot be used is one error that says why.
func Open(path string) (*Dir, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be found: %w", path, err)
	}
	d := &Dir{Path: absolute}
	if err := os.MkdirAll(d.Path, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be made: %w", d.Path, cause(err))
	}
	if err := d.readKeys(); err != nil {
		return nil, err
	}
	return d, nil
}

// cause drops from err what the sentence around it says: what was done, and
// with which file.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// File is the path of a file in the folder.
func (d *Dir) File(name string) string { return filepath.Join(d.Path, name) }

// WritePrivate replaces a file of the folder, which only its owner may read.
// Whoever reads it meanwhile finds the old or the new text, and never a part.
func (d *Dir) WritePrivate(name, text string) error {
	temporary, err := d.temporary(name, text)
	if err == nil {
		err = os.Rename(temporary, d.File(name))
	}
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be written: %w", d.Path, cause(err))
	}
	return nil
}

// temporary writes text, safe on the disk, under a name that nobody else uses.
func (d *Dir) temporary(name, text string) (string, error) {
	f, err := os.CreateTemp(d.Path, name+".*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

const keysFile = "keys.json"

// readKeys reads keys.json, or makes it. Of two processes that make it at
// once one is first, and both use its keys.
func (d *Dir) readKeys() error {
	text, err := os.ReadFile(d.File(keysFile))
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.makeKeys(); err != nil {
			return fmt.Errorf("the data folder %s cannot be written: %w", d.Path, cause(err))
		}
		text, err = os.ReadFile(d.File(keysFile))
	}
	if err != nil {
		return fmt.Errorf("the keys in %s cannot be read: %w", d.File(keysFile), cause(err))
	}
	if err := json.Unmarshal(text, &d.Keys); err != nil {
		return fmt.Errorf("the keys in %s are damaged: %w", d.File(keysFile), err)
	}
	if d.Keys.incomplete() {
		return fmt.Errorf("the keys in %s are damaged: something is missing", d.File(keysFile))
	}
	return nil
}

func (k Keys) incomplete() bool {
	return len(k.Token) == 0 || k.Cursor == "" || k.S3AccessKeyID == "" || k.S3SecretAccessKey == "" ||
		k.Account == "" || len(k.Users) == 0
}

func (d *Dir) makeKeys() error {
	token, err := auth.NewKeys(rand.Reader, "local")
	if err != nil {
		return err
	}
	k := Keys{Token: token, Cursor: random(32), S3AccessKeyID: random(10), S3SecretAccessKey: random(20), Account: random(16)}
	for range demoUsers {
		k.Users = append(k.Users, random(16))
	}
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := d.temporary(keysFile, string(text)+"\n")
	if err != nil {
		return err
	}
	defer os.Remove(temporary)                 //nolint:errcheck // a rename may have taken it
	err = os.Link(temporary, d.File(keysFile)) // unlike a rename, it never replaces
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// Some file systems have no links. There the first starts of two
	// processes must not coincide to the millisecond.
	if _, err := os.Stat(d.File(keysFile)); err == nil {
		return nil
	}
	return os.Rename(temporary, d.File(keysFile))
}

// random is n random bytes in hex.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// OpenStore opens the database, with the clock of the process. The caller
// closes it.
func (d *Dir) OpenStore(ctx context.Context, now func() time.Time) (*sqlite.Store, error) {
	s, err := sqlite.Open(ctx, d.File("recordings.db"), sqlite.Options{Now: now, Random: rand.Reader, QueueChanges: true})
	if err != nil {
		return nil, fmt.Errorf("the database of the data folder cannot be used: %w", err)
	}
	return s, nil
}

// StartS3 starts the built-in S3 server over the folder's audio. created, if
// not nil, gets the event of every new object. The caller closes the server.
func (d *Dir) StartS3(ctx context.Context, addr string, created func(context.Context, []byte)) (*s3server.Server, error) {
	return s3server.Start(ctx, s3server.Options{
		Dir: d.File("audio"), Addr: addr, Bucket: Bucket, Region: region,
		AccessKeyID: d.Keys.S3AccessKeyID, SecretAccessKey: d.Keys.S3SecretAccessKey,
		Created: created,
	})
}

// Event is the event of an object of the folder, for one that nobody was told
// of.
func Event(key string, at time.Time) []byte { return s3server.Event(Bucket, key, "", region, at) }

// OpenBucket is the client of a built-in S3 server at endpoint. Presigned URLs
// are signed for the address public, "" for the same.
func (d *Dir) OpenBucket(endpoint, public string) (*s3media.Bucket, error) {
	c := aws.Credentials{AccessKeyID: d.Keys.S3AccessKeyID, SecretAccessKey: d.Keys.S3SecretAccessKey}
	return s3media.Open(s3media.Options{
		Region: region, Endpoint: endpoint, PublicEndpoint: public, Bucket: Bucket,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }),
	})
}

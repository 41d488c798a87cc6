// Package datadir manages the data folder of a local installation: its database,
// audio and keys. One server at a time may run on a folder (see [Dir.Lock]). The
// recordings command can open the same folder at the same time.
//
//	recordings.db   SQLite database: documents, and queues of arrivals and changes
//	events.jsonl    events about recordings, one per line; older ones are in
//	                events-00000001.jsonl and so on (package eventlog)
//	audio/          data of the built-in S3 server
//	keys.json       secrets and the demo's IDs, readable only by the owner
//	demo.env        address and credentials that the server printed last, for scripts
//	server.lock     locked by the running server
//
// Everything in the folder is accessible only to its owner. [Open] removes other
// users' access to a folder that an earlier version made.
package datadir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// Default is the data folder if no other is configured.
const Default = ".data"

// Bucket is the name of the built-in S3 server's one bucket.
const Bucket = "recordings"

const region = "us-east-1"

const (
	dirPerm, filePerm = 0o700, 0o600
	// others are the permissions of everyone but the owner.
	others = 0o077
)

// database is the name of the database's file.
const database = "recordings.db"

// own lists the prefixes of the names of the folder's files.
var own = []string{database, "events", keysFile, "demo.env", lockFile}

// Dir is an open data folder.
type Dir struct {
	// Path is the absolute path of the folder.
	Path string
	// Keys are the folder's secrets.
	Keys Keys
}

// Keys is the content of keys.json. The keys are generated once.
type Keys struct {
	// Token is the JWKS that signs and verifies tokens.
	Token json.RawMessage `json:"token_keys"`
	// Cursor is the key that seals the cursors of lists.
	Cursor string `json:"cursor_key"`
	// S3AccessKeyID and S3SecretAccessKey are the key pair of the built-in S3
	// server.
	S3AccessKeyID     string `json:"s3_access_key_id"`
	S3SecretAccessKey string `json:"s3_secret_access_key"`
	// Account and Users own the demo recordings.
	Account string   `json:"account"`
	Users   []string `json:"users"`
}

// String keeps the secrets out of logs.
func (k Keys) String() string { return "keys of account " + k.Account }

// GoString is String for %#v.
func (k Keys) GoString() string { return k.String() }

// demoUsers is how many users the demo account has.
const demoUsers = 3

// Open opens the folder at path and creates it if necessary. Several processes
// may do so at once. The error is one line that names the folder and the cause.
func Open(path string) (*Dir, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be found: %w", path, err)
	}
	d := &Dir{Path: absolute}
	if err := os.MkdirAll(d.Path, dirPerm); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be made: %w", d.Path, cause(err))
	}
	if err := d.readKeys(); err != nil {
		return nil, err
	}
	if err := d.restrict(); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be made private: %w", d.Path, cause(err))
	}
	return d, nil
}

// Exists reports whether a data folder has been opened at path before. It returns true
// if that is unknown; Open then returns the reason.
func Exists(path string) bool {
	for _, name := range []string{keysFile, database} {
		if _, err := os.Stat(filepath.Join(path, name)); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// restrict removes other users' access to the folder and its files. Subfolders are
// then inaccessible to them too. It does not change a shared folder (with the sticky
// bit, such as /tmp), files that do not belong to this package, and files of another
// user: only that user can change their permissions.
func (d *Dir) restrict() error {
	entries, err := os.ReadDir(d.Path)
	paths := []string{d.Path}
	for _, e := range entries {
		if e.Type().IsRegular() && slices.ContainsFunc(own, func(name string) bool { return strings.HasPrefix(e.Name(), name) }) {
			paths = append(paths, d.File(e.Name()))
		}
	}
	errs := []error{err}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err == nil && info.Mode().Perm()&others != 0 && info.Mode()&fs.ModeSticky == 0 {
			err = os.Chmod(path, info.Mode()&^others)
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// cause removes the operation and the path from err, because the wrapping message
// already contains them.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// File returns the path of a file in the folder.
func (d *Dir) File(name string) string { return filepath.Join(d.Path, name) }

// WritePrivate replaces a file in the folder. Only the owner may read the file.
// Readers see either the old or the new text, never a mixture.
func (d *Dir) WritePrivate(name, text string) error {
	temporary, err := d.temporary(name, text)
	if err == nil {
		err = os.Rename(temporary, d.File(name))
	}
	if err == nil {
		err = d.syncFolder()
	}
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be written: %w", d.Path, cause(err))
	}
	return nil
}

// syncFile syncs a file to the disk. Tests replace it, because they cannot cut the power.
var syncFile = (*os.File).Sync

// syncFolder makes a new name in the folder survive a power cut.
func (d *Dir) syncFolder() error {
	if runtime.GOOS == "windows" {
		return nil // a folder cannot be synced there; NTFS logs its names itself
	}
	f, err := os.Open(d.Path)
	if err != nil {
		return err
	}
	return errors.Join(syncFile(f), f.Close())
}

// temporary writes text to a new file with a unique name, syncs it to the disk,
// and returns its path.
func (d *Dir) temporary(name, text string) (string, error) {
	f, err := os.CreateTemp(d.Path, name+".*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, syncFile(f), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

const keysFile = "keys.json"

// readKeys reads keys.json, and creates it if necessary. If two processes create it
// at the same time, both use the keys of the first.
func (d *Dir) readKeys() error {
	text, err := os.ReadFile(d.File(keysFile))
	if errors.Is(err, fs.ErrNotExist) {
		if err := errors.Join(d.makeKeys(), d.syncFolder()); err != nil {
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
		return fmt.Errorf("the keys in %s are damaged: a key is missing", d.File(keysFile))
	}
	return nil
}

// incomplete reports whether a key is missing.
func (k Keys) incomplete() bool {
	return len(k.Token) == 0 || k.Cursor == "" || k.S3AccessKeyID == "" || k.S3SecretAccessKey == "" ||
		k.Account == "" || len(k.Users) == 0
}

// makeKeys writes keys.json with new keys, unless another process writes it first.
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
	defer os.Remove(temporary)                 //nolint:errcheck // after a rename, it is gone already
	err = os.Link(temporary, d.File(keysFile)) // unlike a rename, a link never replaces a file
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// Some file systems do not support hard links. On those, two processes that
	// start for the first time in the same millisecond could use different keys.
	if _, err := os.Stat(d.File(keysFile)); err == nil {
		return nil
	}
	return os.Rename(temporary, d.File(keysFile))
}

// random returns n random bytes in hex.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// OpenStore opens the database. now is its clock. The caller must close the
// store.
func (d *Dir) OpenStore(ctx context.Context, now func() time.Time) (*sqlite.Store, error) {
	if err := d.checkDatabase(); err != nil {
		return nil, err
	}
	// SQLite gives its own files (-wal, -shm) the mode of the database.
	f, err := os.OpenFile(d.File(database), os.O_RDWR|os.O_CREATE, filePerm)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("the database of the data folder %s cannot be opened: %w", d.Path, cause(err))
	}
	s, err := sqlite.Open(ctx, d.File(database), sqlite.Options{Now: now, Random: rand.Reader, QueueChanges: true})
	if err != nil {
		return nil, d.Explain(fmt.Errorf("the database of the data folder cannot be used: %w", err))
	}
	return s, nil
}

// StartS3 starts the built-in S3 server on the folder's audio. created, if not
// nil, is called with the S3 event of every new object. edit, if given, changes
// other options of the server. The caller must close the server.
func (d *Dir) StartS3(
	ctx context.Context, addr string, created func(context.Context, []byte), edit ...func(*s3server.Options),
) (*s3server.Server, error) {
	o := s3server.Options{
		Dir: d.File("audio"), Addr: addr, Bucket: Bucket, Region: region,
		AccessKeyID: d.Keys.S3AccessKeyID, SecretAccessKey: d.Keys.S3SecretAccessKey,
		Created: created,
	}
	for _, e := range edit {
		e(&o)
	}
	return s3server.Start(ctx, o)
}

// RecheckEvent returns an event for an object of the bucket that must be examined again, or may
// have lost its own event. The returned event has no sequencer: if the object's own event arrives
// after all, the second of the two changes nothing, and sends no event of its own
// (incoming.Arrival).
func RecheckEvent(key string) []byte { return s3server.RecheckEvent(Bucket, key) }

// OpenBucket returns a client of the built-in S3 server at endpoint. Presigned
// URLs are for the endpoint public, or for the same endpoint if public is "".
func (d *Dir) OpenBucket(endpoint, public string) (*s3media.Bucket, error) {
	return d.openBucket(endpoint, public, nil)
}

// OpenOwnBucket is OpenBucket for a server in this process. Reads need no connection.
func (d *Dir) OpenOwnBucket(s *s3server.Server, public string) (*s3media.Bucket, error) {
	return d.openBucket(s.InternalURL(), public, s.Transport)
}

func (d *Dir) openBucket(endpoint, public string, transport func(http.RoundTripper) http.RoundTripper) (*s3media.Bucket, error) {
	c := aws.Credentials{AccessKeyID: d.Keys.S3AccessKeyID, SecretAccessKey: d.Keys.S3SecretAccessKey}
	return s3media.Open(s3media.Options{
		Region: region, Endpoint: endpoint, PublicEndpoint: public, Bucket: Bucket, Transport: transport,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }),
	})
}

// Package media is the border between the API and the audio of recordings:
// what may be asked of an object store, and the errors that a caller decides
// on. It knows no AWS, so that functions without audio do not link S3;
// media/s3media is the one implementation, everywhere (docs/adr/005-s3-server.md).
package media

import (
	"context"
	"errors"
	"io"
	"time"
)

// What a caller decides on. Implementations wrap them with what was being done.
var (
	// ErrNotFound: there is no such object (yet).
	ErrNotFound = errors.New("audio not found")
	// ErrChanged: the object is not the one that was asked for (its ETag differs).
	ErrChanged = errors.New("audio changed")
	// ErrOccupied: there is an object already, where none may be replaced.
	ErrOccupied = errors.New("audio is there already")
	// ErrUnavailable: the object store was throttled, slow or gone.
	ErrUnavailable = errors.New("audio store unavailable")
)

// Object is what the store knows of a stored object.
type Object struct {
	// ContentType as stored.
	ContentType string
	// Size in bytes of the whole object.
	Size int64
	// ETag with its quotes, as HTTP has it (RFC 9110, 8.8.3).
	ETag string
	// Modified to the second, UTC.
	Modified time.Time
	// SHA256 of the bytes in lower-case hex, if the store checked it when they
	// came, and Examine asked for it; else "".
	SHA256 string
	// Metadata are what the uploader said beside the bytes (x-amz-meta-*), by
	// their names in lower case without that prefix, if Examine asked for them.
	Metadata map[string]string
}

// Part is a run of bytes, Length > 0 long, that lies within the object.
type Part struct {
	Offset, Length int64
}

// Grant is what a presigned URL makes the store answer with.
type Grant struct {
	// ContentType, Disposition and CacheControl become the answer's headers
	// of that name.
	ContentType, Disposition, CacheControl string
	// TTL is how long the URL is good for, up to 7 days.
	TTL time.Duration
}

// Reader gives audio out.
type Reader interface {
	// Stat describes the object. Errors: ErrNotFound, ErrUnavailable.
	Stat(ctx context.Context, key string) (Object, error)
	// Open reads a part of the object, or the whole if part is nil (also when
	// it is empty). etag, if not "", is that of the object that is wanted. The
	// caller closes the body. Errors: ErrNotFound, ErrChanged, ErrUnavailable.
	Open(ctx context.Context, key, etag string, part *Part) (io.ReadCloser, Object, error)
	// Presign makes a URL by which anyone may GET the object, signed for the
	// endpoint that clients use. It touches no network.
	Presign(ctx context.Context, key string, g Grant) (string, error)
}

// Remover takes audio away.
type Remover interface {
	// Remove deletes the object; one that is not there is no error. When it
	// returns nil the object is gone. Errors: ErrUnavailable.
	Remove(ctx context.Context, key string) error
}

// Writer takes audio in.
type Writer interface {
	// Put stores size bytes of body under key, in constant memory. The object
	// is there whole or not at all. Errors: ErrUnavailable, body's own.
	Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error
}

// Admission is what a presigned upload takes: nothing but what is said here.
type Admission struct {
	// ContentType that the upload must say; "" takes any.
	ContentType string
	// Size in bytes that it must have; 0 takes any.
	Size int64
	// SHA256 in lower-case hex that its bytes must have, which the store
	// checks; "" takes any.
	SHA256 string
	// TTL is how long the upload may begin, up to 7 days.
	TTL time.Duration
}

// SignedRequest is a request that anyone may make, until it expires.
type SignedRequest struct {
	// Method and URL of the request.
	Method, URL string
	// Header are the headers that it must have, by their names. Those that
	// every HTTP client sets by itself (Host, Content-Length) are left out.
	Header map[string]string
	// Expires is when it ends, to the second, UTC.
	Expires time.Time
}

// Uploader lets others put audio in.
type Uploader interface {
	// PresignPut makes a request that stores an object under key, unless there
	// is one by then. It touches no network.
	PresignPut(ctx context.Context, key string, a Admission) (SignedRequest, error)
	// PutNew is Writer's Put for a body in memory that replaces nothing, and
	// whose SHA-256 the store checks. Errors: ErrOccupied, ErrUnavailable.
	PutNew(ctx context.Context, key, contentType string, body []byte) error
}

// Lister tells what there is.
type Lister interface {
	// List returns the keys that begin with prefix and stand behind after ("" for
	// all), in the order of their bytes: at most 1,000; fewer only at the end.
	// Errors: ErrUnavailable.
	List(ctx context.Context, prefix, after string) ([]string, error)
}

// MaxList is the most keys that List returns.
const MaxList = 1000

// Objects is what ingest needs of the bucket: to examine, read, copy, remove
// and list objects that other clients have stored.
type Objects interface {
	Reader
	Remover
	Lister
	// Examine returns what Stat does, plus the SHA-256 that the store verified
	// and the uploader's metadata. Errors: ErrNotFound, ErrUnavailable.
	Examine(ctx context.Context, key string) (Object, error)
	// Copy stores the object at the key from under the key to as well, replacing
	// any object there. The store copies the bytes itself; they do not pass
	// through this process. etag must be that of the object at from. Errors:
	// ErrNotFound, ErrChanged, ErrUnavailable.
	Copy(ctx context.Context, from, etag, to string) error
}

// Delivery is how the bytes of audio travel to a client (contract, Document
// or audio).
type Delivery string

const (
	// Auto sends bytes at the same URL when they fit, else redirects.
	Auto Delivery = "auto"
	// Inline sends base64 through the gateway, and only what fits.
	Inline Delivery = "inline"
	// Redirect answers 302 to a presigned URL.
	Redirect Delivery = "redirect"
)

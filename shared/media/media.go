// Package media declares the interfaces of the object store that holds the audio
// of recordings, and the errors that callers handle. It does not depend on AWS, so
// functions without audio do not link S3. media/s3media is the only implementation,
// in every environment (docs/adr/005-s3-server.md). media/mediatest tests the
// behavior that callers may rely on.
package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Errors that callers handle. Implementations wrap them with the operation and
// its key.
var (
	// ErrNotFound: the object does not exist (yet).
	ErrNotFound = errors.New("audio not found")
	// ErrChanged: the object is not the requested one (its ETag differs).
	ErrChanged = errors.New("audio changed")
	// ErrOccupied: an object exists and must not be replaced.
	ErrOccupied = errors.New("audio exists already")
	// ErrUnavailable: the object store was throttled, slow or unreachable.
	ErrUnavailable = errors.New("audio store unavailable")
)

// Object describes a stored object.
type Object struct {
	// ContentType as stored.
	ContentType string
	// Size of the whole object in bytes.
	Size int64
	// ETag including its quotes, as in HTTP (RFC 9110, 8.8.3).
	ETag string
	// Modified is the time of the last change, in UTC, to the second.
	Modified time.Time
	// SHA256 of the bytes in lower-case hex. It is "" unless the store verified
	// it at the upload and Examine returned the object.
	SHA256 string
	// Metadata is the uploader's metadata (x-amz-meta-* headers). Its keys are the
	// lower-case names without that prefix. Only Examine returns it.
	Metadata map[string]string
}

// Whole returns an error that wraps ErrNotFound unless the object has the size in
// bytes that its recording states, so that damaged audio counts as missing. A size
// of 0 is unknown.
func (o Object) Whole(key string, size int64) error {
	if size == 0 || o.Size == size {
		return nil
	}
	return fmt.Errorf("%w: %s is damaged: it has %d bytes instead of %d", ErrNotFound, KeyText(key), o.Size, size)
}

// Part is a range of bytes within an object. Length is greater than 0.
type Part struct {
	Offset, Length int64
}

// Grant describes a presigned URL: the headers of its answer, and its lifetime.
type Grant struct {
	// ContentType, Disposition and CacheControl become the answer's headers
	// Content-Type, Content-Disposition and Cache-Control. Those that are "" stay
	// as stored.
	ContentType, Disposition, CacheControl string
	// TTL is how long the URL is valid: from 1 s to 7 days.
	TTL time.Duration
}

// Reader reads audio.
type Reader interface {
	// Stat describes the object. Errors: ErrNotFound, ErrUnavailable.
	Stat(ctx context.Context, key string) (Object, error)
	// Open reads a part of the object. A nil part stands for the whole object, even
	// an empty one. If etag is not "", the object must have it. The caller closes
	// the body. Errors: ErrNotFound, ErrChanged, ErrUnavailable.
	Open(ctx context.Context, key, etag string, part *Part) (io.ReadCloser, Object, error)
	// Presign returns a URL that lets anyone GET the object, signed for the
	// endpoint that clients use. It does not call the store. The URL never outlives
	// the credentials, if their end is known. Error: ErrUnavailable.
	Presign(ctx context.Context, key string, g Grant) (string, error)
}

// Remover removes audio.
type Remover interface {
	// Remove deletes the object. It returns nil once the object does not exist,
	// even if the object never existed. In a bucket with versioning, the bucket's
	// lifecycle rule deletes the bytes later. Error: ErrUnavailable.
	Remove(ctx context.Context, key string) error
}

// Purger removes audio for good.
type Purger interface {
	// Purge deletes every version of the objects at keys, in their order. First it lists
	// the versions, then it calls confirm, and then it deletes exactly the listed versions.
	// So if confirm reads the tombstone of a recording, Purge cannot remove audio that was
	// stored for the recording after it came back. If confirm fails, Purge deletes nothing
	// and returns that error unwrapped. No older version becomes readable on the way. A nil
	// confirm permits the deletion. Errors: ErrUnavailable, and those of confirm.
	Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error
}

// Writer stores audio.
type Writer interface {
	// Put stores size bytes of body under key, in constant memory. It stores the
	// whole object or nothing. Errors: ErrUnavailable, and those of body.
	Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error
}

// Assembler stores an object in parts that different processes can send, one after
// another. The object exists once it is complete.
type Assembler interface {
	// Begin begins an object, and returns the ID of its upload. Error: ErrUnavailable.
	Begin(ctx context.Context, key, contentType string) (upload string, err error)
	// SendPart sends a part, numbered from 1, and returns its tag for Complete. All parts
	// but the last have MinPart bytes or more. A part that is sent again replaces the first
	// one. Errors: ErrNotFound if there is no such upload, ErrUnavailable.
	SendPart(ctx context.Context, key, upload string, number int, body []byte) (tag string, err error)
	// Complete joins the parts with these tags, in their order from 1. Errors: ErrNotFound
	// if there is no such upload, ErrChanged if a part is not the one with its tag,
	// ErrUnavailable.
	Complete(ctx context.Context, key, upload string, tags []string) error
	// Abandon removes the parts of an upload that was not completed. It returns nil if there
	// is no such upload. Error: ErrUnavailable.
	Abandon(ctx context.Context, key, upload string) error
}

// MinPart is the least size of a part in bytes, MaxParts the largest number of parts
// (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const (
	MinPart  = 5 << 20
	MaxParts = 10_000
)

// Admission describes the upload that a presigned request admits.
type Admission struct {
	// ContentType is the required content type; "" admits any.
	ContentType string
	// Size is the required size in bytes; 0 admits any.
	Size int64
	// SHA256 is the required checksum in lower-case hex; "" admits any. The store
	// verifies it.
	SHA256 string
	// TTL is how long a client has to start the upload: from 1 s to 7 days.
	TTL time.Duration
}

// SignedRequest is a request that anyone may send until it expires.
type SignedRequest struct {
	// Method and URL of the request.
	Method, URL string
	// Header holds the headers that the request must have. It omits those that
	// every HTTP client sets by itself (Host, Content-Length).
	Header map[string]string
	// Expires is when the request expires, in UTC, to the second.
	Expires time.Time
}

// Uploader stores new audio. It never replaces an object.
type Uploader interface {
	// PresignPut returns a request that lets anyone store an object under key,
	// unless one exists by then. It does not call the store. The request never
	// outlives the credentials, if their end is known. Error: ErrUnavailable.
	PresignPut(ctx context.Context, key string, a Admission) (SignedRequest, error)
	// PutNew stores body under key, unless an object exists there. The store
	// verifies the body's SHA-256. If the object there has the same bytes, PutNew
	// returns nil, so that a retry after a lost answer succeeds. It ends within 10 s.
	// Errors: ErrOccupied if the object has other bytes, ErrUnavailable.
	PutNew(ctx context.Context, key, contentType string, body []byte) error
}

// Lister lists objects.
type Lister interface {
	// List returns the keys that start with prefix and sort after the key after
	// ("" for all), in byte order. It returns MaxList keys, or fewer at the end of
	// the list. Error: ErrUnavailable.
	List(ctx context.Context, prefix, after string) ([]string, error)
}

// MaxList is the maximum number of keys that List returns.
const MaxList = 1000

// Objects is the bucket as ingest uses it: it examines, reads, copies, removes and
// lists objects that other clients have stored.
type Objects interface {
	Reader
	Remover
	Purger
	Lister
	Reverter
	// Examine returns what Stat does, plus the SHA-256 that the store verified
	// and the uploader's metadata. Errors: ErrNotFound, ErrUnavailable.
	Examine(ctx context.Context, key string) (Object, error)
	// Copy copies the object at the key from to the key to, and replaces any
	// object there. The store copies the bytes itself; they do not pass through
	// this process. The object at from must have the ETag etag. Errors:
	// ErrNotFound, ErrChanged, ErrUnavailable.
	Copy(ctx context.Context, from, etag, to string) error
	// RemoveIf is Remove for an object that was examined before. If the key holds
	// another object by then, with another ETag or stored at another time, that object
	// stays. Errors: ErrChanged, ErrUnavailable.
	RemoveIf(ctx context.Context, key string, examined Object) error
}

// Delivery is how audio reaches a client (contract, Document or audio).
type Delivery string

const (
	// Auto answers with the audio if it fits. Larger audio is streamed where the gateway
	// streams, and otherwise redirected to.
	Auto Delivery = "auto"
	// Inline answers with the audio, in base64 through the gateway. A request for
	// audio that does not fit is rejected.
	Inline Delivery = "inline"
	// Redirect answers 302 with a presigned URL.
	Redirect Delivery = "redirect"
	// Stream answers with the audio while it is read, through a gateway that streams. As
	// the default of a service, it means that the gateway streams, and then is Auto.
	Stream Delivery = "stream"
)

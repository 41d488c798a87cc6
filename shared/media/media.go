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

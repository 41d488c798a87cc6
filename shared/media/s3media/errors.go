package s3media

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/media"
)

// statusOf returns the HTTP status of the answer that caused err, 0 if there was no
// answer.
func statusOf(err error) int {
	if re, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return re.HTTPStatusCode()
	}
	return 0
}

// noBucket is the error code for a bucket that does not exist.
const noBucket = "NoSuchBucket"

// codeOf returns the store's error code, such as "NoSuchKey".
func codeOf(err error) string {
	if ae, ok := errors.AsType[smithy.APIError](err); ok {
		return ae.ErrorCode()
	}
	return ""
}

// noUpload is the error code for an upload in parts that does not exist. Its status is 404,
// or 500 in the SDK's errors if S3 found out after it had sent the status 200.
const noUpload = "NoSuchUpload"

// fail translates err into the errors of package media; nil stays nil. A 404 has
// no error code if it answers a HEAD, because such an answer has no body.
func (b *Bucket) fail(doing, key string, err error) error {
	status, code := statusOf(err), codeOf(err)
	switch {
	case err == nil:
		b.exists.Store(true)
		return nil
	case status == http.StatusNotFound && code != noBucket, code == noUpload:
		b.exists.Store(true)
		return wrap(media.ErrNotFound, doing, key, err)
	case status == http.StatusPreconditionFailed, status == http.StatusRequestedRangeNotSatisfiable:
		return wrap(media.ErrChanged, doing, key, err)
	}
	return b.unserved(doing, key, err)
}

// unserved returns the error for a request that the store failed to serve, for any reason.
func (b *Bucket) unserved(doing, key string, err error) error {
	if codeOf(err) == noBucket {
		return b.noBucket()
	}
	return wrap(media.ErrUnavailable, doing, key, err)
}

// wrap adds the key to err, without the phone numbers that the key may contain.
func wrap(what error, doing, key string, err error) error {
	return fmt.Errorf("%w: %s %s: %w", what, doing, media.KeyText(key), withoutKey(err))
}

// withoutKey returns err without the URL and without the store's message, because both
// may quote the key. The store's code and the ID of its request stay.
func withoutKey(err error) error {
	err = attempt.WithoutURL(err)
	ae, ok := errors.AsType[smithy.APIError](err)
	if !ok || ae.ErrorMessage() == "" {
		return err
	}
	return &shortened{err, strings.ReplaceAll(err.Error(), ": "+ae.ErrorMessage(), "")}
}

// shortened is an error with another text.
type shortened struct {
	error

	text string
}

// Error returns the shortened text.
func (s *shortened) Error() string { return s.text }

// Unwrap returns the original error.
func (s *shortened) Unwrap() error { return s.error }

// noBucket returns the error for a bucket that does not exist.
func (b *Bucket) noBucket() error {
	return fmt.Errorf("%w: the bucket %q does not exist", media.ErrUnavailable, b.name)
}

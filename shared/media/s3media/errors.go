package s3media

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"callrecordings/shared/media"
)

// Statuses that decide; the codes in a body are not there on a HEAD.
const (
	statusNotFound    = http.StatusNotFound
	statusForbidden   = http.StatusForbidden
	statusChanged     = http.StatusPreconditionFailed
	statusOutOfObject = http.StatusRequestedRangeNotSatisfiable
)

// statusOf is the HTTP status that err reports, 0 if there was no answer.
func statusOf(err error) int {
	if re, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return re.HTTPStatusCode()
	}
	return 0
}

// codeOf is the store's own name for what went wrong, "NoSuchKey".
func codeOf(err error) string {
	if ae, ok := errors.AsType[smithy.APIError](err); ok {
		return ae.ErrorCode()
	}
	return ""
}

// fail says in terms of package media what err means; nil stays nil. Whatever
// is not about the object itself is a store that did not serve.
func (b *Bucket) fail(doing, key string, err error) error {
	if err == nil {
		b.exists.Store(true)
		return nil
	}
	what := media.ErrUnavailable
	switch status, code := statusOf(err), codeOf(err); {
	case code == "NoSuchBucket":
		return b.noBucket()
	case code == "NoSuchKey", status == statusNotFound && key != "" && code != "NoSuchUpload":
		b.exists.Store(true)
		what = media.ErrNotFound
	case status == statusChanged, status == statusOutOfObject:
		what = media.ErrChanged
	}
	return fmt.Errorf("%w: %s %q: %w", what, doing, key, cause(err))
}

func (b *Bucket) noBucket() error {
	return fmt.Errorf("%w: the bucket %q does not exist", media.ErrUnavailable, b.name)
}

// cause takes URLs out of err: the text of an error of net/http has the whole
// one, and a URL may be all that it takes to fetch the audio.
func cause(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("the caller's time is up: %w", err)
	}
	return err
}

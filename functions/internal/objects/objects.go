// Package objects opens the S3 bucket of a function's settings.
package objects

import (
	"github.com/callrecordings/api/functions/internal/credentials"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/media/s3media"
)

// Open returns the bucket of managed audio, without presigned URLs. It makes no request.
func Open(s *config.Settings) (*s3media.Bucket, error) {
	o := options(s)
	o.Private = true
	return s3media.Open(o)
}

// OpenPublic returns the bucket of managed audio for a function that presigns URLs. It
// makes no request.
func OpenPublic(s *config.Settings) (*s3media.Bucket, error) { return s3media.Open(options(s)) }

func options(s *config.Settings) s3media.Options {
	return s3media.Options{
		Region:         s.Region,
		Endpoint:       s.S3Endpoint,
		PublicEndpoint: s.S3PublicEndpoint,
		Bucket:         s.Bucket,
		Credentials:    credentials.Of(s),
		Application:    string("callrecordings-" + s.Function),
	}
}

package main

import (
	"net/http"

	"github.com/callrecordings/api/console"
	"github.com/callrecordings/api/shared/gateway"
)

// console returns the handler of the console, or nil if it is off. Requests pass through
// a gateway, as in the cloud.
func (b *box) console() (http.Handler, error) {
	if !b.settings.Console {
		return nil, nil //nolint:nilnil // the console can be turned off, so this is not an error
	}
	page, err := console.New(console.Options{Origins: b.audioOrigins, Log: b.log, Now: b.now})
	if err != nil {
		return nil, err
	}
	return gateway.Local(page), nil
}

// audioOrigins returns the origins that may serve audio to a page that came with a request:
// those of the presigned URLs that it gets, and of external audio.
func (b *box) audioOrigins(r *http.Request) []string {
	s := b.settings
	s.AudioOrigin = s.S3PublicEndpoint
	if s.AudioOrigin == "" {
		s.AudioOrigin = b.s3.URL()
	}
	if at, ok := b.audio.(hostBucket); ok {
		if host := hostName(r.Host); host != "" {
			s.AudioOrigin = at.endpoint(host)
		}
	}
	return s.AudioOrigins()
}

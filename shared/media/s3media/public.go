package s3media

import (
	"fmt"

	"github.com/callrecordings/api/shared/attempt"
)

// At returns a Bucket that signs presigned URLs for another public endpoint, the base URL where a
// client reaches the same server. It shares b's connections.
func (b *Bucket) At(publicEndpoint string) (*Bucket, error) {
	if err := attempt.CheckURL("public endpoint", publicEndpoint); err != nil {
		return nil, fmt.Errorf("audio bucket: %w", err)
	}
	public, err := bucketURL(b.region, publicEndpoint, b.name)
	if err != nil {
		return nil, fmt.Errorf("audio bucket: %w", err)
	}
	return &Bucket{
		name: b.name, region: b.region, client: b.client, clients: b.clients,
		patient: b.patient, prompt: b.prompt, call: b.call,
		creds: b.creds, signer: b.signer, now: b.now, public: public,
	}, nil
}

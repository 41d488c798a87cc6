package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// signedUpload is _read_only.upload (contract, Create): the request that
// stores the recording's audio.
type signedUpload struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	// Headers that the request must have, in lower case.
	Headers map[string]string `json:"headers"`
	// Expires is when it has to have begun, RFC 3339.
	Expires string `json:"expires"`
}

// upload signs the request for rec's audio, for what was announced of it.
func (c *creator) upload(ctx context.Context, rec *recording.Recording) (string, error) {
	signed, err := c.Audio.PresignPut(ctx, rec.AudioKey(), media.Admission{
		ContentType: rec.Upload.ContentType, Size: rec.Upload.Size, SHA256: rec.Upload.SHA256, TTL: c.TTL,
	})
	if err != nil {
		return "", fmt.Errorf("sign an upload: %w", err)
	}
	u := signedUpload{
		Method: signed.Method, URL: signed.URL, Headers: map[string]string{}, Expires: signed.Expires.Format(time.RFC3339),
	}
	for name, value := range signed.Header {
		u.Headers[strings.ToLower(name)] = value
	}
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // URLs are to be read by people, too
	if err := e.Encode(u); err != nil {
		return "", fmt.Errorf("write an upload: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

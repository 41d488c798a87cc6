package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// signedUpload describes the request that stores the recording's audio. It is
// _read_only.upload in the answer (contract, Create).
type signedUpload struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	// Headers are the headers that the request must send. Names are in lower case.
	Headers map[string]string `json:"headers"`
	// Expires is the latest time (RFC 3339) at which the request may begin.
	Expires string `json:"expires"`
}

// missesAudio reports whether rec waits for audio, or its stored object has been lost.
// Error: media.ErrUnavailable.
func (c *creator) missesAudio(ctx context.Context, rec *recording.Recording) (bool, error) {
	if rec.Audio.Place != recording.Managed {
		return rec.Audio.Place == recording.Nowhere, nil
	}
	_, err := c.Audio.Stat(ctx, rec.AudioKey())
	if errors.Is(err, media.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the stored audio: %w", err)
	}
	return false, nil
}

// upload returns the presigned upload of rec's audio as JSON. The signature covers the
// announced size, type and checksum. For lost audio they are those that rec states.
func (c *creator) upload(ctx context.Context, rec *recording.Recording) (string, error) {
	announced := rec.Upload
	if rec.Audio.Place == recording.Managed {
		announced = recording.Upload{ContentType: rec.Audio.ContentType, Size: rec.Audio.Size, SHA256: rec.Audio.SHA256}
	}
	signed, err := c.Audio.PresignPut(ctx, rec.AudioKey(), media.Admission{
		ContentType: announced.ContentType, Size: announced.Size, SHA256: announced.SHA256, TTL: c.TTL,
	})
	if err != nil {
		return "", fmt.Errorf("presign an upload: %w", err)
	}
	u := signedUpload{
		Method: signed.Method, URL: signed.URL, Headers: map[string]string{}, Expires: signed.Expires.Format(time.RFC3339),
	}
	for name, value := range signed.Header {
		u.Headers[strings.ToLower(name)] = value
	}
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // keep the URL readable
	if err := e.Encode(u); err != nil {
		return "", fmt.Errorf("encode a presigned upload: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

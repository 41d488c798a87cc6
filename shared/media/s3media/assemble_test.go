package s3media_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

// An object in parts exists once it is complete. Lost uploads and exchanged parts have
// errors of their own.
func TestAssemble(t *testing.T) {
	for _, target := range targets(t) {
		t.Run(target.name, func(t *testing.T) {
			b, err := s3media.Open(target.open(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(b.CloseIdleConnections)
			const key = "exports/a/x.zip"
			first, last := bytes.Repeat([]byte("1"), media.MinPart), []byte("2")
			upload, err := b.Begin(t.Context(), key, "application/zip")
			if err != nil {
				t.Fatal(err)
			}
			tags := make([]string, 2)
			for n, body := range [][]byte{bytes.Repeat([]byte("0"), media.MinPart), last, first} { // part 1 is sent again
				if tags[n%2], err = b.SendPart(t.Context(), key, upload, n%2+1, body); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := b.Stat(t.Context(), key); !errors.Is(err, media.ErrNotFound) {
				t.Errorf("Stat before the completion: %v", err)
			}
			if err := b.Complete(t.Context(), key, upload, []string{tags[1], tags[0]}); !errors.Is(err, media.ErrChanged) {
				t.Errorf("Complete with exchanged tags: %v", err)
			}
			for range 2 { // the second one is a retry after a lost answer
				if err := b.Complete(t.Context(), key, upload, tags); err != nil {
					t.Errorf("Complete: %v", err)
				}
			}
			body, o, err := b.Open(t.Context(), key, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			_ = body.Close()
			if err != nil || !bytes.Equal(got, append(bytes.Clone(first), last...)) || o.ContentType != "application/zip" {
				t.Errorf("%d bytes of %s, %v", len(got), o.ContentType, err)
			}
			if err := b.Remove(t.Context(), key); err != nil {
				t.Fatal(err)
			}

			if upload, err = b.Begin(t.Context(), key, "application/zip"); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := b.Abandon(t.Context(), key, upload); err != nil {
					t.Errorf("Abandon: %v", err)
				}
			}
			if _, err := b.SendPart(t.Context(), key, upload, 1, last); !errors.Is(err, media.ErrNotFound) {
				t.Errorf("SendPart after Abandon: %v", err)
			}
			if err := b.Complete(t.Context(), key, upload, tags[:1]); !errors.Is(err, media.ErrNotFound) {
				t.Errorf("Complete after Abandon: %v", err)
			}
			if _, err := b.SendPart(t.Context(), key, upload, media.MaxParts+1, last); err == nil {
				t.Error("a part too many is sent")
			}
		})
	}
}

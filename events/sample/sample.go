// Package sample contains the recordings that the events in the parent folder refer
// to, and the key that signs their tokens. Two tests use it: events_test, over an
// embedded store, and e2e/invoke, with `sam local invoke`.
package sample

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Account, User and ID are those of the events. Keys signs their tokens and nothing
// else.
const (
	Account = "5a3f0c9e7b1d4e2f8a6c0b9d7e5f3a1c"
	User    = "7e5f3a1c5a3f0c9e7b1d4e2f8a6c0b9d"
	ID      = "202601-0c9e7b1d4e2f8a6c0b9d7e5f3a1c5a3f"
	Keys    = `{"keys":[{"kty":"oct","kid":"sample","alg":"HS256","k":"c2FtcGxlLWtleS1mb3Itc2FtLWxvY2FsLWludm9rZS1vbmx5"}]}`
)

// CursorKey encrypts the cursors in the events.
const CursorKey = "sample-sample-sample-sample-sample-sample-"

// Now returns the time of the events.
func Now() time.Time { return time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC) }

// storageSecret is the secret in the paths of the storage requests among the events.
const storageSecret = "5a3f0c9e-c2FtcGxlLXNlY3JldC1mb3Itc2FtLWxvY2FsLW9ubHk" //nolint:gosec // a sample, used for nothing else

// silence is a WAV file of a tenth of a second.
var silence = append([]byte("RIFF\x64\x06\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00"+
	"\x80\x3e\x00\x00\x02\x00\x10\x00data\x40\x06\x00\x00"), make([]byte, 1600)...)

// Deleted is a deleted recording: a tombstone with audio that is still to be purged.
const Deleted = "202601-deleted"

// Arriving is a pending recording. Its audio is in the bucket already but has not been
// ingested.
const Arriving = "202601-arriving"

// Dropped is the ID of a recording that does not exist yet. Its audio is at DroppedKey
// in the account's inbox.
const (
	Dropped    = "202601-dropped"
	DroppedKey = "inbox/" + Account + "/" + Dropped + "/call_id=a1%40pbx/owner_id=/from=1001%40pbx/to=/x.wav"
)

// Store is a store that the samples can be written to.
type Store interface {
	store.Writer
	store.Secrets
	store.Entries
}

// Seed stores a recording with audio, a pending one, a pending one with an arrival, a
// tombstone, audio in the inbox, and an entry in the audit trail.
func Seed(ctx context.Context, s Store, audio media.Writer) error {
	sum := sha256.Sum256([]byte(storageSecret))
	if err := s.AddSecret(ctx, store.Secret{Account: Account, ID: storageSecret[:8], Sum: hex.EncodeToString(sum[:])}); err != nil {
		return err
	}
	start := recording.SecondsOf(Now().Add(-time.Hour))
	mp3 := bytes.Repeat([]byte{0xFF, 0xE3, 0x18, 0xC4}, 8)
	managed := recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: int64(len(mp3))}
	const pending = "202601-pending"
	for _, r := range []*recording.Recording{
		{
			Account: Account, ID: ID, Owner: User, Created: start, Modified: start, Audio: managed,
			Document: recording.Complete(`{"direction":"outbound","owner_id":"`+User+`","content_type":"audio/mpeg"}`, ID, start),
		},
		{Account: Account, ID: pending, Created: start + 1, Modified: start + 1, Document: recording.Complete("{}", pending, start+1)},
		{Account: Account, ID: Deleted, Created: start + 2, Modified: start + 2, Audio: managed, Document: recording.Complete("{}", Deleted, start+2)},
	} {
		if r.Audio.Place == recording.Managed {
			if err := audio.Put(ctx, r.AudioKey(), "audio/mpeg", bytes.NewReader(mp3), int64(len(mp3))); err != nil {
				return err
			}
		}
		if err := s.Put(ctx, r); err != nil {
			return err
		}
	}
	arriving := &recording.Recording{
		Account: Account, ID: Arriving, Created: start - 1, Modified: start - 1, Document: recording.Complete("{}", Arriving, start-1),
	}
	if err := s.Put(ctx, arriving); err != nil {
		return err
	}
	if err := audio.Put(ctx, arriving.AudioKey(), "audio/wav", bytes.NewReader(silence), int64(len(silence))); err != nil {
		return err
	}
	if err := audio.Put(ctx, DroppedKey, "audio/x-wav", bytes.NewReader(silence), int64(len(silence))); err != nil {
		return err
	}
	if _, err := s.Delete(ctx, Account, Deleted, store.Deletion{}); err != nil {
		return err
	}
	return audit.NewTrail(s, audit.Options{
		Level: audit.All, Days: 365_000, Now: Now, Random: rand.Reader, // kept for as long as the tokens of the events are valid
	}).Record(ctx, audit.Entry{
		Account: Account, Actor: audit.Actor{Account: Account, Owner: User, Role: access.User}, Action: access.Listen,
		Recording: ID, Result: audit.Done, RequestID: "sample", Address: "192.0.2.1",
	})
}

package faults

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// storageSecret makes a storage secret.
func (c *client) storageSecret() string {
	text, id, sum, err := auth.NewStorageSecret(rand.Reader)
	c.must(err)
	c.must(c.raw.AddSecret(c.ctx, store.Secret{Account: account, ID: id, Sum: sum}))
	return text
}

// sendAudio sends the audio of a call as a PBX does, with retries.
func (c *client) sendAudio(secret string) reply {
	return c.send(http.MethodPut, "/v2/storage/"+account+"/"+secret+"/call_recording_abc.wav", string(c.audio), "Content-Type", "audio/wav")
}

// policy makes all recordings expire after a day.
func (c *client) policy() {
	c.must(retention.Save(c.ctx, c.raw, account, "", retention.Settings{
		Policy: &retention.Policy{Rules: []retention.Rule{{Name: "all", Days: 1}}},
	}))
}

// tick lets time pass.
func (c *client) tick(d time.Duration) { c.advance(d) }

// forget loses the events of the bucket.
func (c *client) forget() {
	c.arrivals.clear()
	if s, ok := c.raw.(*sqlite.Store); ok {
		due, err := s.Due(c.ctx, sqlite.Arrivals, 100)
		c.must(err)
		for _, m := range due {
			c.must(s.Done(c.ctx, m.Number))
		}
	}
}

// erase deletes a recording for good, and leaves its purge to others.
func (c *client) erase(name string) error {
	_, err := c.raw.Delete(c.ctx, account, c.id(name), store.Deletion{Cause: store.CauseErased})
	c.gone[c.id(name)] = true
	return err
}

// delivered checks that the webhook has got every change since it was made.
func (c *client) delivered() {
	c.hooks.mu.Lock()
	defer c.hooks.mu.Unlock()
	for _, change := range c.history {
		r := change.After.Recording
		if c.hooks.changes[[2]string{r.ID, r.Revision}] == 0 {
			c.fail("the webhook has not got the change %s of %s", r.Revision, r.ID)
		}
	}
}

// importOnce imports a recording.
func (c *client) importOnce(a *application) error {
	return importer.Run(a.ctx, &source{c}, importer.Target{Store: a.watched, Audio: a.bucket}, importer.Options{
		Concurrency: 1, MaxBytes: maxAudio, Now: c.now, Tally: new(importer.Tally),
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
}

// source has one recording to import.
type source struct{ c *client }

// Pages implements [importer.Source].
func (s *source) Pages(context.Context) iter.Seq2[[]importer.Item, error] {
	return func(yield func([]importer.Item, error) bool) {
		yield([]importer.Item{{
			Name: "one", Account: account, ID: s.c.id("one"), Exact: true,
			Document: recording.Document(fmt.Sprintf(`{"start":%d,"duration":60,"media_type":".wav","from":"x"}`, recording.SecondsOf(s.c.now()))),
			Audio:    recording.Audio{Place: recording.Managed, ContentType: "audio/wav"},
		}}, nil)
	}
}

// Open implements [importer.Source].
func (s *source) Open(context.Context, *importer.Item) (*importer.Audio, error) {
	sum := sha256.Sum256(s.c.audio)
	return &importer.Audio{
		ReaderAt: bytes.NewReader(s.c.audio), Size: int64(len(s.c.audio)), SHA256: hex.EncodeToString(sum[:]),
		Close: func() error { return nil },
	}, nil
}

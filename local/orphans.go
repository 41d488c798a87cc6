package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The prefixes of the keys that recording.AudioKey and recording.ImportedKey
// return.
const (
	audioPrefix    = "recordings/"
	importedPrefix = "imported/"
)

const (
	// arrivalAge is the age at which audio without a recording counts as an
	// arrival whose event was lost. Until then its event, or the document of
	// `recordings add`, may be on its way.
	arrivalAge = time.Minute
	// orphanAge is the age at which audio that nothing can claim is removed. It is
	// far beyond the 30 s within which an upload stores its document.
	orphanAge = time.Hour
	// importedAge is orphanAge for imported audio. An import stores the document
	// right after the audio, but may wait for a busy or paused machine in between.
	importedAge = 24 * time.Hour
)

// handleOrphans compares the audio under recordings/ and imported/ with the table.
// Audio without a recording comes from a crash, or from an upload that raced a
// delete:
//
//   - Under a recording's own key, a client stored it, and may have got its
//     answer. It becomes an arrival. Ingest then removes the audio of a deleted
//     recording, and makes a recording of any other, as in the cloud.
//   - A key with a suffix belongs to one upload of `recordings add` or of the
//     demo. If that upload died before its document, no retry uses the key again,
//     so the audio is removed.
//   - Imported audio causes no arrival, because its document comes from the source.
//     It is removed too: another run of the import stores it again.
func (b *box) handleOrphans(ctx context.Context) error {
	queued, err := b.store.Arriving(ctx)
	if err != nil {
		return err
	}
	for _, prefix := range []string{audioPrefix, importedPrefix} {
		err = errors.Join(err, b.list(ctx, prefix, func(keys []string) error {
			orphans, err := b.unreferenced(ctx, keys)
			for _, key := range orphans {
				if !queued[key] {
					err = errors.Join(err, b.handleOrphan(ctx, key))
				}
			}
			return err
		}))
	}
	return err
}

// parseKey returns the account and the ID of the recording that the audio under
// key belongs to. ok is false if key is not an audio key.
func parseKey(key string) (account, id string, ok bool) {
	if rest, imported := strings.CutPrefix(key, importedPrefix); imported {
		key = audioPrefix + rest
	}
	return recording.ParseKey(key)
}

// unreferenced returns the keys to which no recording and no pending purge
// refers. It leaves out keys that are not those of audio.
func (b *box) unreferenced(ctx context.Context, keys []string) ([]string, error) {
	ids := map[string][]string{} // by account
	for _, key := range keys {
		if account, id, ok := parseKey(key); ok {
			ids[account] = append(ids[account], id)
		}
	}
	found := map[string]map[string]store.Found{}
	for account, list := range ids {
		found[account] = map[string]store.Found{}
		for len(list) > 0 {
			n := min(len(list), store.MaxFind)
			some, err := b.store.Find(ctx, account, list[:n])
			if err != nil {
				return nil, err
			}
			for id, f := range some {
				found[account][id] = f
			}
			list = list[n:]
		}
	}
	var orphans []string
	for _, key := range keys {
		if account, id, ok := parseKey(key); ok && !refers(found[account][id], key) {
			orphans = append(orphans, key)
		}
	}
	return orphans, nil
}

// refers reports whether a recording, or the purge of a deleted one, refers to the
// object under key. An external recording may be replaced by one with audio, so its
// key counts as referenced. An import never adopts existing audio, so imported audio
// counts only if a recording plays it.
func refers(f store.Found, key string) bool {
	switch {
	case f.Recording != nil:
		return f.Recording.AudioKey() == key || f.Recording.Audio.Place == recording.External && !strings.HasPrefix(key, importedPrefix)
	case f.Tombstone != nil:
		r := recording.Recording{Account: f.Tombstone.Account, ID: f.Tombstone.ID, Audio: f.Tombstone.Audio}
		return f.Tombstone.PurgePending && r.AudioKey() == key
	}
	return false
}

// handleOrphan queues or removes one object to which nothing refers, once it is
// old enough.
func (b *box) handleOrphan(ctx context.Context, key string) error {
	object, err := b.bucket.Stat(ctx, key)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("look at audio without a recording: %w", err)
	}
	age, limit := b.now().Sub(object.Modified), orphanAge
	if strings.HasPrefix(key, importedPrefix) {
		limit = importedAge
	} else if !strings.Contains(key, "~") {
		if age >= arrivalAge {
			b.enqueueArrival(ctx, datadir.Event(key, b.now()))
		}
		return nil
	}
	if age < limit {
		return nil
	}
	// The upload may have stored its document since the comparison. If it stores its
	// audio again, the new object stays, even if it has the same bytes: it is younger.
	if still, err := b.unreferenced(ctx, []string{key}); err != nil || len(still) == 0 {
		return err
	}
	switch err := b.bucket.RemoveIf(ctx, key, object); {
	case errors.Is(err, media.ErrChanged):
		return nil
	case err != nil:
		return fmt.Errorf("remove audio without a recording: %w", err)
	}
	b.log.InfoContext(ctx, "removed audio of an upload or import that broke off", slog.String("object", media.KeyText(key)))
	return nil
}

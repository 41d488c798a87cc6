package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// recheckTime is how long before the last write of the previous run a recording
// must have changed for a start to check its audio again.
const recheckTime = time.Minute

// lastWrite returns when the database was last written, or a zero time. It must
// be called before the database is opened.
func lastWrite(dir *datadir.Dir) (last time.Time) {
	for _, name := range []string{"recordings.db", "recordings.db-wal"} {
		if info, err := os.Stat(dir.File(name)); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// uncheckedFile is the file in the data folder with the time that a start passes to
// recheck. It exists until the check is complete. If the process ends before that, the
// next start checks from the same time on.
const uncheckedFile = "unchecked"

// checkedUntil returns the time for recheck: that of uncheckedFile, or that of the last
// write. It must be called before the database is opened.
func (b *box) checkedUntil() time.Time {
	last := lastWrite(b.dir)
	text, err := os.ReadFile(b.dir.File(uncheckedFile))
	if err != nil {
		return last
	}
	if earlier, err := time.Parse(time.RFC3339Nano, string(text)); err == nil && earlier.Before(last) {
		return earlier
	}
	return last
}

// rememberUnchecked writes uncheckedFile. A full disk does not keep the server from
// starting.
func (b *box) rememberUnchecked(ctx context.Context) {
	if b.written.IsZero() {
		return
	}
	if err := b.dir.WritePrivate(uncheckedFile, b.written.Format(time.RFC3339Nano)); err != nil {
		b.log.WarnContext(ctx, "the file of unchecked audio could not be written", slog.String("cause", err.Error()))
	}
}

// forgetUnchecked removes uncheckedFile.
func (b *box) forgetUnchecked(ctx context.Context) {
	if err := os.Remove(b.dir.File(uncheckedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.log.WarnContext(ctx, "the file of unchecked audio could not be removed", slog.String("cause", err.Error()))
	}
}

// recheck checks the audio of recordings that changed in the last minute before
// the previous run ended. If the machine lost its power, a disk may have lost
// audio that it had promised to keep. Each such object is queued as an arrival, so
// that ingest judges it again: intact audio changes nothing, and audio that cannot
// be played is set aside. Audio that is missing, or has another size than its
// recording, is only logged: ingest would accept the first half of an mp3 as
// complete.
//
// It runs while the server answers requests, so a recording may change or disappear
// during the check.
func (b *box) recheck(ctx context.Context, last time.Time) error {
	if last.IsZero() {
		return nil
	}
	recent, err := b.store.ModifiedSince(ctx, recording.SecondsOf(last.Add(-recheckTime)))
	if err != nil {
		return err
	}
	queued, err := b.store.Arriving(ctx)
	if err != nil {
		return err
	}
	var failure error // the last of several errors
	for i := range recent {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := &recent[i]
		key := r.AudioKey()
		size, stored, err := b.s3.Size(key)
		_, _, own := recording.ParseKey(key)
		_, _, dropped := recording.ParseInboxKey(key)
		switch {
		case err != nil:
			failure = fmt.Errorf("look at recent audio: %w", err)
		case !stored:
			b.logDamage(ctx, r, "the audio of a recording is missing", 0)
		case size != r.Audio.Size && r.Audio.Size > 0:
			b.logDamage(ctx, r, "the stored audio does not have the size of its recording", size)
		case !queued[key] && (own || dropped): // imported audio is never an arrival
			event := datadir.RecheckEvent(key)
			if err := b.store.Enqueue(ctx, sqlite.Arrivals, event); err != nil {
				b.unqueued.add(event)
				failure = err
			}
		}
	}
	return errors.Join(failure, b.logDamaged(ctx, last.Add(-recheckTime)))
}

// logDamaged logs the objects that were stored since that time and no longer match their
// checksums. No arrival can repair them.
func (b *box) logDamaged(ctx context.Context, since time.Time) error {
	damaged, err := b.s3.Damaged(ctx, since)
	for _, key := range damaged {
		account, id, _ := recording.ParseKey(key)
		if inbox, _, ok := recording.ParseInboxKey(key); ok {
			account = inbox
		}
		b.log.ErrorContext(ctx, "the bytes of a stored object do not match its checksum",
			slog.String("account", account), slog.String("id", id))
	}
	return err
}

// logDamage logs that the audio of r is missing or truncated, unless r was changed or
// deleted after it was read: then its audio may have been replaced or removed.
func (b *box) logDamage(ctx context.Context, r *recording.Recording, what string, stored int64) {
	if now, err := b.store.Get(ctx, r.Account, r.ID); err != nil || now.Revision != r.Revision {
		return
	}
	b.log.ErrorContext(ctx, what, slog.String("account", r.Account), slog.String("id", r.ID), //nolint:sloglint // one of two constants
		slog.Int64("bytes", r.Audio.Size), slog.Int64("stored_bytes", stored))
}

package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"
)

// temporaryTime is how long temporary files stay.
const temporaryTime = time.Hour

// tidy removes leftovers: expired tombstones and claims, what no event will finish
// (package reconcile), temporary files, and deleted content in the database's log. (The S3
// server removes the parts of interrupted uploads.) If a step fails, the others still run.
func (b *box) tidy(ctx context.Context) error {
	err := errors.Join(
		b.store.Sweep(ctx),
		b.reconcile(ctx),
		b.removeTemporary(),
		b.store.Flush(ctx),
	)
	if err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "some leftovers could not be removed; this is retried", slog.String("cause", err.Error()))
	}
	return err
}

// scrub overwrites what SQLite left of deleted rows in its pages, at the start and every
// hour, until ctx ends. It does not wait for other upkeep, nor others for it.
func (b *box) scrub(ctx context.Context) {
	every(ctx, scrubEvery, func(ctx context.Context) {
		_, err := b.store.Scrub(ctx)
		if err = errors.Join(err, b.store.Flush(ctx)); err != nil && ctx.Err() == nil {
			b.log.WarnContext(ctx, "copies of deleted content could not all be overwritten; this is retried", slog.String("cause", err.Error()))
		}
	})
}

// removeTemporary removes old temporary files from the data folder. A temporary
// copy of keys.json contains secrets.
func (b *box) removeTemporary() error {
	entries, err := os.ReadDir(b.dir.Path)
	failures := err
	for _, e := range entries {
		if !isTemporary(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && b.now().Sub(info.ModTime()) >= temporaryTime {
			err = os.Remove(b.dir.File(e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failures = errors.Join(failures, err)
		}
	}
	return failures
}

// isTemporary reports whether name is that of a temporary file. A process that is
// killed while it replaces a file (datadir.WritePrivate), or while an import makes a
// file for audio (recordings import kazoo), leaves one behind.
func isTemporary(name string) bool {
	if random, ok := strings.CutPrefix(name, "import-"); ok {
		random, ok = strings.CutSuffix(random, ".audio")
		return ok && random != "" && strings.Trim(random, "0123456789") == ""
	}
	for _, replaced := range []string{"keys.json", envFile, seededFile, uncheckedFile} {
		if random, ok := strings.CutPrefix(name, replaced+"."); ok && random != "" && strings.Trim(random, "0123456789") == "" {
			return true
		}
	}
	return false
}

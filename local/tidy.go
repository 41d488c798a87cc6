package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/person"
)

// How long leftovers stay. In the cloud, the bucket's lifecycle rules remove them
// (template.yaml).
const (
	setAsideTime  = 30 * 24 * time.Hour
	probeTime     = 24 * time.Hour
	temporaryTime = time.Hour
)

// tidy removes leftovers: expired tombstones and claims, audio that nothing can
// claim, old rejected audio, old files of jobs, test files of PBXs, temporary files, and deleted content
// in the database's log. (The S3 server removes the parts of interrupted uploads.) If a
// step fails, the others still run.
func (b *box) tidy(ctx context.Context) error {
	err := errors.Join(
		b.store.Sweep(ctx),
		b.handleOrphans(ctx),
		b.removeOld(ctx, "set-aside/", setAsideTime),
		b.removeOld(ctx, "probes/", probeTime),
		b.removeOld(ctx, exportsPrefix, person.FileAge),
		b.removeTemporary(),
		b.store.Flush(ctx),
	)
	if err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "some leftovers could not be removed; this is retried", slog.String("cause", err.Error()))
	}
	return err
}

// removeOld removes the objects under prefix that are older than limit.
func (b *box) removeOld(ctx context.Context, prefix string, limit time.Duration) error {
	return b.list(ctx, prefix, func(keys []string) error {
		var failures error
		for _, key := range keys {
			object, err := b.bucket.Stat(ctx, key)
			if err == nil && b.now().Sub(object.Modified) >= limit {
				err = b.bucket.Remove(ctx, key)
			}
			if err != nil && !errors.Is(err, media.ErrNotFound) {
				failures = errors.Join(failures, fmt.Errorf("remove leftovers: %w", err))
			}
		}
		return failures
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

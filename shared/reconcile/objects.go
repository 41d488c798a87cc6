package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// parseKey returns the ID of the recording that the audio under key belongs to. ok is
// false if key is not an audio key.
func parseKey(key string) (id string, ok bool) {
	if rest, imported := strings.CutPrefix(key, recording.ImportedPrefix); imported {
		key = recording.AudioPrefix + rest
	}
	_, id, ok = recording.ParseKey(key)
	return id, ok
}

// refers reports whether a recording, the purge of a deleted one, or one that can be
// restored refers to the object under key. An external recording may be replaced by one
// with audio, so its key counts as referenced. An import never adopts existing audio,
// so imported audio counts only if a recording plays it.
func refers(f store.Found, key string) bool {
	switch {
	case f.Recording != nil:
		return f.Recording.AudioKey() == key || f.Recording.Audio.Place == recording.External && !strings.HasPrefix(key, recording.ImportedPrefix)
	case f.Tombstone != nil:
		r := recording.Recording{Account: f.Tombstone.Account, ID: f.Tombstone.ID, Audio: f.Tombstone.Audio}
		return (f.Tombstone.PurgePending || f.Tombstone.Until > 0) && r.AudioKey() == key
	}
	return false
}

// orphans finds the objects to which nothing refers. An object with a suffix may be in
// another window than its row, so its row is always looked up.
func (v *visit) orphans(ctx context.Context, w window, list []media.Listed) error {
	ids := map[string]bool{}
	var suspects []media.Listed
	for _, o := range list {
		id, ok := parseKey(o.Key)
		switch {
		case !ok:
			v.foreign(ctx, v.report, o.Key)
		case !refers(w.byID[id], o.Key):
			suspects = append(suspects, o)
			ids[id] = true
		}
	}
	found, err := v.find(ctx, ids)
	if err != nil {
		return err
	}
	for _, o := range suspects {
		if id, _ := parseKey(o.Key); !refers(found[id], o.Key) {
			if err := v.orphan(ctx, id, o, found[id]); err != nil {
				return err
			}
		}
	}
	return nil
}

// orphan repairs one object to which nothing refers, once it is old enough:
//
//   - Under a recording's own key, a client stored it, and may have got its answer. It
//     becomes an arrival. Ingest removes the audio of a deleted recording, and makes a
//     recording of any other.
//   - A key with a suffix belongs to one upload of `recordings add` or of the demo. If
//     that upload died before its document, no retry uses the key again, so the audio
//     is removed.
//   - Imported audio causes no arrival, because its document comes from the source. It is
//     removed too: another run of the import stores it again.
//   - A recording that has other audio, under another key, has replaced this one.
func (v *visit) orphan(ctx context.Context, id string, o media.Listed, f store.Found) error {
	limit := v.Ages.Orphan
	switch own := !strings.Contains(o.Key, "~") && strings.HasPrefix(o.Key, recording.AudioPrefix); {
	case own && f.Recording == nil:
		return v.unread(ctx, UnreadAudio, id, o)
	case own, strings.HasPrefix(o.Key, recording.ImportedPrefix):
		limit = v.Ages.Import
	}
	if v.Now().Sub(o.Modified) < limit {
		return nil
	}
	switch old, err := v.old(ctx, o.Key, limit); {
	case err != nil:
		return err
	case !old:
		return nil
	}
	return v.repaired(ctx, v.report, Example{Kind: OrphanAudio, Account: v.name, Recording: id, Object: media.KeyText(o.Key)}, o.Size, func() error {
		return v.purge(ctx, o.Key, limit, func() (bool, error) {
			found, err := v.Store.Find(ctx, v.name, []string{id})
			return refers(found[id], o.Key), err
		})
	})
}

// errYounger means that a newer object has replaced the one to remove, or that the object
// came into use.
var errYounger = errors.New("it was stored again, or came into use")

// purge removes all versions of an object that is older than limit, unless inUse reports
// that something refers to it by now: an upload may have stored its document since the
// comparison. A version that is stored meanwhile stays; see [media.Purger].
func (r *Reconciler) purge(ctx context.Context, key string, limit time.Duration, inUse func() (bool, error)) error {
	return r.Bucket.Purge(ctx, []string{key}, func(ctx context.Context) error {
		old, err := r.old(ctx, key, limit)
		used := false
		if err == nil && inUse != nil {
			used, err = inUse()
		}
		switch {
		case err != nil:
			return fmt.Errorf("check an object before its removal: %w", err)
		case !old || used:
			return errYounger
		}
		return nil
	})
}

// old reads an object again. It returns false if it no longer exists, or if a younger one
// has replaced it.
func (r *Reconciler) old(ctx context.Context, key string, limit time.Duration) (bool, error) {
	if err := r.wait(ctx); err != nil {
		return false, err
	}
	object, err := r.Bucket.Stat(ctx, key)
	if errors.Is(err, media.ErrNotFound) {
		return false, nil
	}
	return err == nil && r.Now().Sub(object.Modified) >= limit, err
}

// foreign reports an object or a folder that the service cannot have stored.
func (r *Reconciler) foreign(ctx context.Context, report *Report, key string) {
	e := Example{Kind: ForeignObject, Object: media.KeyText(key)}
	report.add(e, 0)
	r.Log.InfoContext(ctx, "finding", slog.String("kind", string(e.Kind)), slog.String("object", e.Object))
}

// leftovers returns the step that removes objects under prefix that are past their
// time. In a deployment the lifecycle rules of the bucket remove them before.
func leftovers(prefix string, kind Kind, limit func(Ages) time.Duration) func(context.Context, *Reconciler, *progress) (bool, error) {
	return func(ctx context.Context, r *Reconciler, p *progress) (bool, error) {
		if err := r.wait(ctx); err != nil {
			return false, err
		}
		page, err := r.Bucket.Objects(ctx, prefix, p.Cursor)
		if err != nil {
			return false, err
		}
		for _, o := range page {
			p.Cursor = o.Key
			p.Report.Objects++
			name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(o.Key, prefix), recording.InboxPrefix), "/")
			if r.Account != "" && name != r.Account || r.Now().Sub(o.Modified) < limit(r.Ages) {
				continue
			}
			old, err := r.old(ctx, o.Key, limit(r.Ages))
			if err == nil && old {
				e := Example{Kind: kind, Account: name, Object: media.KeyText(o.Key)}
				err = r.repaired(ctx, &p.Report, e, o.Size, func() error { return r.purge(ctx, o.Key, limit(r.Ages), nil) })
			}
			if err != nil {
				return false, err
			}
		}
		return len(page) < r.pageLen(), nil
	}
}

package reconcile

import (
	"context"
	"hash/fnv"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// maxDropped is the most files of recordings that one pass compares with an inbox.
// A pass keeps 16 bytes of each in memory, some 40 MB in all.
const maxDropped = 500_000

// hashOf returns 64 bits of a key.
func hashOf(key string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails
	return h.Sum64()
}

// inboxKey returns the key of a recording's file in an inbox.
func inboxKey(f store.Found) (key string, ok bool) {
	switch {
	case f.Recording != nil && f.Recording.Audio.Place != recording.External:
		key = f.Recording.AudioKey()
	case f.Tombstone != nil && (f.Tombstone.PurgePending || f.Tombstone.Until > 0):
		key = f.Tombstone.Audio.Key
	}
	_, _, ok = recording.ParseInboxKey(key)
	return key, ok
}

// compareInbox compares one pass of the files in an inbox with the recordings. A file has
// any name, so the two cannot be read side by side: a pass reads all rows of the
// account, keeps a hash of each key, and then reads the list of the inbox. If an
// account has too many files for that, each pass compares a part of the hashes.
func (v *visit) compareInbox(ctx context.Context) (over bool, err error) {
	if !v.Inbox && !v.Dropped {
		return true, nil
	}
	if v.Passes == 0 {
		v.Passes = 1
	}
	seen := map[uint64]bool{} // whether the file exists
	sidecars := map[uint64]bool{}
	full := false
	err = v.eachDropped(ctx, func(_ store.Found, key string) (bool, error) {
		if h := hashOf(key); v.mine(recording.Stem(key)) {
			seen[h] = false
			sidecars[hashOf(recording.Stem(key))] = true
		}
		full = len(seen) > v.dropLimit()
		return !full, nil
	})
	if err != nil {
		return false, err
	}
	if full {
		v.Passes, v.Pass = v.Passes*2, 0
		return false, nil
	}
	if err := v.inboxFiles(ctx, seen, sidecars); err != nil {
		return false, err
	}
	err = v.eachDropped(ctx, func(f store.Found, key string) (bool, error) {
		exists, compared := seen[hashOf(key)]
		if !compared || exists || f.Recording == nil || f.Recording.Audio.Place != recording.Managed {
			return true, nil
		}
		return true, v.checkAudio(ctx, f.Recording.ID)
	})
	v.Pass++
	return v.Pass == v.Passes, err
}

// mine reports whether a name belongs to the current pass.
func (v *visit) mine(stem string) bool { return hashOf(stem)%uint64(v.Passes) == uint64(v.Pass) }

// eachDropped calls do with the rows that have a file in the inbox, until it returns
// false.
func (v *visit) eachDropped(ctx context.Context, do func(f store.Found, key string) (bool, error)) error {
	if !v.Dropped {
		return nil
	}
	for after := ""; ; {
		if err := v.wait(ctx); err != nil {
			return err
		}
		p, err := v.Store.Rows(ctx, v.name, after, v.pageLen())
		if err != nil {
			return err
		}
		for _, row := range p.Rows {
			if key, ok := inboxKey(row.Found); ok {
				if more, err := do(row.Found, key); err != nil || !more {
					return err
				}
			}
		}
		if after = p.Next; after == "" {
			return nil
		}
	}
}

// inboxFiles finds the files in the inbox that belong to no recording, and marks those
// that do. A sidecar file belongs to the audio with the same name.
func (v *visit) inboxFiles(ctx context.Context, seen, sidecars map[uint64]bool) error {
	prefix := recording.InboxKey(v.name, "")
	for after := ""; ; {
		if err := v.wait(ctx); err != nil {
			return err
		}
		page, err := v.Bucket.Objects(ctx, prefix, after)
		if err != nil {
			return err
		}
		for _, o := range page {
			after = o.Key
			stem := recording.Stem(o.Key)
			if !v.mine(stem) {
				continue
			}
			v.Rows = true
			v.report.Objects++
			h := hashOf(o.Key)
			if _, ok := seen[h]; ok {
				seen[h] = true
				continue
			}
			if strings.HasSuffix(o.Key, "/") || strings.EqualFold(strings.TrimPrefix(o.Key, stem), ".json") && sidecars[hashOf(stem)] {
				continue
			}
			if err := v.unread(ctx, UnreadFile, "", o); err != nil {
				return err
			}
		}
		if len(page) < v.pageLen() {
			return nil
		}
	}
}

package simulate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// scanned is a driver that also lists everything, for a process that may be killed.
type scanned struct {
	driver
	all  *sqlite.Store
	kill *killer
}

// Accounts implements [store.Scanner].
func (s scanned) Accounts(ctx context.Context, cursor string, deep bool) (accounts []string, next string, err error) {
	accounts, err = do(s.kill, func() (accounts []string, err error) {
		accounts, next, err = s.all.Accounts(ctx, cursor, deep)
		return accounts, err
	})
	return accounts, next, err
}

// Rows implements [store.Scanner].
func (s scanned) Rows(ctx context.Context, account, after string, limit int) (store.RowPage, error) {
	return do(s.kill, func() (store.RowPage, error) { return s.all.Rows(ctx, account, after, limit) })
}

// Claims implements [store.Scanner].
func (s scanned) Claims(ctx context.Context, account, after string, limit int) (store.ClaimPage, error) {
	return do(s.kill, func() (store.ClaimPage, error) { return s.all.Claims(ctx, account, after, limit) })
}

// Unclaim implements [store.Scanner].
func (s scanned) Unclaim(ctx context.Context, account string, c store.KeptClaim) error {
	return doErr(s.kill, func() error { return s.all.Unclaim(ctx, account, c) })
}

// dated is the bucket. It knows when its objects were stored by the clock of the service:
// the built-in S3 server only knows the real time.
type dated struct {
	*s3media.Bucket
	stored map[string]time.Time
	now    func() time.Time
}

// Put implements [media.Writer].
func (b dated) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error {
	b.stored[key] = b.now()
	return b.Bucket.Put(ctx, key, contentType, body, size)
}

// Copy implements [media.Objects].
func (b dated) Copy(ctx context.Context, from, etag, to string) error {
	b.stored[to] = b.now()
	return b.Bucket.Copy(ctx, from, etag, to)
}

// inventory is the bucket as the reconciliation sees it.
type inventory struct {
	mortal
	dated dated
}

// Objects implements [media.Inventory].
func (b inventory) Objects(ctx context.Context, prefix, after string) ([]media.Listed, error) {
	found, err := do(b.killer, func() ([]media.Listed, error) { return b.dated.Objects(ctx, prefix, after) })
	for i := range found {
		found[i].Modified = b.dated.stored[found[i].Key]
	}
	return found, err
}

// Folders implements [media.Inventory].
func (b inventory) Folders(ctx context.Context, prefix, after string) (folders []string, more bool, err error) {
	folders, err = do(b.killer, func() (folders []string, err error) {
		folders, more, err = b.dated.Folders(ctx, prefix, after)
		return folders, err
	})
	return folders, more, err
}

// Stat implements [media.Reader].
func (b inventory) Stat(ctx context.Context, key string) (media.Object, error) {
	o, err := b.mortal.Stat(ctx, key)
	o.Modified = b.dated.stored[key]
	return o, err
}

// reconciler returns the reconciliation of a process that k may kill.
func (w *world) reconciler(k *killer) reconcile.Reconciler {
	d := scanned{driver{faultstore.NewWith(w.rows, k.choose), w.raw}, w.raw, k}
	return reconcile.Reconciler{
		Store: d, Book: d, Bucket: inventory{mortal{w.plain, k}, w.plain},
		Repair: true, Ages: reconcile.LocalAges(), Log: slog.New(slog.DiscardHandler), Now: w.clock,
		EndRestores: deletion.New(d, 0, w.clock).Ending,
		Queued:      func(key string) bool { return slices.Contains(w.events, key) },
		Arrive: func(_ context.Context, key string) error {
			w.events = append(w.events, key)
			return nil
		},
	}
}

// impossible are the findings that a correct service never has.
var impossible = []reconcile.Kind{reconcile.MissingAudio, reconcile.OtherSize, reconcile.ForeignObject}

// reconcile is called every hour, as the function of that name. It starts a run once a day
// and continues the one that was interrupted.
func (w *world) reconcile(ctx context.Context) error {
	if w.NoReconcile {
		return nil
	}
	w.mayDie("reconcile", 3)
	r := w.reconciler(&w.kill)
	report, ran, err := r.Daily(ctx, 24*time.Hour)
	if err != nil || !ran {
		return err
	}
	return w.examine(&report)
}

// repair is `recordings fsck --repair`.
func (w *world) repair(ctx context.Context) error {
	r := w.reconciler(&killer{})
	r.Book, r.Deep = reconcile.Memory(), true
	report, err := r.Run(ctx)
	if err != nil {
		return err
	}
	return w.examine(&report)
}

// examine counts the findings of a run, and returns an error if one is impossible.
func (w *world) examine(report *reconcile.Report) error {
	w.Reconciled++
	for kind, n := range report.Findings {
		w.Findings[kind] += n.Found
		if n.Found > 0 && slices.Contains(impossible, kind) {
			return fmt.Errorf("the reconciliation has found %s: %+v", kind, report.Examples)
		}
	}
	return nil
}

// leftTime is how long an object to which nothing refers may exist. Imported audio must be
// a day old before the daily reconciliation removes it, and other audio then has to be
// ingested once more. Crashes, outages and the clock cost another day.
const leftTime = 3 * 24 * time.Hour

// inspect compares the bucket with what must be there: the audio of every recording, also of
// deleted ones that can be restored, and for long nothing else.
func (w *world) inspect(ctx context.Context) error {
	sizes := map[string]int64{}
	for after := ""; ; {
		page, err := w.plain.Objects(ctx, "", after)
		if err != nil {
			return err
		}
		for _, o := range page {
			sizes[o.Key] = o.Size
			after = o.Key
		}
		if len(page) < media.MaxList {
			break
		}
	}
	for _, t := range w.order {
		if err := w.inspectOne(t, sizes); err != nil {
			return err
		}
	}
	for key := range sizes {
		if w.now.Sub(w.plain.stored[key]) > leftTime {
			return fmt.Errorf("nothing refers to the object %s of %s", key, w.plain.stored[key].Format(time.RFC3339))
		}
	}
	for key := range w.plain.stored { // of objects that are gone
		if _, exists := sizes[key]; !exists && w.now.Sub(w.plain.stored[key]) > leftTime && !w.refers(key) {
			delete(w.plain.stored, key)
		}
	}
	return nil
}

// refers reports whether a recording may refer to an object.
func (w *world) refers(key string) bool {
	_, id, ok := recording.ParseKey("recordings/" + key[strings.Index(key, "/")+1:])
	account, _, _ := strings.Cut(key[strings.Index(key, "/")+1:], "/")
	return ok && w.truths[account+"/"+id] != nil
}

// inspectOne checks the audio of one recording, and takes it out of sizes.
func (w *world) inspectOne(t *truth, sizes map[string]int64) error {
	size, exists := sizes[t.key]
	switch {
	case t.stage == gone:
	case t.ready && !exists:
		return t.violation("has lost its audio")
	case t.ready && size != int64(len(w.Audio)):
		return t.violation("has other audio")
	case exists && !t.ready && t.stage == alive && w.now.Sub(t.waits) > leftTime:
		return t.violation("has audio that was never ingested")
	}
	if t.key != "" {
		delete(sizes, t.key)
	}
	return nil
}

// survey reads the whole table. It finds recordings that the oracle does not know, or has forgotten
// because they were purged.
func (w *world) survey(ctx context.Context) error {
	for _, account := range accounts {
		for after := ""; ; {
			page, err := w.raw.Rows(ctx, account, after, 1000)
			if err != nil {
				return err
			}
			for _, row := range page.Rows {
				t := w.truths[account+"/"+row.ID]
				live := row.Recording != nil || row.Tombstone != nil && (row.Tombstone.Until > 0 || row.Tombstone.PurgePending)
				if live && t == nil {
					return fmt.Errorf("%s/%s is in the table, but was purged or never created", account, row.ID)
				}
			}
			if after = page.Next; after == "" {
				break
			}
		}
	}
	return nil
}

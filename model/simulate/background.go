package simulate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention/sweep"
)

// background runs the work that needs no request. Each part may die.
func (w *world) background(ctx context.Context) error {
	for _, part := range []func(context.Context) error{w.ingestEvents, w.sweepAll, w.finishPurges, w.reconcile} {
		err := part(ctx)
		dead := w.kill.dead
		w.kill.reset()
		if err != nil && !dead {
			return err
		}
	}
	return nil
}

// ingestEvents handles the events of the bucket. Some come twice, and late.
func (w *world) ingestEvents(ctx context.Context) error {
	events := w.events
	w.events = nil
	for i, key := range events {
		w.mayDie("ingest", 6)
		_, err := w.app.ingest.Ingest(ctx, incoming.Arrival{Key: key})
		if w.kill.dead {
			w.events = append(w.events, events[i:]...)
			return err
		}
		if err != nil {
			return fmt.Errorf("ingest: %w", err)
		}
		account, id, _ := recording.ParseKey(key)
		if t := w.truths[account+"/"+id]; t != nil && t.stage == alive && !strings.HasPrefix(key, "imported/") {
			r, err := w.raw.Get(ctx, account, id)
			if err != nil {
				return ignoreGone(err)
			}
			t.ready = r.Audio.Place == recording.Managed
		}
		if w.rnd.IntN(8) == 0 {
			w.events = append(w.events, key)
		}
	}
	return nil
}

// sweepAll runs the sweep of the function expire. Policies, holds and places may change in the middle.
func (w *world) sweepAll(ctx context.Context) error {
	w.mayDie("sweep", 6)
	var failed error
	if w.rnd.IntN(24*7) == 0 {
		w.kill.at = w.point()
		w.kill.interrupt = func() {
			change := pick(w, []func(context.Context, application) error{w.changePolicy, w.changeHolds, w.move})
			failed = change(ctx, w.aside)
		}
	}
	_, err := w.app.sweeper.Run(ctx)
	if errors.Is(err, sweep.ErrClock) {
		if err = nil; w.CondemnAlways {
			_, err = w.app.deleter.Sweep(ctx, w.app.store, recording.SecondsOf(w.clock()), 1)
		}
	}
	if failed != nil {
		w.kill.reset() // a violation, not a crash
		return failed
	}
	return err
}

// finishPurges finishes the purges that are pending.
func (w *world) finishPurges(ctx context.Context) error {
	pending, err := w.raw.PendingPurges(ctx, 100)
	if err != nil {
		return err
	}
	for _, t := range pending {
		w.mayDie("purge", 6)
		if err := purge.Finish(ctx, w.app.store, w.app.bucket, t); err != nil {
			return err
		}
	}
	return nil
}

// archive is a source of imports with one old recording.
type archive struct {
	item  importer.Item
	audio []byte
}

// Pages implements [importer.Source].
func (a archive) Pages(context.Context) iter.Seq2[[]importer.Item, error] {
	return func(yield func([]importer.Item, error) bool) { yield([]importer.Item{a.item}, nil) }
}

// Open implements [importer.Source].
func (a archive) Open(context.Context, *importer.Item) (*importer.Audio, error) {
	return &importer.Audio{ReaderAt: bytes.NewReader(a.audio), Size: int64(len(a.audio)), Close: func() error { return nil }}, nil
}

// importOld imports a recording of an earlier time. It may be behind the bookmarks of the
// sweep, or past its time already. A run that dies is repeated.
func (w *world) importOld(ctx context.Context) error {
	if len(w.ghosts) > 0 && w.rnd.IntN(16) == 0 {
		return w.importAgain(ctx, pick(w, w.ghosts), w.rnd.IntN(4) == 0)
	}
	old := w.clock().Add(-time.Duration(w.rnd.IntN(800*24)) * time.Hour)
	t := &truth{account: pick(w, accounts), owner: pick(w, owners), tag: pick(w, tags), created: recording.SecondsOf(old)}
	t.id = w.newID(old)
	w.Imported++
	if err := w.copy(ctx, t, false); err != nil {
		return err
	}
	known, err := w.learn(ctx, t)
	if err == nil && !known {
		return t.violation("was not imported")
	}
	return err
}

// importAgain imports a recording that was purged. It comes back only if the run is to revive
// deleted recordings.
func (w *world) importAgain(ctx context.Context, ghost *truth, revive bool) error {
	w.Again++
	if err := w.copy(ctx, ghost, revive); err != nil {
		return err
	}
	t := &truth{account: ghost.account, owner: ghost.owner, tag: ghost.tag, created: ghost.created, id: ghost.id}
	known, err := w.learn(ctx, t)
	switch {
	case err != nil:
		return err
	case known != revive:
		return t.violation(fmt.Sprintf("was imported after its purge; to revive it: %v, it is back: %v", revive, known))
	case known:
		w.Revived++
		w.ghosts = slices.DeleteFunc(w.ghosts, func(g *truth) bool { return g == ghost })
	}
	return nil
}

// copy runs an import of one recording. Sometimes another process compares the table with
// the bucket in the middle of it.
func (w *world) copy(ctx context.Context, t *truth, revive bool) error {
	source := archive{audio: w.Audio, item: importer.Item{
		Name: t.id, Account: t.account, ID: t.id, Document: document(t), Exact: true, Started: t.created, Created: t.created,
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/wav"},
	}}
	var failed error
	var interrupt func()
	if w.rnd.IntN(16) == 0 && !w.NoReconcile {
		interrupt = func() { failed = w.repair(ctx) }
	}
	for {
		gaveUp, err := w.attempt("import", interrupt, func(a application) error {
			return importer.Run(ctx, source, importer.Target{Store: a.store, Audio: a.bucket}, importer.Options{
				Concurrency: 1, Now: w.clock, Revive: revive, Tally: &importer.Tally{}, Wait: func(context.Context, time.Duration) error { return nil },
			})
		})
		switch {
		case err != nil:
			return fmt.Errorf("import: %w", err)
		case failed != nil:
			return fmt.Errorf("repair: %w", failed)
		case !gaveUp:
			return nil
		}
	}
}

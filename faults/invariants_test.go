package faults

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
)

// check checks the invariants of a world that has converged.
func (w *world) check(ctx context.Context) error {
	page, err := w.raw.Rows(ctx, account, "", 1000)
	if err != nil {
		return err
	}
	refers := map[string]bool{}
	var errs []error
	for i := range page.Rows {
		errs = append(errs, w.checkRow(ctx, &page.Rows[i], refers))
	}
	return errors.Join(append(errs,
		w.checkJobs(ctx, refers), w.checkObjects(ctx, refers), w.checkEvents(), w.checkFeed(ctx, page.Rows), w.checkIndex(ctx, page.Rows), w.silent(ctx))...)
}

// checkRow checks a recording or a tombstone, and notes the objects that it refers to.
func (w *world) checkRow(ctx context.Context, row *store.Row, refers map[string]bool) error {
	if t := row.Tombstone; t != nil {
		switch {
		case t.PurgePending:
			return fmt.Errorf("%s waits for its purge", row.ID)
		case t.Until > 0 && t.Until <= recording.SecondsOf(w.now()):
			if held, err := w.held(ctx); err != nil || held {
				refers[t.Recording.AudioKey()] = true
				return err
			}
			return fmt.Errorf("%s can be restored too long", row.ID)
		case t.Until > 0:
			refers[t.Recording.AudioKey()] = true
		}
		return nil
	}
	r := row.Recording
	if w.gone[r.ID] {
		return fmt.Errorf("%s was deleted, and is back", r.ID)
	}
	if r.Audio.Condition() == recording.Failed {
		refers[recording.SetAsideKey(r.AudioKey())] = true
	}
	if r.Audio.Condition() != recording.Ready {
		return nil
	}
	refers[r.AudioKey()] = true
	body, _, err := w.plain.Open(ctx, r.AudioKey(), "", nil)
	if err != nil {
		return fmt.Errorf("%s has lost its audio: %w", r.ID, err)
	}
	text, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err == nil && (int64(len(text)) != r.Audio.Size || !bytes.Equal(text, w.audio)) {
		err = fmt.Errorf("%s has other audio: %d bytes, and the document %d", r.ID, len(text), r.Audio.Size)
	}
	return err
}

// held reports whether there is a legal hold.
func (w *world) held(ctx context.Context) (bool, error) {
	holds, err := hold.Read(ctx, w.raw, account)
	return len(holds.Holds()) > 0, err
}

// checkJobs looks for jobs that still need a worker, and notes the files that the results of the
// others name. These stay for a week.
func (w *world) checkJobs(ctx context.Context, refers map[string]bool) error {
	jobs, next, err := (&job.Book{Entries: w.raw, Now: w.now}).List(ctx, account, "", 50)
	if err == nil && next != "" {
		err = errors.New("the jobs are not on one page")
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, j := range jobs {
		if j.State.Active() {
			errs = append(errs, fmt.Errorf("the job %s stays %s", j.Action, j.State))
		}
		if j.Result == nil || !j.State.Ended() {
			continue
		}
		var files struct{ List, Zip string }
		errs = append(errs, json.Unmarshal(j.Result, &files))
		refers[files.List], refers[files.Zip] = true, true
	}
	return errors.Join(errs...)
}

// checkObjects looks for objects to which nothing refers.
func (w *world) checkObjects(ctx context.Context, refers map[string]bool) error {
	listed, err := w.plain.Objects(ctx, "", "")
	for _, o := range listed {
		if !refers[o.Key] {
			err = errors.Join(err, fmt.Errorf("nothing refers to the object %s", o.Key))
		}
	}
	return err
}

// checkEvents compares the events that have arrived with the changes.
func (w *world) checkEvents() error {
	var errs []error
	w.bus.mu.Lock()
	defer w.bus.mu.Unlock()
	for _, c := range w.history {
		e, ok := notify.Of(c)
		if key := (sent{string(e.Type), e.ID, e.Revision}); ok && w.bus.received[key] == 0 {
			errs = append(errs, fmt.Errorf("the event %s of %s has not arrived", e.Type, e.ID))
		}
	}
	return errors.Join(errs...)
}

// checkFeed compares the feed with the changes and with the table.
func (w *world) checkFeed(ctx context.Context, rows []store.Row) error {
	last, seen := map[string]feed.Entry{}, map[[2]string]int{}
	for at := (feed.Cursor{}); ; {
		page, err := feed.New(w.raw, w.now).Page(ctx, account, at, 100)
		if err != nil {
			return fmt.Errorf("read the feed: %w", err)
		}
		for _, e := range page.Entries {
			last[e.ID] = e
			seen[[2]string{e.ID, e.Revision}]++
		}
		if at = page.Next; len(page.Entries) == 0 {
			break
		}
	}
	var errs []error
	for _, c := range w.history {
		if e, ok := notify.Of(c); ok && seen[[2]string{e.ID, e.Revision}] != 1 {
			errs = append(errs, fmt.Errorf("the feed has %d entries for %s of %s, want 1", seen[[2]string{e.ID, e.Revision}], e.Type, e.ID))
		}
	}
	for i := range rows {
		e, row := last[rows[i].ID], &rows[i]
		switch {
		case row.Recording != nil && (e.Kind == feed.Deleted || e.Revision != row.Recording.Revision):
			errs = append(errs, fmt.Errorf("the feed ends with %s %s for %s, whose revision is %s", e.Kind, e.Revision, row.ID, row.Recording.Revision))
		case row.Tombstone != nil && e.Kind != feed.Deleted:
			errs = append(errs, fmt.Errorf("the feed ends with %q for %s, which is deleted", e.Kind, row.ID))
		}
	}
	return errors.Join(errs...)
}

// checkIndex compares the index and the totals with those of a new table with the same
// recordings.
func (w *world) checkIndex(ctx context.Context, rows []store.Row) error {
	fresh, err := dynamo.Open(dynamo.Options{
		Region: "eu-west-1", Endpoint: "http://table.test", Table: "recordings", Credentials: static, Now: w.now,
		HTTPClient: &transport{service: dynamoDB, to: emulator.New()},
	})
	if err != nil {
		return err
	}
	indexer := search.Indexer{Store: fresh, Now: w.now, Random: rand.Reader}
	live := 0
	for i := range rows {
		if r := rows[i].Recording; r != nil {
			live++
			again := *r
			if err := errors.Join(fresh.Put(ctx, &again), indexer.Index(ctx, account, r.ID)); err != nil {
				return err
			}
		}
	}
	var errs []error
	for _, partition := range []string{"terms/" + account, "totals/" + account} {
		got, err := entriesOf(ctx, w.raw, partition)
		want, failed := entriesOf(ctx, fresh, partition)
		if errs = append(errs, err, failed); !maps.Equal(got, want) {
			errs = append(errs, fmt.Errorf("the index %s is %v, want %v", partition, difference(got, want), difference(want, got)))
		}
	}
	markers, err := entriesOf(ctx, w.raw, "indexed/"+account)
	maps.DeleteFunc(markers, func(_, value string) bool { return strings.HasPrefix(value, `{"added":`) }) // of deleted recordings
	if len(markers) != live {
		errs = append(errs, fmt.Errorf("the index has %d markers for %d recordings", len(markers), live))
	}
	return errors.Join(append(errs, err)...)
}

// entriesOf returns the entries of a partition by their keys. It leaves out zeros in counters, and
// numbers that depend on the time of counting. A counter of a day is left out if no other number
// remains: the store keeps such counters for bills.
func entriesOf(ctx context.Context, s store.EntryReader, partition string) (map[string]string, error) {
	all := map[string]string{}
	page, err := s.PageEntries(ctx, store.EntryQuery{Partition: partition, Limit: 1000})
	for i := range page.Entries {
		value := string(page.Entries[i].Value)
		var numbers map[string]int64
		if json.Unmarshal(page.Entries[i].Value, &numbers) == nil {
			for _, name := range []string{"at", "new", "newseconds", "newbytes", "stored"} {
				delete(numbers, name)
			}
			maps.DeleteFunc(numbers, func(_ string, n int64) bool { return n == 0 })
			if len(numbers) == 0 && strings.HasPrefix(partition, "totals/") && strings.HasPrefix(page.Entries[i].Key, "d/") {
				continue
			}
			value = fmt.Sprint(numbers)
		}
		all[page.Entries[i].Key] = value
	}
	return all, err
}

// difference returns the entries of a that b lacks.
func difference(a, b map[string]string) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if b[key] != a[key] {
			all = append(all, key+"="+a[key])
		}
	}
	return all
}

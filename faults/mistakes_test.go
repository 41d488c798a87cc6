package faults

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// mistake breaks the service on purpose, to show that the enumeration finds it.
type mistake struct {
	// store replaces the store of the handlers of requests.
	store func(*application) retention.Driver
	// follow replaces what handles the changes of the stream.
	follow func(func(context.Context, []store.Change) (int, error)) func(context.Context, []store.Change) (int, error)
	// asleep is true if no schedule wakes the workers of jobs.
	asleep bool
}

// audioFirst removes the audio of a recording before its tombstone is written.
type audioFirst struct {
	backend
	app *application
}

// Delete implements [store.Writer].
func (s audioFirst) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	if err := s.app.bucket.Purge(ctx, []string{recording.AudioKey(account, id)}, nil); err != nil {
		return nil, err
	}
	return s.backend.Delete(ctx, account, id, d)
}

// doneFirst counts a change as done although its event was not sent.
func doneFirst(follow func(context.Context, []store.Change) (int, error)) func(context.Context, []store.Change) (int, error) {
	return func(ctx context.Context, changes []store.Change) (int, error) {
		_, _ = follow(ctx, changes)
		return len(changes), nil
	}
}

// An enumeration that finds nothing in wrong code proves nothing about the right one.
func TestFaultsFindMistakes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	table := operations()
	early := func(a *application) retention.Driver { return audioFirst{a.store, a} }
	for name, c := range map[string]struct {
		mistake mistake
		// The cases of operation with fault report want.
		operation string
		fault     fault
		want      string
		wirings   []string
	}{
		"audio goes before the tombstone":             {mistake{store: early}, "delete", killAfter, "has lost its audio", []string{cloud, local}},
		"a change is done before its event is sent":   {mistake{follow: doneFirst}, "publish", failed500, "has not arrived", []string{cloud, local}},
		"nothing wakes the worker of a new job":       {mistake{asleep: true}, "start-job", killAfter, "stays planning", []string{cloud}},
		"nothing wakes the worker of a plan":          {mistake{asleep: true}, "confirm-job", killAfter, "stays running", []string{cloud}},
		"nothing wakes the worker of a cancelled job": {mistake{asleep: true}, "cancel-job", killAfter, "stays cancelling", []string{cloud}},
		"nothing wakes the worker of a job that was stored despite an error": {
			mistake{asleep: true}, "start-job", resetAfter, "stays planning", []string{local},
		},
		"nothing wakes the worker of a plan that was confirmed despite an error": {
			mistake{asleep: true}, "confirm-job", resetAfter, "stays running", []string{local},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, wiring := range c.wirings {
				b.finds(t, wiring, &table[indexOf(table, c.operation)], c.fault, &c.mistake, c.want)
			}
		})
	}
}

// finds checks that a case of an operation finds a mistake, and that the operation does not
// show it without a fault.
func (b *bench) finds(t *testing.T, wiring string, op *operation, f fault, m *mistake, want string) {
	t.Helper()
	calls, err := scenario{wiring: wiring, op: op}.run(t.Context(), b.dir, b.audio, m)
	if err != nil {
		t.Fatalf("%s without a fault: %v", wiring, err)
	}
	var found atomic.Pointer[string]
	each(scenariosOf(wiring, op, calls), func(s scenario) {
		if found.Load() != nil || s.fault != f {
			return
		}
		if _, err := s.run(t.Context(), b.dir, b.audio, m); err != nil && strings.Contains(err.Error(), want) {
			name := s.String()
			found.Store(&name)
		}
	})
	if found.Load() == nil {
		t.Errorf("%s: no case finds it", wiring)
		return
	}
	t.Logf("found by CASE=%s", *found.Load())
}

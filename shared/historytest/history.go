package historytest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// The size of a history. With more clients and calls, most recordings are deleted
// early, and the checker takes long.
const (
	clients  = 4
	calls    = 12 // of each client
	few      = 12 // histories for each test, unless HISTORIES has another number
	decision = time.Minute
)

// Client sends calls.
type Client interface {
	Do(ctx context.Context, in Input) Output
}

// Harness opens the store or the API under test.
type Harness struct {
	// Open returns a function that returns clients of the same, empty account. The
	// calls below the clients fail as faults decides.
	Open func(t testing.TB, faults *Faults) func() Client
	// Retries is true if a client may repeat Create: with an idempotency key, or with
	// the same body for the same ID.
	Retries bool
}

// Run checks some histories. If no order of the calls explains a history, Run reports
// its seed and its calls.
func Run(t *testing.T, h Harness) {
	t.Helper()
	n, first := few, rand.Uint64()
	if text := os.Getenv("HISTORIES"); text != "" {
		n = number(t, text)
	}
	if text := os.Getenv("HISTORY_SEED"); text != "" {
		n, first = 1, uint64(number(t, text))
	}
	results, injected := map[Result]int{}, 0
	for i := range uint64(n) {
		seed := (first + i) % math.MaxInt64
		r := record(t, h, seed)
		if err := r.check(); err != nil {
			t.Fatalf("HISTORY_SEED=%d: %v", seed, err)
		}
		injected += r.faults.injected
		for _, op := range r.history {
			results[op.Output.(Output).Result]++
		}
	}
	t.Logf("%d histories are linearizable; %d faults; results of the calls: %v", n, injected, results)
}

// Broken reports whether one of n histories is not linearizable. It is for tests that
// the checker finds the faults of a driver.
func Broken(t *testing.T, h Harness, n int) bool {
	t.Helper()
	for seed := range uint64(n) {
		if record(t, h, seed).check() != nil {
			return true
		}
	}
	return false
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%q is not a number of 0 or more", text)
	}
	return n
}

// recorder records a history.
type recorder struct {
	faults  *Faults
	retries bool
	start   time.Time

	mu      sync.Mutex
	history []porcupine.Operation
	ids     map[string]string  // of the recordings with an idempotency key
	seen    map[string]string  // the latest revision that an answer had, by key
	placed  map[string][]Input // the holds that were acknowledged, by key
}

// record records the history of a seed.
func record(t testing.TB, h Harness, seed uint64) *recorder {
	t.Helper()
	r := &recorder{
		faults: newFaults(seed), retries: h.Retries, start: time.Now(),
		ids: map[string]string{}, seen: map[string]string{}, placed: map[string][]Input{},
	}
	open := h.Open(t, r.faults)
	var wg sync.WaitGroup
	for i := range clients {
		client, random := open(), rand.New(rand.NewPCG(seed, uint64(2+i)))
		wg.Go(func() {
			for n := range calls {
				r.call(t.Context(), i, client, r.choose(random, fmt.Sprintf("%d.%d", i, n)))
			}
		})
	}
	wg.Wait()
	r.faults.stop()
	client := open()
	for _, key := range keys {
		if in := r.address(Input{Kind: Get, Key: key}); in.Kind == Get {
			r.call(t.Context(), clients, client, in)
		}
	}
	return r
}

// keys are the recordings of a history. The last one gets an idempotency key, if
// clients may retry.
var keys = []string{"x", "y", "z"}

// choose makes up the next call of a client. name is unique in the history.
func (r *recorder) choose(random *rand.Rand, name string) Input {
	in := Input{Kind: Create, Key: keys[random.IntN(len(keys))], Body: name, Slot: random.IntN(slots)}
	if r.retries {
		in.Body = []string{"a", "a", "b"}[random.IntN(3)]
	}
	conditional := random.IntN(2) == 0
	switch p := random.IntN(100); {
	case p < 12, p < 75 && !r.created(in.Key):
	case p < 32:
		in.Kind = Get
	case p < 62:
		in.Kind, in.Value = Patch, name
	case p < 73:
		in.Kind = Complete
	case p < 82:
		in.Kind, in.Restorable = Delete, r.faults.RestoreDays() > 0
	case p < 91:
		in.Kind = Restore
	default:
		r.holding(&in, name)
	}
	in = r.address(in)
	if conditional && (in.Kind == Patch || in.Kind == Delete) {
		r.mu.Lock()
		in.IfMatch = r.seen[in.Key]
		r.mu.Unlock()
	}
	return in
}

// holding makes a call that places a hold, or releases one.
func (r *recorder) holding(in *Input, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in.Kind, in.Case = Hold, name
	if placed := r.placed[in.Key]; len(placed) > 0 {
		in.Kind, in.Case, in.HoldID = Release, placed[0].Case, placed[0].HoldID
		r.placed[in.Key] = placed[1:]
	}
}

// created reports whether an answer has shown the recording. Until then, clients mostly
// create it.
func (r *recorder) created(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[key] != ""
}

// address completes a call with the recording's ID. If the ID is still unknown, the
// call becomes Create.
func (r *recorder) address(in Input) Input {
	r.mu.Lock()
	defer r.mu.Unlock()
	in.Keyed = r.retries && in.Key == keys[len(keys)-1]
	if in.ID = "202311-" + in.Key; in.Keyed {
		in.ID = r.ids[in.Key]
		if in.ID == "" {
			in.Kind, in.Body = Create, cmp.Or(in.Body, "a")
		}
	}
	if in.Kind == Create && in.Keyed {
		in.ID = ""
	}
	if in.Kind != Create {
		in.Body = ""
	}
	return in
}

// call sends a call and records it.
func (r *recorder) call(ctx context.Context, client int, c Client, in Input) {
	called := time.Since(r.start)
	out := c.Do(ctx, in)
	end := int64(time.Since(r.start))
	if out.Result == Unknown {
		end = math.MaxInt64
	}
	op := porcupine.Operation{ClientId: client, Input: in, Call: int64(called), Output: out, Return: end}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, op)
	if in.Kind == Create && in.Keyed {
		step := op
		in.Kind = claim
		step.Input, step.Output = in, Output{Result: Unknown}
		r.history = append(r.history, step)
	}
	if in.Kind == Hold || in.Kind == Release {
		if in.Kind == Hold && out.Result == Done {
			in.HoldID = out.ID
			r.placed[in.Key] = append(r.placed[in.Key], in)
		}
		return
	}
	if out.Result == Done && in.Keyed && out.ID != "" {
		r.ids[in.Key] = out.ID
	}
	if out.Result == Done && out.Revision != "" {
		r.seen[in.Key] = out.Revision
	}
}

// check returns an error if an answer is not allowed, or if no order of the calls
// explains the answers.
func (r *recorder) check() error {
	for _, op := range r.history {
		if err := op.Output.(Output).Err; err != nil {
			return fmt.Errorf("%v = %w", op.Input, err)
		}
	}
	for _, part := range model.Partition(r.history) {
		switch porcupine.CheckOperationsTimeout(model, part, decision) {
		case porcupine.Illegal:
			return fmt.Errorf("no order explains the answers:\n%s", describe(part))
		case porcupine.Unknown:
			return fmt.Errorf("the checker did not decide within %v:\n%s", decision, describe(part))
		}
	}
	return nil
}

// describe returns a line for each call, sorted by the start of the calls.
func describe(part []porcupine.Operation) string {
	part = slices.Clone(part)
	slices.SortStableFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	for _, op := range part {
		end := "…"
		if op.Return != math.MaxInt64 {
			end = time.Duration(op.Return).Round(time.Microsecond).String()
		}
		fmt.Fprintf(&b, "client %d, %v to %s: %v -> %v\n",
			op.ClientId, time.Duration(op.Call).Round(time.Microsecond), end, op.Input, op.Output)
	}
	return b.String()
}

package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var (
	one    = flag.String("case", "", "run only the case with this `name`, such as cloud/delete/7/reset-after")
	only   = flag.String("only", "", "run only the operations whose name matches this `expression`")
	sample = flag.Int("sample", 300, "run one of so many cases, and all kills of deletions and of ingest below 20; 1 runs all")
	seed   = flag.Uint64("seed", 1, "what decides which cases the sample has")
)

// scenario is a case: an operation with a fault.
type scenario struct {
	wiring string
	op     *operation
	// fault meets so many calls, from number at. If at is 0, no call fails.
	fault     fault
	at, times int
	// leaves is true if the client does not come back after a crash, or after an error.
	leaves bool
}

// restarts reports whether another process starts after the operation. A process that answers
// with an error lives on, and a client that comes back would hide what that process forgot.
func (s scenario) restarts() bool { return !s.leaves || slices.Contains(kills, s.fault) }

// String returns the name of a case.
func (s scenario) String() string {
	name := fmt.Sprintf("%s/%s/%d/%s", s.wiring, s.op.name, s.at, s.fault)
	if s.times > 1 {
		name += "-" + strconv.Itoa(s.times) + "-times"
	}
	if s.leaves {
		name += "-and-leave"
	}
	return name
}

// errNotMet means that the operation did not make the call that should fail.
var errNotMet = errors.New("the call was not made")

// run runs a case in a new world. calls are the calls of the operation.
func (s scenario) run(ctx context.Context, dir string, audio []byte, m *mistake) (calls []call, err error) {
	dir, err = os.MkdirTemp(dir, "world-")
	if err != nil {
		return nil, err
	}
	w, err := open(ctx, s.wiring, dir, audio, m)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, w.close()) }()
	c := &client{world: w, ctx: ctx, kept: map[string]string{}}
	if err := c.attempt(s.op.prepare); err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	if err := w.pull(ctx); err != nil {
		return nil, err
	}
	w.inject.fault, w.inject.at, w.inject.times, c.leaves = s.fault, s.at, s.times, s.leaves
	w.inject.arm(true)
	ran := c.attempt(s.op.run)
	w.inject.arm(false)
	calls = w.inject.calls
	left := errors.Is(ran, errLeft)
	if ran != nil && !left {
		return calls, ran
	}
	if err := w.silent(ctx); err != nil {
		return calls, fmt.Errorf("at once: %w", err)
	}
	if err := w.converge(ctx, s.restarts()); err != nil {
		return calls, fmt.Errorf("afterwards: %w", err)
	}
	if !left {
		if err := c.attempt(s.op.want); err != nil {
			return calls, fmt.Errorf("in the end: %w", err)
		}
		if err := w.drain(ctx); err != nil {
			return calls, fmt.Errorf("in the end: %w", err)
		}
	}
	if err := w.check(ctx); err != nil {
		return calls, fmt.Errorf("in the end: %w", err)
	}
	if s.at > 0 && !w.inject.hit() {
		return calls, errNotMet
	}
	return calls, nil
}

// scenariosOf returns the cases of an operation with these calls.
func scenariosOf(wiring string, op *operation, calls []call) []scenario {
	var cases []scenario
	asked := slices.ContainsFunc(ofClients(), func(o operation) bool { return o.name == op.name })
	for i, c := range calls {
		s := scenario{wiring: wiring, op: op, at: i + 1, times: 1}
		for _, s.fault = range all {
			if !s.fault.applies(c) {
				continue
			}
			cases = append(cases, s)
			if s.fault == resetAfter && c.write && asked {
				leaving := s
				leaving.leaves = true
				cases = append(cases, leaving)
			}
			if s.fault.lasting() && c.service != database && c.service != eventFile {
				lasting := s
				lasting.times = 3 // all attempts of a client of the SDK
				cases = append(cases, lasting)
			}
		}
		for _, s.fault = range kills {
			if cases = append(cases, s); asked {
				leaving := s
				leaving.leaves = true
				cases = append(cases, leaving)
			}
		}
	}
	return cases
}

// bench runs cases.
type bench struct {
	dir   string
	audio []byte
}

func newBench(t *testing.T) *bench {
	t.Helper()
	audio, err := os.ReadFile("../shared/audiofile/testdata/alaw.wav")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() { // syncs cost nothing there
		if memory, err := os.MkdirTemp("/dev/shm", "faults-"); err == nil { //nolint:usetesting // in memory
			t.Cleanup(func() { _ = os.RemoveAll(memory) })
			dir = memory
		}
	}
	if err := register(); err != nil {
		t.Fatal(err)
	}
	provoked.Do(func() { errProvoke = provoke(t.Context(), dir) })
	if errProvoke != nil {
		t.Fatal(errProvoke)
	}
	return &bench{dir, audio}
}

var (
	provoked   sync.Once
	errProvoke error
)

// each runs do for all items, several at a time: most of the time they wait for retries.
func each[T any](items []T, do func(T)) {
	places := make(chan struct{}, 4*runtime.GOMAXPROCS(0))
	var running sync.WaitGroup
	for _, item := range items {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			do(item)
		})
	}
	running.Wait()
}

// enumerate runs every operation without faults, and returns all cases.
func (b *bench) enumerate(t *testing.T) []scenario {
	t.Helper()
	var mu sync.Mutex
	var plain []scenario
	found := map[string][]call{}
	table := operations()
	if *only != "" {
		names := regexp.MustCompile("^(" + *only + ")$")
		table = slices.DeleteFunc(table, func(o operation) bool { return !names.MatchString(o.name) })
	}
	for _, wiring := range []string{cloud, local} {
		for i := range table {
			plain = append(plain, scenario{wiring: wiring, op: &table[i]})
		}
	}
	each(plain, func(s scenario) {
		calls, err := s.run(t.Context(), b.dir, b.audio, nil)
		if err != nil {
			t.Errorf("%s/%s without a fault: %v", s.wiring, s.op.name, err)
		}
		mu.Lock()
		defer mu.Unlock()
		found[s.wiring+"/"+s.op.name] = calls
	})
	var cases []scenario
	calls := 0
	for _, s := range plain {
		of := found[s.wiring+"/"+s.op.name]
		calls += len(of)
		t.Logf("%s/%s: %d calls: %s", s.wiring, s.op.name, len(of), strings.Trim(fmt.Sprint(of), "[]"))
		cases = append(cases, scenariosOf(s.wiring, s.op, of)...)
	}
	if !t.Failed() && *only == "" {
		checkRoutes(t)
	}
	deaths := 0
	for _, s := range cases {
		if slices.Contains(kills, s.fault) {
			deaths++
		}
	}
	t.Logf("%d operations in two wirings make %d calls: %d cases with faults and %d with kills", len(table), calls, len(cases)-deaths, deaths)
	return cases
}

// choose returns the cases that the flags ask for.
func choose(cases []scenario) []scenario {
	random := rand.New(rand.NewPCG(*seed, 0))
	return slices.DeleteFunc(cases, func(s scenario) bool {
		chosen := random.IntN(*sample) == 0
		important := *sample < 20 && slices.Contains(kills, s.fault) && (strings.HasPrefix(s.op.name, "delete") || strings.HasPrefix(s.op.name, "ingest"))
		return !chosen && !important
	})
}

// Every operation recovers from every fault of every call.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	b := newBench(t)
	if *one != "" {
		b.repeat(t)
		return
	}
	cases := b.enumerate(t)
	if t.Failed() {
		return
	}
	chosen := choose(cases)
	var mu sync.Mutex
	ran, missed, failed := 0, 0, 0
	each(chosen, func(s scenario) {
		_, err := s.run(t.Context(), b.dir, b.audio, nil)
		mu.Lock()
		defer mu.Unlock()
		if ran++; ran%1000 == 0 {
			t.Logf("%d of %d cases have run", ran, len(chosen))
		}
		switch {
		case errors.Is(err, errNotMet):
			missed++
		case err != nil:
			failed++
			t.Errorf("CASE=%s: %v", s, err)
		}
	})
	t.Logf("%d of %d cases ran; %d failed; in %d the call was not made", len(chosen), len(cases), failed, missed)
	if missed > len(chosen)/20+1 {
		t.Errorf("in %d of %d cases the call was not made", missed, len(chosen))
	}
}

// indexOf returns the index of an operation in the table, or -1.
func indexOf(table []operation, name string) int {
	return slices.IndexFunc(table, func(o operation) bool { return o.name == name })
}

// parse returns the case with a name, as String makes it.
func parse(name string) (s scenario, err error) {
	parts := strings.SplitN(name, "/", 4)
	if len(parts) < 4 {
		return s, fmt.Errorf("%q is not WIRING/OPERATION/CALL/FAULT", name)
	}
	table := operations()
	op := indexOf(table, parts[1])
	if op < 0 || parts[0] != cloud && parts[0] != local {
		return s, fmt.Errorf("no operation is called %s/%s", parts[0], parts[1])
	}
	s = scenario{wiring: parts[0], op: &table[op], times: 1}
	if s.at, err = strconv.Atoi(parts[2]); err != nil || s.at < 1 {
		return s, fmt.Errorf("no call has the number %q", parts[2])
	}
	rest := parts[3]
	rest, s.leaves = strings.CutSuffix(rest, "-and-leave")
	if cut, lasts := strings.CutSuffix(rest, "-3-times"); lasts {
		rest, s.times = cut, 3
	}
	if s.fault = fault(rest); !slices.Contains(all, s.fault) && !slices.Contains(kills, s.fault) {
		return s, fmt.Errorf("no fault is called %q", rest)
	}
	return s, nil
}

// Every case has a name that repeats it, and a wrong name is an error: it would repeat a case
// without a fault.
func TestCaseNames(t *testing.T) {
	t.Parallel()
	table := operations()
	names := map[string]bool{}
	for i := range table {
		calls := []call{{service: dynamoDB, name: "PutItem", write: true, conditional: true}, {service: database, name: "COMMIT", write: true}}
		for _, s := range scenariosOf(cloud, &table[i], calls) {
			again, err := parse(s.String())
			if err != nil || again.String() != s.String() || again.fault != s.fault || again.times != s.times || again.leaves != s.leaves || names[s.String()] {
				t.Errorf("parse(%s) = %s, %v", s, again, err)
			}
			names[s.String()] = true
		}
	}
	for _, wrong := range []string{
		"", "cloud/delete/7", "cloud/delete/7/", "cloud/delete/7/reset", "cloud/delete/0/500", "cloud/delete/x/500", "clouds/delete/7/500", "cloud/undelete/7/500",
	} {
		if _, err := parse(wrong); err == nil {
			t.Errorf("parse(%q) = nil, want an error", wrong)
		}
	}
}

// repeat runs the case that the flag names.
func (b *bench) repeat(t *testing.T) {
	t.Helper()
	s, err := parse(*one)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := s.run(t.Context(), b.dir, b.audio, nil)
	for i, c := range calls {
		t.Logf("call %d: %s", i+1, c)
	}
	if err != nil {
		t.Errorf("CASE=%s: %v", s, err)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// functions lists the functions and the floor of each, a folder in bench/floor.
var functions = []struct{ name, floor string }{
	{"list", "dynamo"},
	{"get", "audio"},
	{"patch", "dynamo"},
	{"delete", "audio"},
	{"fallback", "dynamo"},
	{"console", "noop"},
	{"purge", "audio"},
	{"create", "audio"},
	{"receive", "audio"},
	{"ingest", "audio"},
	{"publish", "bus"},
	{"keys", "dynamo"},
	{"deliver", "dynamo"},
	{"reconcile", "audio"},
	{"expire", "audio"},
	{"jobs", "audio"},
	{"work", "audio"},
	{"index", "dynamo"},
	{"access", "dynamo"},
	{"changes", "dynamo"},
	{"share", "audio"},
	{"retention", "dynamo"},
}

// build compiles a command in the same way as the deployed functions.
func (b *bench) build(ctx context.Context, pkg, arch string) (string, error) {
	out := filepath.Join(b.dir, arch, pkg)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out, "./"+pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if arch != "" {
		cmd.Env = append(cmd.Env, "GOARCH="+arch)
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

// startUp counts the instructions of each function until it requests its first
// event. The fake answers the request with an error, which makes the process exit.
// The remaining instructions are few and the same for a function and its floor.
func (b *bench) startUp(ctx context.Context) error {
	type pair struct{ name, ours, floor string }
	var pairs []pair
	for _, f := range functions {
		pairs = append(pairs, pair{f.name, "functions/" + f.name, "bench/floor/" + f.floor})
	}
	pairs = append(pairs, pair{"list" + usualGo, "functions/list", "bench/floor/usual"}, pair{"list, no-op", "functions/list", "bench/floor/noop"})
	var ours, floors []string
	for _, p := range pairs {
		ours, floors = append(ours, p.ours), append(floors, p.floor)
	}
	floor, err := b.starts(ctx, floors, sureStarts)
	if err != nil {
		return err
	}
	counts, err := b.starts(ctx, ours, someStarts)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		r := row{"start " + p.name, "instr", counts[p.ours], floor[p.floor]}
		if _, ok := r.line(); !ok { // it may have had bad luck
			again, err := b.starts(ctx, []string{p.ours}, sureStarts)
			if err != nil {
				return err
			}
			r.ours = min(r.ours, again[p.ours])
		}
		b.rows = append(b.rows, r)
	}
	return nil
}

// starts builds programs, and returns the least number of instructions of n starts of each. A
// program may be named more than once.
func (b *bench) starts(ctx context.Context, programs []string, n int) (map[string]float64, error) {
	return measureEach(slices.Compact(slices.Sorted(slices.Values(programs))), func(pkg string) (float64, error) {
		binary, err := b.build(ctx, pkg, "")
		if err != nil {
			return 0, err
		}
		return b.leastOf(ctx, n, binary)
	})
}

// measureEach measures the things with these names, as many at a time as there are
// processors, and returns their figures. It is for figures that do not depend on the load.
func measureEach(names []string, measure func(name string) (float64, error)) (map[string]float64, error) {
	figures, errs := make([]float64, len(names)), make([]error, len(names))
	var measuring sync.WaitGroup
	free := make(chan struct{}, runtime.NumCPU())
	for i, name := range names {
		free <- struct{}{}
		measuring.Go(func() {
			if figures[i], errs[i] = measure(name); errs[i] != nil {
				errs[i] = fmt.Errorf("%s: %w", name, errs[i])
			}
			<-free
		})
	}
	measuring.Wait()
	byName := make(map[string]float64, len(names))
	for i, name := range names {
		byName[name] = figures[i]
	}
	return byName, errors.Join(errs...)
}

// A start is measured someStarts times, and sureStarts times where it decides.
const (
	someStarts = 2
	sureStarts = 6
)

// leastOf returns the least number of instructions of n runs of a program. The runtime's
// own threads run by the clock, and their stacks are part of the heap: in every second run
// the heap outgrows its first chunk, and the search for a new one costs 79,000 instructions,
// 2 % of a start. The runtime's monitor adds up to 20,000 on a busy machine. Both only add
// to the least, and can differ between a function and its floor.
func (b *bench) leastOf(ctx context.Context, n int, binary string) (float64, error) {
	least := math.Inf(1)
	for range n {
		count, err := b.callgrind(ctx, binary)
		if err != nil {
			return 0, err
		}
		least = min(least, count)
	}
	return least, nil
}

// collected matches the number of instructions in callgrind's output.
var collected = regexp.MustCompile(`Collected : (\d+)`)

// callgrind runs a program to its end and counts its instructions.
func (b *bench) callgrind(ctx context.Context, binary string, args ...string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	args = append([]string{"--tool=callgrind", "--callgrind-out-file=/dev/null", binary}, args...)
	cmd := exec.CommandContext(ctx, "valgrind", args...)
	cmd.Env = append(b.fake.environment(), "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return 0, errors.New("valgrind is required: apt-get install valgrind")
	}
	// A function exits with an error when it asks for an event after the last one. A
	// child that makes requests must succeed.
	if err != nil && slices.Contains(args, "-child") {
		return 0, fmt.Errorf("%v: %w\n%s", args, err, tail(out))
	}
	m := collected.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("callgrind printed no count: %w\n%s", err, tail(out))
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

// sizes adds the sizes of the binaries for arm64: all if only some parts are measured, else those
// with a limit.
func (b *bench) sizes(ctx context.Context) error {
	var names []string
	for _, f := range functions {
		if b.some || slices.ContainsFunc(budgets, func(l budget) bool { return l.name == "size "+f.name }) {
			names = append(names, f.name)
		}
	}
	sizes, err := measureEach(names, func(name string) (float64, error) {
		binary, err := b.build(ctx, "functions/"+name, "arm64")
		if err != nil {
			return 0, err
		}
		info, err := os.Stat(binary)
		if err != nil {
			return 0, err
		}
		return float64(info.Size()), nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		b.add("size "+name, "B", sizes[name], 0)
	}
	return nil
}

// manyRequests is the number of requests before the memory of list is read.
const manyRequests = 10_000

// memory adds the peak memory of list after manyRequests requests: with Go's own
// settings of the garbage collector, and with those of template.yaml.
func (b *bench) memory(ctx context.Context) error {
	// A function of 512 MB sees two processors. Each further one has its own caches of
	// memory: with eight, the peak is 1 MB higher.
	if err := b.peak(ctx, "memory list", "GOMAXPROCS=2", "GOGC=100"); err != nil {
		return err
	}
	return b.peak(ctx, "memory list, as deployed", "GOMAXPROCS=2")
}

// peak adds the peak memory of list with further variables of the environment.
func (b *bench) peak(ctx context.Context, name string, env ...string) error {
	binary, err := b.build(ctx, "functions/list", "")
	if err != nil {
		return err
	}
	if err := b.fill(ctx); err != nil {
		return err
	}
	event, err := event("GET", listPath, nil)
	if err != nil {
		return err
	}
	drained := b.fake.feed(manyRequests, event)
	defer b.fake.feed(0, nil)
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(b.fake.environment(), env...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	select {
	case <-drained:
	case <-time.After(3 * time.Minute):
		_ = cmd.Process.Kill()
		return fmt.Errorf("list did not answer %d events in time: %s", manyRequests, tail(log.Bytes()))
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kb, err := strconv.ParseFloat(fields[1], 64)
			b.add(name, "KB", kb, 0)
			return err
		}
	}
	return errors.New("no VmHWM in /proc")
}

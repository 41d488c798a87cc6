package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// hang is how long tests of a mutant may take beyond three times their usual time. Later,
// the mutant counts as killed.
const hang = 20 * time.Second

// mutate tests the mutants that Gremlins lists for one folder, without the folders below it.
func (p *program) mutate(ctx context.Context, folder string) ([]mutant, error) {
	mutants, err := p.list(ctx, folder)
	if err != nil {
		return nil, err
	}
	e := &ensemble{folder: folder, tool: p.tool, temp: filepath.Join(p.temp, strings.ReplaceAll(folder, "/", "-")), mutants: mutants}
	roots := make([]string, p.workers)
	for i := range roots {
		roots[i] = filepath.Join(e.temp, "copy"+strconv.Itoa(i))
		if err := copyTree(ctx, roots[i]); err != nil {
			return nil, err
		}
	}
	if err := e.load(ctx); err != nil {
		return nil, err
	}
	if err := e.build(ctx); err != nil {
		return nil, err
	}
	failed, output, took := e.test(ctx, roots[0], "all", 0, func(int) time.Duration { return 10 * time.Minute })
	if failed {
		return nil, fmt.Errorf("the tests fail without a mutant: %s", output)
	}
	limit := func(run int) time.Duration { return 3*took[run] + hang }
	next := make(chan int)
	var wait sync.WaitGroup
	for worker, root := range roots {
		wait.Go(func() {
			for i := range next {
				e.try(ctx, root, i, worker, limit)
				m := &e.mutants[i]
				_, _ = fmt.Fprintf(p.log, "%-10s  %s at %s:%d:%d\n", m.status, m.kind, path.Base(m.file), m.at, m.column)
			}
		})
	}
	for i := range e.mutants {
		next <- i
	}
	close(next)
	wait.Wait()
	return mutants, ctx.Err()
}

// copyTree copies the files of the repository, so that tests of mutants cannot change them.
func copyTree(ctx context.Context, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	const script = `git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$0"`
	if output, err := exec.CommandContext(ctx, "sh", "-c", script, to).CombinedOutput(); err != nil { //nolint:gosec // a folder of this program
		return fmt.Errorf("copy the repository: %w: %s", err, output)
	}
	return nil
}

// try tests one mutant in a copy of the repository.
func (e *ensemble) try(ctx context.Context, root string, i, worker int, limit func(run int) time.Duration) {
	m := &e.mutants[i]
	if m.status != "" {
		return
	}
	name := "all"
	if e.alone[i] {
		name = "alone" + strconv.Itoa(worker)
		overlay, err := e.writeAlone(i, name)
		if err == nil {
			_, err = e.compile(ctx, overlay, name)
		}
		if err != nil {
			m.status = notViable
			return
		}
	}
	m.status = lived
	if failed, _, _ := e.test(ctx, root, name, i+1, limit); failed {
		m.status = killed
	}
}

// test runs the compiled tests of a mutant until one fails: those of a package that are not
// slow, then its slow ones. limit bounds each of these runs, which count from 0. It returns the
// output of the failed tests, or the duration of each run.
func (e *ensemble) test(ctx context.Context, root, name string, number int, limit func(run int) time.Duration) (failed bool, output string, took []time.Duration) {
	for i, folder := range e.folders() {
		for _, choice := range runs(folder) {
			start := time.Now()
			cmd := []string{e.binary(name, i), choice, "-test.failfast", "-test.timeout=" + limit(len(took)).String()}
			output, err := execute(ctx, filepath.Join(root, filepath.FromSlash(folder)), number, limit(len(took)), cmd)
			if err != nil {
				return true, output, nil
			}
			took = append(took, time.Since(start))
		}
	}
	return false, "", took
}

// runs returns the argument for each run of a package's tests.
func runs(folder string) []string {
	last, never := slow[folder], unsteady[folder]
	if last == "" {
		return []string{"-test.skip=" + never}
	}
	return []string{"-test.skip=" + strings.Trim(last+"|"+never, "|"), "-test.run=" + last}
}

// execute runs compiled tests in their folder. A mutant may loop and take memory for ever;
// the shell bounds it to 8 GB of address space.
func execute(ctx context.Context, folder string, number int, limit time.Duration, command []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", `ulimit -v 8388608; exec "$@"`, "sh"}, command...)...) //nolint:gosec // compiled tests
	cmd.Dir, cmd.WaitDelay = folder, time.Second
	cmd.Env = append(os.Environ(), numberVariable+"="+strconv.Itoa(number))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	return output.String(), err
}

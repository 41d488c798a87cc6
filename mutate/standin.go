package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The variables that configure the stand-in.
const (
	goVariable        = "MUTATE_GO"        // the real go
	baselineVariable  = "MUTATE_BASELINE"  // the file for the times that the tests take without a mutant
	folderVariable    = "MUTATE_FOLDER"    // the package, relative to the root of the repository
	elsewhereVariable = "MUTATE_ELSEWHERE" // further packages with tests, separated by spaces
)

// The exit codes that Gremlins expects of go test.
const (
	codeSurvived  = 0
	codeKilled    = 1
	codeNotViable = 2
)

// hang is how long tests of a mutant may take beyond three times their usual time. Later,
// the mutant counts as killed.
const hang = 20 * time.Second

// standIn is the command go as Gremlins sees it. It passes everything on to the real go but
// the tests, for three reasons:
//
//   - `go test` ends with the code 1 both when a test fails and when the mutant does not
//     compile, and Gremlins would count the latter as killed. The stand-in compiles first.
//   - A coverage profile has no conditions of case clauses and no constants, and Gremlins
//     would not test their mutants. The stand-in reports all lines as covered.
//   - -trimpath lets all copies of the repository share the build cache, and vetting and
//     debug information cost time.
type standIn struct {
	tool, baseline, folder string
	elsewhere              []string
	// environ are further variables for the tests.
	environ  []string
	out, log io.Writer
}

func newStandIn(getenv func(string) string) standIn {
	return standIn{
		tool: getenv(goVariable), baseline: getenv(baselineVariable), folder: getenv(folderVariable), elsewhere: strings.Fields(getenv(elsewhereVariable)),
		out: os.Stdout, log: os.Stderr,
	}
}

// run executes go with the arguments, and returns the exit code.
func (s standIn) run(ctx context.Context, args []string) int {
	if len(args) == 0 || args[0] != "test" {
		cmd := exec.CommandContext(ctx, s.tool, args...) //nolint:gosec // the real go, with its own arguments
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, s.out, s.log
		if err := cmd.Run(); err != nil {
			return max(1, cmd.ProcessState.ExitCode())
		}
		return 0
	}
	if i := slices.Index(args, "-coverprofile"); i >= 0 {
		return s.report(codeSurvived, s.cover(ctx, args[i+1]))
	}
	return s.report(s.mutant(ctx))
}

// report returns the code, or prints the error and returns 1.
func (s standIn) report(code int, err error) int {
	if err != nil {
		_, _ = fmt.Fprintln(s.log, err)
		return 1
	}
	return code
}

// mutant runs the tests in a copy of the repository with a mutant. Gremlins has started this
// program in the package's folder there.
func (s standIn) mutant(ctx context.Context) (code int, err error) {
	text, err := os.ReadFile(s.baseline)
	if err != nil {
		return 0, fmt.Errorf("read the usual times of the tests: %w", err)
	}
	var limits []time.Duration
	for word := range strings.FieldsSeq(string(text)) {
		usual, err := time.ParseDuration(word)
		if err != nil {
			return 0, fmt.Errorf("parse the usual times of the tests: %w", err)
		}
		limits = append(limits, 3*usual+hang)
	}
	here, err := os.Getwd()
	if err != nil {
		return 0, fmt.Errorf("find the copy of the repository: %w", err)
	}
	code, _, _ = s.test(ctx, strings.TrimSuffix(here, filepath.FromSlash(s.folder)), func(run int) time.Duration { return limits[run] })
	return code, nil
}

// cover runs the tests of the package without a mutant, which must pass, notes the times that
// they take, and writes a profile in which every line of the package is covered. Gremlins
// starts it in the root of the repository.
func (s standIn) cover(ctx context.Context, profile string) error {
	list, err := exec.CommandContext(ctx, s.tool, "list", "-f", "{{$p := .ImportPath}}{{range .GoFiles}}{{$p}}/{{.}} {{end}}", "./"+s.folder).Output() //nolint:gosec // the real go
	if err != nil {
		return fmt.Errorf("list the files of %s: %w", s.folder, err)
	}
	if os.Getenv("MUTATE_LIST") != "" {
		return s.profile(profile, string(list))
	}
	code, output, took := s.test(ctx, ".", func(int) time.Duration { return 10 * time.Minute })
	if code != codeSurvived {
		return fmt.Errorf("the tests of %s fail without a mutant:\n%s", s.folder, output)
	}
	if err := os.WriteFile(s.baseline, []byte(strings.Trim(fmt.Sprint(took), "[]")), 0o600); err != nil {
		return fmt.Errorf("note the times of the tests: %w", err)
	}
	return s.profile(profile, string(list))
}

// profile writes a profile in which every line of the files is covered.
func (s standIn) profile(profile, list string) error {
	var text strings.Builder
	text.WriteString("mode: set\n")
	for file := range strings.FieldsSeq(list) {
		text.WriteString(file + ":1.1,1000000.1 1 1\n")
	}
	if err := os.WriteFile(profile, []byte(text.String()), 0o600); err != nil { //nolint:gosec // Gremlins chooses the path
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}

// test compiles the tests of the package, and of those elsewhere, in a copy of the repository,
// and runs them until one fails: those of a package that are not slow, then its slow ones. limit
// bounds each of these runs, which count from 0. It returns the code for Gremlins, what the tests
// printed and how long each run took.
func (s standIn) test(ctx context.Context, root string, limit func(run int) time.Duration) (code int, output string, took []time.Duration) {
	temp, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return codeSurvived, err.Error(), nil
	}
	defer func() { _ = os.RemoveAll(temp) }()
	binary := filepath.Join(temp, "test")
	for _, tests := range append([]string{s.folder}, s.elsewhere...) {
		folder := filepath.Join(root, filepath.FromSlash(tests))
		build := exec.CommandContext(ctx, s.tool, "test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", "-o", binary, ".") //nolint:gosec // the real go
		build.Dir = folder
		if output, err := build.CombinedOutput(); err != nil {
			return codeNotViable, string(output), nil
		}
		for _, choice := range runs(tests) {
			start := time.Now()
			output, err := s.execute(ctx, folder, limit(len(took)), binary, choice)
			if err != nil {
				return codeKilled, output, nil
			}
			took = append(took, time.Since(start))
		}
	}
	return codeSurvived, "", took
}

// runs returns the argument for each run of a package's tests.
func runs(folder string) []string {
	if pattern := slow[folder]; pattern != "" {
		return []string{"-test.skip=" + pattern, "-test.run=" + pattern}
	}
	return []string{"-test.run=."}
}

// execute runs compiled tests in their folder. A mutant may loop and take memory for ever;
// the shell bounds it to 8 GB of address space.
func (s standIn) execute(ctx context.Context, folder string, limit time.Duration, binary, choice string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `ulimit -v 8388608; exec "$@"`, "sh", //nolint:gosec // built above
		binary, choice, "-test.failfast", "-test.timeout="+limit.String())
	cmd.Dir, cmd.WaitDelay = folder, time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	// Programs that the tests start use the real go.
	path := filepath.Dir(s.tool) + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Env = append(append(os.Environ(), "PATH="+path), s.environ...)
	err := cmd.Run()
	return output.String(), err
}

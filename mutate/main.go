// Command mutate changes the code of a package in one place at a time, and reports the
// changes (mutants) that its tests do not notice; `make mutate PKG=shared/cursor` runs it.
// Gremlins, pinned in tools/gremlins/go.mod, makes the mutants. See ADR 033.
//
// At least 95 % of the mutants must be killed or excused. excuses.txt has a reason for each
// excused mutant. An excuse for a mutant that no longer survives is an error.
//
//	go run ./mutate [-workers 2] [PACKAGE…]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// scope lists the packages that `make mutate` covers without PKG: what guards data and
// access, and what brings recordings in.
var scope = []string{
	"shared/auth", "shared/cursor", "shared/purge", "shared/notify",
	"shared/store", "shared/store/sqlite", "shared/store/dynamo",
	"shared/incoming", "shared/incoming/inbox", "shared/incoming/bucket", "shared/incoming/importer",
}

// elsewhere lists further packages of tests for a package that mostly declares interfaces:
// those of a package that implements them.
var elsewhere = map[string][]string{
	"shared/store": {"shared/store/sqlite"},
}

// slow matches the tests that take most of a package's time and kill few mutants alone. They
// run after the others, for the mutants that the others leave.
var slow = map[string]string{
	"shared/store/sqlite": "TestScrub|TestDeletedContentIsOverwritten|TestPendingPurgesAndExpiry|TestConformance/walk",
	"shared/store/dynamo": "TestUnitsOfSearches|TestLossyNetwork|TestConformanceInMemory/scan/Accounts|TestConformanceInMemory/walk",
}

// unsteady matches the tests that fail on a machine without time, and so would kill mutants
// that they do not notice. They do not run.
var unsteady = map[string]string{
	"shared/store/sqlite": "TestReadsDoNotStarveFlush",
}

// floor is the least share of mutants, in percent, that must be killed or excused.
const floor = 95

// excuseFile holds the excuses, relative to the root of the repository.
const excuseFile = "mutate/excuses.txt"

// program is one run of the command.
type program struct {
	workers int
	// files chooses the files that get mutants.
	files *regexp.Regexp
	// temp is a folder for this run, and tool the command go.
	temp, tool string
	// environ is the environment for commands.
	environ []string
	out     io.Writer
	log     io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if filepath.Base(os.Args[0]) == "go" {
		code := newStandIn(os.Getenv).run(ctx, os.Args[1:])
		stop()
		os.Exit(code)
	}
	p := program{environ: os.Environ(), out: os.Stdout, log: os.Stderr}
	flag.IntVar(&p.workers, "workers", 2, "mutants that are tested at the same time")
	files := flag.String("files", "", "mutate only files with a name that matches this regular expression")
	byName := flag.String("named", "", "test the named mutants with a title or file that matches this regular expression, instead of packages; . for all")
	flag.Parse()
	p.files = regexp.MustCompile(*files)
	packages := flag.Args()
	if len(packages) == 0 {
		packages = scope
	}
	run := func() error { return p.run(ctx, packages) }
	if *byName != "" {
		run = func() error { return p.named(ctx, regexp.MustCompile(*byName)) }
	}
	if err := run(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "mutate:", err)
		stop()
		os.Exit(1)
	}
}

// run mutates each package, and prints the survivors and a table. Its error is not nil if a
// package is below the floor or an excuse is stale.
func (p *program) run(ctx context.Context, packages []string) error {
	text, err := os.ReadFile(excuseFile)
	if err != nil {
		return fmt.Errorf("read the excuses, in the root of the repository: %w", err)
	}
	excuses, err := parseExcuses(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", excuseFile, err)
	}
	if p.temp, err = os.MkdirTemp("", "mutate"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(p.temp) }()
	if err := p.prepare(ctx); err != nil {
		return err
	}
	var results []result
	for _, folder := range packages {
		folder = filepath.ToSlash(filepath.Clean(folder))
		mutants, err := p.mutate(ctx, folder)
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		r := judge(folder, p.files, mutants, excuses)
		r.print(p.out)
		results = append(results, r)
	}
	printTable(p.out, results)
	if slices.ContainsFunc(results, func(r result) bool { return !r.passes() }) {
		return fmt.Errorf("want at least %d %% of the mutants killed or excused, and no stale excuse", floor)
	}
	return nil
}

// named tests the named mutants.
func (p *program) named(ctx context.Context, pattern *regexp.Regexp) error {
	temp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	return runNamed(ctx, pattern, temp, p.out)
}

// prepare builds Gremlins, and puts this program into the path under the name go.
func (p *program) prepare(ctx context.Context) error {
	var err error
	if p.tool, err = exec.LookPath("go"); err != nil {
		return fmt.Errorf("find go: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if err := os.Symlink(self, filepath.Join(p.temp, "go")); err != nil {
		return fmt.Errorf("name this program go: %w", err)
	}
	build := exec.CommandContext(ctx, p.tool, "build", "-modfile=tools/gremlins/go.mod", "-o", p.gremlins(), "github.com/go-gremlins/gremlins/cmd/gremlins") //nolint:gosec // the real go
	build.Stdout, build.Stderr = p.log, p.log
	if err := build.Run(); err != nil {
		return fmt.Errorf("build Gremlins: %w", err)
	}
	p.environ = append(p.environ,
		"PATH="+p.temp+string(os.PathListSeparator)+os.Getenv("PATH"),
		goVariable+"="+p.tool)
	return nil
}

func (p *program) gremlins() string { return filepath.Join(p.temp, "gremlins") }

// skipped returns a regular expression for the files that get no mutants: those in folders
// below, and those that p.files does not match.
func (p *program) skipped(folder string) (string, error) {
	all, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return "", fmt.Errorf("list the files: %w", err)
	}
	skipped := []string{"/"}
	for _, file := range all {
		if name := filepath.Base(file); !p.files.MatchString(name) {
			skipped = append(skipped, "^"+regexp.QuoteMeta(name)+"$")
		}
	}
	return strings.Join(skipped, "|"), nil
}

// list returns the mutants that Gremlins makes of the files in one folder.
func (p *program) list(ctx context.Context, folder string) ([]mutant, error) {
	skipped, err := p.skipped(folder)
	if err != nil {
		return nil, err
	}
	report := filepath.Join(p.temp, strings.ReplaceAll(folder, "/", "-")+".json")
	cmd := exec.CommandContext(ctx, p.gremlins(), "unleash", "--dry-run", //nolint:gosec // it was built above
		"--output", report, "--exclude-files", skipped,
		// ARITHMETIC_BASE makes the same mutants.
		"--invert-negatives=false",
		"--invert-logical", "--invert-loopctrl", "--invert-assignments", "--invert-bitwise", "--invert-bwassign", "--remove-self-assignments",
		"./"+folder)
	cmd.Env = append(slices.Clone(p.environ), folderVariable+"="+folder)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run Gremlins: %w", err)
	}
	text, err := os.ReadFile(report)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("there are no mutants")
	} else if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return readReport(text, folder)
}

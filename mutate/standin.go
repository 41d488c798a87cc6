package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// The variables that configure the stand-in.
const (
	goVariable     = "MUTATE_GO"     // the real go
	folderVariable = "MUTATE_FOLDER" // the package, relative to the root of the repository
)

// standIn is the command go as Gremlins sees it. It passes everything on to the real go, except the
// runs of tests for a coverage profile: such a profile has no conditions of case clauses and no
// constants, so Gremlins would leave out their mutants. The stand-in reports all lines as covered
// instead, and runs no tests.
type standIn struct {
	tool, folder string
	out, log     io.Writer
}

func newStandIn(getenv func(string) string) standIn {
	return standIn{tool: getenv(goVariable), folder: getenv(folderVariable), out: os.Stdout, log: os.Stderr}
}

// run executes go with the arguments, and returns the exit code.
func (s standIn) run(ctx context.Context, args []string) int {
	if i := slices.Index(args, "-coverprofile"); i >= 0 {
		if err := s.cover(ctx, args[i+1]); err != nil {
			_, _ = fmt.Fprintln(s.log, err)
			return 1
		}
		return 0
	}
	cmd := exec.CommandContext(ctx, s.tool, args...) //nolint:gosec // the real go, with its own arguments
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, s.out, s.log
	if err := cmd.Run(); err != nil {
		return max(1, cmd.ProcessState.ExitCode())
	}
	return 0
}

// cover writes a profile in which every line of the package is covered. Gremlins starts it in
// the root of the repository.
func (s standIn) cover(ctx context.Context, profile string) error {
	list, err := exec.CommandContext(ctx, s.tool, "list", "-f", "{{$p := .ImportPath}}{{range .GoFiles}}{{$p}}/{{.}} {{end}}", "./"+s.folder).Output() //nolint:gosec // the real go
	if err != nil {
		return fmt.Errorf("list the files of %s: %w", s.folder, err)
	}
	var text strings.Builder
	text.WriteString("mode: set\n")
	for file := range strings.FieldsSeq(string(list)) {
		text.WriteString(file + ":1.1,1000000.1 1 1\n")
	}
	if err := os.WriteFile(profile, []byte(text.String()), 0o600); err != nil { //nolint:gosec // Gremlins chooses the path
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}

package e2e

import (
	"os"
	"os/exec"
	"testing"
)

// tools/vuln exits with 75 only if govulncheck failed and its database is unreachable;
// .ci/run then prints NOT CHECKED. A vulnerability that is found is always an error.
func TestVulnExitCodes(t *testing.T) {
	for _, tt := range []struct {
		name, govulncheck, reachable string
		want                         int
	}{
		{"nothing found", "exit 0", "exit 1", 0},
		{"a vulnerability", "exit 3", "exit 0", 1},
		{"a vulnerability, then the network is gone", "exit 3", "exit 1", 1},
		{"code that does not compile", "exit 1", "exit 0", 1},
		{"an unreachable database", "exit 1", "exit 1", 75},
		{"govulncheck cannot start, and an unreachable database", "exit 127", "exit 6", 75},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "../tools/vuln")
			cmd.Env = append(os.Environ(), "GOVULNCHECK="+script(t, tt.govulncheck), "REACHABLE="+script(t, tt.reachable))
			out, err := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != tt.want {
				t.Errorf("the exit code is %d (%v), want %d: %s", got, err, tt.want, out)
			}
		})
	}
}

// script returns the path of a program that runs one line of shell and ignores its
// arguments.
func script(t *testing.T, line string) string {
	t.Helper()
	path := t.TempDir() + "/program"
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+line+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

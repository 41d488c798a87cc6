package operator_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A stack that was destroyed comes back with its table, its bucket and its keys.
func TestReattach(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "NONE")
	m.write("environments/dev.local.yaml", "DeletedAudioDays: 3") // without an end of line
	for _, step := range []struct{ script, vars string }{{"tools/deploy", "YES=1"}, {"tools/destroy", "CONFIRM=dev"}} {
		if code, out := m.run(step.script, "dev", step.vars); code != 0 {
			t.Fatalf("%s: exit code %d:\n%s", step.script, code, out)
		}
	}
	if code, out := m.run("tools/reattach", "dev"); code == 0 || !strings.Contains(out, "Set YES=1") || m.read("state") != "NONE\n" {
		t.Errorf("without an answer: exit code %d, state %s:\n%s", code, m.read("state"), out)
	}
	m.write("calls", "")
	code, out := m.run("tools/reattach", "dev", "YES=1")
	if code != 0 || m.read("state") != "IMPORT_COMPLETE\n" || !strings.Contains(out, "make deploy ENV=dev") {
		t.Fatalf("exit code %d, state %s:\n%s", code, m.read("state"), out)
	}
	calls := m.read("calls")
	for _, want := range []string{
		"-table the-table -bucket the-bucket ", " DeletedAudioDays=3 ", " ExistingTable=the-table ExistingBucket=the-bucket\n",
		"--change-set-type IMPORT ", "--resources-to-import file://", "cloudformation wait stack-import-complete --stack-name call-recordings-dev\n",
	} {
		if !strings.Contains(calls, want) {
			t.Errorf("want %q in:\n%s", want, calls)
		}
	}
	if code, out := m.run("tools/deploy", "dev", "YES=1"); code != 0 || m.read(keys) != generated {
		t.Errorf("exit code %d, keys %s:\n%s", code, m.read(keys), out)
	}
	for _, want := range []string{`ExistingTable="the-table"`, `ExistingBucket="the-bucket"`, `TokenKeys="{\"keys\":[{\"k\":\"generated\"}]}"`, `DeletedAudioDays="3"`} {
		if got := m.deployed(); !strings.Contains(got, want) {
			t.Errorf("want %s in: %s", want, got)
		}
	}
	// A later update keeps the table, and does not touch the keys.
	if code, out := m.run("tools/deploy", "dev", "YES=1"); code != 0 || strings.Contains(m.deployed(), "TokenKeys") || !strings.Contains(m.deployed(), `ExistingTable="the-table"`) {
		t.Errorf("an update: exit code %d, deployed %s:\n%s", code, m.deployed(), out)
	}
}

// In these cases nothing is imported, and no setting is written.
func TestNothingIsReattached(t *testing.T) {
	t.Parallel()
	const names = "TABLE_NAME=the-table\nBUCKET_NAME=the-bucket\n"
	for _, c := range []struct{ name, status, old, own, vars, want string }{
		{name: "the stack exists", status: "UPDATE_COMPLETE", old: names, want: "exists already"},
		{name: "no names", status: "NONE", want: ".deploy/dev-old.env is missing"},
		{name: "half of the names", status: "NONE", old: "TABLE_NAME=the-table\n", want: "lacks TABLE_NAME or BUCKET_NAME"},
		{name: "another table", status: "NONE", old: names, own: "ExistingTable: other\n", want: "ExistingTable: other"},
		{name: "not allowed", status: "NONE", old: names, vars: "STS_ERROR=Unable to locate credentials", want: "no credentials"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, c.status)
			if c.old != "" {
				m.write(".deploy/dev-old.env", c.old)
			}
			if c.own != "" {
				m.write("environments/dev.local.yaml", c.own)
			}
			code, out := m.run("tools/reattach", "dev", "YES=1", c.vars)
			if code == 0 || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want a failure with %q:\n%s", code, c.want, out)
			}
			if strings.Contains(m.read("calls"), "change-set") || m.read("environments/dev.local.yaml") != c.own {
				t.Errorf("calls:\n%s\nenvironments/dev.local.yaml: %s", m.read("calls"), m.read("environments/dev.local.yaml"))
			}
		})
	}
}

// Settings of a destroyed stack with an attached table do not make a stack without it.
func TestDeployAfterDestroyNamesReattach(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "NONE")
	m.write("environments/dev.local.yaml", "ExistingTable: the-table\nExistingBucket: the-bucket\n")
	if code, out := m.run("tools/deploy", "dev", "YES=1"); code == 0 || !strings.Contains(out, "make reattach ENV=dev") || m.deployed() != "" {
		t.Errorf("exit code %d, deployed %s:\n%s", code, m.deployed(), out)
	}
	if _, err := os.Stat(filepath.Join(m.root, keys)); err == nil {
		t.Error("a key was made")
	}
}

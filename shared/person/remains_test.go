package person_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/person"
)

// The certificate of an erasure and the guide for operators name the same things that stay.
func TestWhatStaysIsComplete(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	_, r := f.run(t, f.plan(t, person.EraseAction, anna))
	c, _ := f.certificate(t, r)
	guide, err := os.ReadFile("../../docs/how-to/person.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(guide), "## What stays\n")
	rows := strings.Split(table, "\n|")[3:] // after the head
	things := []string{
		"tombstones", "index of searches", "audit trail", "links", "feed of changes", "events", "point-in-time recovery", "job", "list",
		"users and groups", "legal hold", "plans and reports", "exports",
	}
	if len(rows) != len(things) {
		t.Errorf("the guide has %d rows, want %d: %q", len(rows), len(things), rows)
	}
	for _, thing := range things {
		names := func(line string) bool { return strings.Contains(line, thing) }
		if !slices.ContainsFunc(c.Remains, names) || !slices.ContainsFunc(rows, names) {
			t.Errorf("%q is in the certificate: %v, in the guide: %v, want both", thing, slices.ContainsFunc(c.Remains, names), slices.ContainsFunc(rows, names))
		}
	}
}

// The model command checks the model of the deletion protocol (package protocol) with two
// processes of each kind, and prints the trace that each known mistake leads to.
//
//	go run ./model             checks everything, in minutes
//	go run ./model -only life  checks one configuration
//	go run ./model -mistakes   prints the traces of the mistakes alone
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/callrecordings/api/model/explore"
	"github.com/callrecordings/api/model/protocol"
)

// limit is the maximum number of states of one configuration. A state takes about 250
// bytes.
const limit = 20_000_000

func main() {
	only := flag.String("only", "", "check only the configuration with this `name`")
	mistakes := flag.Bool("mistakes", false, "print only the traces of the mistakes")
	flag.Parse()
	ok := true
	if !*mistakes {
		ok = check(os.Stdout, *only)
	}
	if *only == "" {
		ok = find(os.Stdout) && ok
	}
	if !ok {
		os.Exit(1)
	}
}

// check checks the correct protocol, and reports whether it keeps its invariants.
func check(w io.Writer, only string) bool {
	ok := true
	for _, g := range protocol.Full() {
		if only != "" && only != g.Name {
			continue
		}
		for _, g.Unversioned = range []bool{false, true} {
			begin := time.Now() //nolint:forbidigo // how long the check takes
			r := explore.Check(g.Model(), limit)
			ok = ok && r.Violation == ""
			bucket := "versioned bucket"
			if g.Unversioned {
				bucket = "one version per object"
			}
			report(w, "%-10s %-23s %s (%.0f s)\n", g.Name, bucket, r, time.Since(begin).Seconds())
		}
	}
	return ok
}

// find checks each mistake, and reports whether the model finds all of them.
func find(w io.Writer) bool {
	groups, ok := map[string]protocol.Config{}, true
	for _, g := range protocol.Small() {
		groups[g.Name] = g.Config
	}
	for _, m := range protocol.Mistakes() {
		c := groups[m.Group]
		c.Faults = m.Faults
		r := explore.Check(c.Model(), limit)
		report(w, "\nIf %s:\n%s\n", m.Name, r)
		ok = ok && r.Violation == m.Finds
	}
	return ok
}

// report writes a line of the result.
func report(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...) // the exit code has the result as well
}

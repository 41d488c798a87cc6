package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
)

// excuses are the reasons for which mutants may survive.
type excuses map[name]string

// parseExcuses reads blocks that empty lines separate: the file, the function and the kind of
// the mutant, then the changed line, then the reason in one or more lines. Lines that begin with # are
// comments.
func parseExcuses(text string) (excuses, error) {
	all := excuses{}
	for block := range strings.SplitSeq(text, "\n\n") {
		var lines []string
		for line := range strings.Lines(block) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			continue
		}
		where := strings.Fields(lines[0])
		if len(lines) < 3 || len(where) != 3 {
			return nil, fmt.Errorf("want FILE FUNCTION KIND, the changed line and the reason, got %q", lines)
		}
		n := name{where[0], where[1], where[2], lines[1]}
		if _, ok := all[n]; ok {
			return nil, fmt.Errorf("two excuses for %s", n)
		}
		all[n] = strings.Join(lines[2:], " ")
	}
	return all, nil
}

// result counts the mutants of a package by their fate.
type result struct {
	folder                   string
	killed, excused, invalid int
	survivors                []mutant
	// stale are excuses for mutants that do not exist or are killed.
	stale []name
}

// judge counts the mutants of the files in a folder with a name that matches files.
func judge(folder string, files *regexp.Regexp, mutants []mutant, all excuses) result {
	r := result{folder: folder}
	used := map[name]bool{}
	for _, m := range mutants {
		_, excused := all[m.name]
		switch {
		case m.status == notViable:
			r.invalid++
		case m.status == killed:
			r.killed++
		case excused:
			r.excused++
			used[m.name] = true
		default:
			r.survivors = append(r.survivors, m)
		}
	}
	for n := range all {
		if rest, ok := strings.CutPrefix(n.file, folder+"/"); ok && !strings.Contains(rest, "/") && files.MatchString(rest) && !used[n] {
			r.stale = append(r.stale, n)
		}
	}
	return r
}

// total returns the number of mutants that compile.
func (r result) total() int { return r.killed + r.excused + len(r.survivors) }

// percent returns the share of mutants that are killed or excused.
func (r result) percent() float64 {
	if r.total() == 0 {
		return 100
	}
	return 100 * float64(r.killed+r.excused) / float64(r.total())
}

func (r result) passes() bool { return r.percent() >= floor && len(r.stale) == 0 }

// print lists the survivors and the stale excuses, as excuses.txt has them.
func (r result) print(w io.Writer) {
	for _, m := range r.survivors {
		_, _ = fmt.Fprintf(w, "survived, line %d: %s\n\n", m.at, m.name)
	}
	for _, n := range r.stale {
		_, _ = fmt.Fprintf(w, "stale excuse: %s\n\n", n)
	}
}

// printTable prints a row for each package.
func printTable(w io.Writer, results []result) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "mutants\tkilled\texcused\tsurvived\t%\tnot compiled\t  package")
	for _, r := range results {
		_, _ = fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%.1f\t%d\t  %s\n", r.total(), r.killed, r.excused, len(r.survivors), r.percent(), r.invalid, r.folder)
	}
	_ = t.Flush()
}

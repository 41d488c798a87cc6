package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"callrecordings/shared/incoming/importer"
)

// line is one line of a report's file, and of --json: one of its members.
type line struct {
	*importer.Result
	Progress *importer.Count `json:"progress,omitempty"`
	Report   *summary        `json:"report,omitempty"`
	Estimate *estimate       `json:"estimate,omitempty"`
	Verified *verified       `json:"verified,omitempty"`
}

// reportFile takes what an import has to say of single recordings, a line of
// JSON each, as it goes: there may be many, and a kill leaves those before it.
type reportFile struct {
	mu   sync.Mutex
	file *os.File // nil for none
	w    *bufio.Writer
}

func openReport(name string) (*reportFile, error) {
	r := &reportFile{}
	if name == "-" {
		return r, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the report cannot be written: %w", err)
	}
	r.file, r.w = f, bufio.NewWriter(f)
	return r, nil
}

// add writes a line.
func (r *reportFile) add(l line) error {
	if r.file == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	text, err := json.Marshal(l)
	if err == nil {
		_, err = r.w.Write(append(text, '\n'))
	}
	if err == nil {
		err = r.w.Flush()
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (r *reportFile) close() error {
	if r.file == nil {
		return nil
	}
	return errors.Join(r.w.Flush(), r.file.Close())
}

// mostShown is how many single recordings are shown while an import goes on; the
// report's file has all.
const mostShown = 20

// tell notes what was not simply copied, and shows what should not be.
func (i *importJob) tell(res importer.Result) {
	if err := i.report.add(line{Result: &res}); err != nil {
		say(i.stderr, "%v\n", err)
	}
	if res.Outcome != importer.Failed && res.Outcome != importer.Refused {
		return
	}
	i.report.mu.Lock()
	defer i.report.mu.Unlock()
	i.named++
	switch {
	case i.asJSON:
		_ = printJSON(i.stdout, line{Result: &res}) // nothing to do if standard output is gone
	case i.named <= mostShown:
		name := strings.TrimSpace(res.ID + " " + res.Name)
		say(i.stderr, "%s%s: %s: %s\n", wiped(i.stderr), name, res.Outcome, res.Reason)
	case i.named == mostShown+1:
		say(i.stderr, "%s… the report has the rest\n", wiped(i.stderr))
	}
}

// print prints a result, as a line of JSON or as text.
func (i *importJob) print(l line, text string) {
	if i.asJSON {
		_ = printJSON(i.stdout, l) // nothing to do if standard output is gone
		return
	}
	say(i.stdout, "%s", text)
	if i.reportTo != "-" && l.Estimate == nil {
		say(i.stdout, "report: %s\n", i.reportTo)
	}
}

// summary is what became of an import.
type summary struct {
	Found     int64   `json:"found"`
	Twice     int64   `json:"found_twice"`
	Copied    int64   `json:"copied"`
	Known     int64   `json:"already_there"`
	Silent    int64   `json:"without_audio"`
	External  int64   `json:"external"`
	Deleted   int64   `json:"deleted_here"`
	Refused   int64   `json:"refused"`
	Failed    int64   `json:"failed"`
	NotTried  int64   `json:"not_tried"`
	Lists     int64   `json:"parts_of_the_list_not_read"`
	WholeList bool    `json:"whole_list_read"`
	Bytes     int64   `json:"audio_bytes"`
	Waits     int64   `json:"waits_for_the_target"`
	Seconds   float64 `json:"seconds"`
}

func summaryOf(c importer.Count, took time.Duration) *summary {
	return &summary{
		c.Found, c.Twice, c.Copied, c.Known, c.Silent, c.External, c.Deleted, c.Refused, c.Failed, c.Found - c.Done(),
		c.Lists, c.All, c.Bytes, c.Waits, took.Seconds(),
	}
}

// row is a row of a report for people; those of 0 are left out unless always.
type row struct {
	name   string
	n      int64
	remark string
	always bool
}

func table(rows ...row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		if r.n > 0 || r.always {
			_, _ = fmt.Fprintf(w, "%s\t%d\t%s\n", r.name, r.n, r.remark)
		}
	}
	_ = w.Flush() // into memory
	return b.String()
}

func (s *summary) text() string {
	took := time.Duration(s.Seconds * float64(time.Second))
	return table(
		row{"copied", s.Copied, fmt.Sprintf("%s of audio in %s", size(s.Bytes), took.Round(time.Second/10)), true},
		row{"already there", s.Known, "", true},
		row{"without audio", s.Silent, "among those two; the source has none", false},
		row{"external", s.External, "among those two; kept elsewhere, their url says where", false},
		row{"deleted here", s.Deleted, "and stay so; --revive brings them back", false},
		row{"refused", s.Refused, "cannot be taken as they are", false},
		row{"failed", s.Failed, "the same command tries them again", false},
		row{"not tried", s.NotTried, "the same command goes on", false},
		row{"parts of the list", s.Lists, "could not be read; the same command tries again", false},
	)
}

// estimate is what a dry run tells.
type estimate struct {
	Found   int64   `json:"found"`
	ToCopy  int64   `json:"to_copy"`
	Known   int64   `json:"already_there"`
	Silent  int64   `json:"without_audio"`
	Deleted int64   `json:"deleted_here"`
	Refused int64   `json:"refused"`
	Failed  int64   `json:"failed"`
	Sounds  int64   `json:"audio_to_copy"`
	Bytes   int64   `json:"audio_bytes_about"`
	Asked   int64   `json:"audio_sizes_asked_for"`
	Seconds float64 `json:"seconds_at_this_rate_about,omitempty"`
}

func estimateOf(c importer.Count, rate float64) *estimate {
	e := &estimate{
		c.Found, c.Copied, c.Known, c.Silent, c.Deleted, c.Refused, c.Failed,
		c.ToCopy.Sounds, c.ToCopy.Total(), c.ToCopy.Samples, 0,
	}
	if rate > 0 {
		e.Seconds = float64(c.ToCopy.Sounds) / rate
	}
	return e
}

func (e *estimate) text() string {
	remark := "about " + size(e.Bytes) + " of audio"
	if e.Seconds > 0 {
		remark += fmt.Sprintf("; %s or more at this --rate", time.Duration(e.Seconds*float64(time.Second)).Round(time.Second))
	}
	return table(
		row{"found", e.Found, "", true},
		row{"to copy", e.ToCopy, remark, true},
		row{"already there", e.Known, "", true},
		row{"without audio", e.Silent, "among those two", false},
		row{"deleted here", e.Deleted, "and stay so, without --revive", false},
		row{"refused", e.Refused, "cannot be taken as they are", false},
		row{"failed", e.Failed, "to tell", false},
	)
}

// verified is what a verification tells.
type verified struct {
	Found     int64 `json:"found"`
	Same      int64 `json:"same"`
	Deleted   int64 `json:"deleted_here"`
	Missing   int64 `json:"missing"`
	Different int64 `json:"different"`
	Damaged   int64 `json:"audio_missing_or_different"`
	Unchecked int64 `json:"not_checked"`
	Untaken   int64 `json:"refused"`
	Lists     int64 `json:"parts_of_the_list_not_read"`
	More      int64 `json:"here_only"`
	Bytes     int64 `json:"audio_bytes"`
}

func verifiedOf(v importer.Verdict) *verified {
	return &verified{
		v.Found, v.Same, v.Deleted, v.Missing, v.Different, v.Damaged, v.Unchecked, v.Untaken, v.Lists, v.More, v.Bytes,
	}
}

func (v *verified) text() string {
	return table(
		row{"compared", v.Found, "", true},
		row{"the same", v.Same, size(v.Bytes) + " of audio read", true},
		row{"missing", v.Missing, "", true},
		row{"different", v.Different, "in a field", true},
		row{"audio missing, or another", v.Damaged, "", true},
		row{"deleted here", v.Deleted, "", false},
		row{"refused", v.Untaken, "cannot be taken as they are", false},
		row{"not checked", v.Unchecked, "", false},
		row{"parts of the list", v.Lists, "could not be read", false},
		row{"here only", v.More, "the source does not have them (any more)", false},
	)
}

// size shows bytes.
func size(n int64) string {
	for _, unit := range []struct {
		name string
		n    float64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if float64(n) >= unit.n {
			return fmt.Sprintf("%.1f %s", float64(n)/unit.n, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

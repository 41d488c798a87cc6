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

	"github.com/callrecordings/api/shared/incoming/importer"
)

// line is one line of the report file and of --json. It has exactly one of its
// members.
type line struct {
	*importer.Result
	Progress *importer.Count `json:"progress,omitempty"`
	Report   *summary        `json:"report,omitempty"`
	Estimate *estimate       `json:"estimate,omitempty"`
	Verified *verified       `json:"verified,omitempty"`
}

// reportFile lists the recordings that were not simply copied, as JSON lines.
// Each line is written at once: there may be many, and a killed import keeps
// the lines before the kill. It is safe for concurrent use.
type reportFile struct {
	mu   sync.Mutex
	file *os.File // nil if no report is wanted
	w    *bufio.Writer
}

// openReport creates or truncates the report file. "-" means no report.
func openReport(name string) (*reportFile, error) {
	r := &reportFile{}
	if name == "-" {
		return r, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write the report: %w", err)
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
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

func (r *reportFile) close() error {
	if r.file == nil {
		return nil
	}
	return errors.Join(r.w.Flush(), r.file.Close())
}

// summary is the result of copying.
type summary struct {
	Found     int64   `json:"found"`
	Twice     int64   `json:"found_twice"`
	Copied    int64   `json:"copied"`
	Known     int64   `json:"already_there"`
	Updated   int64   `json:"updated"`
	Silent    int64   `json:"without_audio"`
	External  int64   `json:"external"`
	Lost      int64   `json:"lost"`
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
		Found:     c.Found,
		Twice:     c.Twice,
		Copied:    c.Copied,
		Known:     c.Known,
		Updated:   c.Updated,
		Silent:    c.Silent,
		External:  c.External,
		Lost:      c.Lost,
		Deleted:   c.Deleted,
		Refused:   c.Refused,
		Failed:    c.Failed,
		NotTried:  c.Found - c.Done(),
		Lists:     c.Lists,
		WholeList: c.All,
		Bytes:     c.Bytes,
		Waits:     c.Waits,
		Seconds:   took.Seconds(),
	}
}

// row is one row of a printed result. It is left out if n is 0, unless always is
// set.
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
	_ = w.Flush() // writing to memory does not fail
	return b.String()
}

// Remarks that several results share.
const (
	included  = "included above"
	unfit     = "cannot be copied as they are"
	retry     = "run the same command again to retry"
	goOn      = "run the same command again to continue"
	stayGone  = "stay deleted; --revive brings them back"
	elsewhere = included + "; their audio is kept elsewhere, at their url"
)

func (s *summary) text() string {
	took := time.Duration(s.Seconds * float64(time.Second))
	return table(
		row{"copied", s.Copied, fmt.Sprintf("%s of audio in %s", size(s.Bytes), took.Round(time.Second/10)), true},
		row{"already there", s.Known, "", true},
		row{"updated", s.Updated, "were there with other fields", false},
		row{"without audio", s.Silent, included + "; the source has no audio for them", false},
		row{"external", s.External, elsewhere, false},
		row{"lost", s.Lost, included + "; the source has lost their audio, according to --lost", false},
		row{"deleted here", s.Deleted, stayGone, false},
		row{"refused", s.Refused, unfit, false},
		row{"failed", s.Failed, retry, false},
		row{"not tried", s.NotTried, goOn, false},
		row{"parts of the list", s.Lists, "could not be read; " + retry, false},
	)
}

// estimate is the result of a dry run.
type estimate struct {
	Found   int64   `json:"found"`
	ToCopy  int64   `json:"to_copy"`
	Known   int64   `json:"already_there"`
	Silent  int64   `json:"without_audio"`
	Deleted int64   `json:"deleted_here"`
	Refused int64   `json:"refused"`
	Failed  int64   `json:"failed"`
	Audio   int64   `json:"audio_to_copy"`
	Bytes   int64   `json:"audio_bytes_about"`
	Asked   int64   `json:"audio_sizes_asked_for"`
	Seconds float64 `json:"seconds_at_this_rate_about,omitempty"`
}

func estimateOf(c importer.Count, rate float64) *estimate {
	e := &estimate{
		Found:   c.Found,
		ToCopy:  c.Copied,
		Known:   c.Known,
		Silent:  c.Silent,
		Deleted: c.Deleted,
		Refused: c.Refused,
		Failed:  c.Failed,
		Audio:   c.ToCopy.Recordings,
		Bytes:   c.ToCopy.Total(),
		Asked:   c.ToCopy.Samples,
	}
	if rate > 0 {
		e.Seconds = float64(c.ToCopy.Recordings) / rate
	}
	return e
}

func (e *estimate) text() string {
	remark := "about " + size(e.Bytes) + " of audio"
	if e.Seconds > 0 {
		remark += fmt.Sprintf("; at least %s at this --rate", time.Duration(e.Seconds*float64(time.Second)).Round(time.Second))
	}
	return table(
		row{"found", e.Found, "", true},
		row{"to copy", e.ToCopy, remark, true},
		row{"already there", e.Known, "", true},
		row{"without audio", e.Silent, included, false},
		row{"deleted here", e.Deleted, stayGone, false},
		row{"refused", e.Refused, unfit, false},
		row{"failed", e.Failed, "could not be read", false},
	)
}

// verified is the result of a verification.
type verified struct {
	Found     int64 `json:"found"`
	Same      int64 `json:"same"`
	Deleted   int64 `json:"deleted_here"`
	Missing   int64 `json:"missing"`
	Different int64 `json:"different"`
	Damaged   int64 `json:"audio_missing_or_different"`
	Unchecked int64 `json:"not_checked"`
	Refused   int64 `json:"refused"`
	Lists     int64 `json:"parts_of_the_list_not_read"`
	More      int64 `json:"here_only"`
	Bytes     int64 `json:"audio_bytes"`
}

func verifiedOf(v importer.Comparison) *verified {
	return &verified{
		Found:     v.Found,
		Same:      v.Same,
		Deleted:   v.Deleted,
		Missing:   v.Missing,
		Different: v.Different,
		Damaged:   v.Damaged,
		Unchecked: v.Unchecked,
		Refused:   v.Refused,
		Lists:     v.Lists,
		More:      v.More,
		Bytes:     v.Bytes,
	}
}

func (v *verified) text() string {
	return table(
		row{"compared", v.Found, "", true},
		row{"the same", v.Same, size(v.Bytes) + " of audio read", true},
		row{"missing", v.Missing, "", true},
		row{"different", v.Different, "in at least one field", true},
		row{"audio missing or different", v.Damaged, "", true},
		row{"deleted here", v.Deleted, "", false},
		row{"refused", v.Refused, unfit, false},
		row{"not checked", v.Unchecked, "", false},
		row{"parts of the list", v.Lists, "could not be read", false},
		row{"here only", v.More, "the source does not have them (any more)", false},
	)
}

// size formats a number of bytes.
func size(n int64) string {
	for _, unit := range []struct {
		name string
		n    float64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if float64(n) >= unit.n {
			return fmt.Sprintf("%.1f %s", float64(n)/unit.n, unit.name)
		}
	}
	return count(n, "byte")
}

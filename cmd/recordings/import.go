package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// importCommand makes `recordings import`.
func (e env) importCommand() *cobra.Command {
	return usage{
		name: "import", summary: "copy recordings from a running Kazoo or from a folder",
		does:     "Copies recordings from a source. A source is a running Kazoo, a folder of audio, or what export dir has written.",
		examples: []string{importKazooUsage.examples[0], importDirUsage.examples[0]},
	}.parent(e.importKazooCommand(), e.importDirCommand())
}

// importOptions are the options that all imports share.
type importOptions struct {
	target             *target
	account            string
	concurrency        int
	rate               float64
	revive, update     bool
	lost               map[string]bool
	dryRun             bool
	verify, verifyOnly bool
	report             string // "-" for none
	asJSON             bool
}

// importFlags adds the shared options to fs. rateHelp describes --rate.
func (e env) importFlags(fs *pflag.FlagSet, concurrency int, rate float64, rateHelp string) *importOptions {
	o := &importOptions{target: e.targetFlags(fs)}
	o.target.creates = true
	accountFlag(fs, &o.account)
	concurrencyFlag(fs, &o.concurrency, concurrency)
	fs.Float64Var(&o.rate, "rate", rate, rateHelp)
	fs.BoolVar(&o.revive, "revive", false, "also copy recordings that were deleted here")
	fs.Func("lost", "`FILE`: IDs of recordings whose audio the source has lost for good, one per line; their documents are copied, and do not count as failed", func(name string) (err error) {
		o.lost, err = readIDs(name)
		return err
	})
	fs.BoolVar(&o.dryRun, "dry-run", false, "count and estimate what would be copied, and list what cannot be, but copy nothing")
	fs.BoolVar(&o.verify, "verify", false, "after copying, compare everything field by field and byte by byte")
	fs.BoolVar(&o.verifyOnly, "verify-only", false, "compare everything, but copy nothing")
	fs.StringVar(&o.report, "report", "import-report.jsonl", "write the recordings that need attention to `FILE`, as JSON lines; - for none")
	jsonFlag(fs, &o.asJSON)
	return o
}

var errNegativeRate = errors.New("--rate must not be negative")

// check validates the options. rest may have at most want arguments.
func (o *importOptions) check(rest []string, want int) error {
	if err := unexpected(rest, want); err != nil {
		return err
	}
	if err := checkConcurrency(o.concurrency); err != nil {
		return usageError{err}
	}
	switch {
	case o.rate < 0:
		return usageError{errNegativeRate}
	case o.dryRun && (o.verify || o.verifyOnly):
		return usageError{errors.New("--dry-run copies nothing that could be verified; use --verify-only to compare what is there")}
	}
	if err := checkIDs(o.account, ""); err != nil {
		return usageError{err}
	}
	return nil
}

// importJob is one import.
type importJob struct {
	env
	options *importOptions
	display *display
	report  *reportFile
	source  importer.Source
	target  importer.Target
	tally   *importer.Tally
	// total is the number of recordings, if it is known before the import; until
	// is the end of the period that is imported. Both serve the progress bar.
	total, until int64
	since        recording.Seconds
	noAudio      bool
	// endless is true if only a signal ends the import.
	endless bool
	// remote is true if the source limits the request rate and its audio is too
	// expensive to fetch again for a verification.
	remote bool
}

// shown returns how many single recordings are printed; 0 sets no limit. A dry run
// prints all of them, because it writes no report.
func (o *importOptions) shown() int {
	if o.dryRun {
		return 0
	}
	return mostShown
}

// runImport opens the target, lets prepare complete the job, and then copies,
// verifies or estimates as the options ask.
func (e env) runImport(ctx context.Context, o *importOptions, prepare func(job *importJob, maxBytes int64) error) (err error) {
	settings, err := config.Load(e.getenv, config.Tool)
	if err != nil {
		return err
	}
	opened, closed, err := o.target.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if e := closed(); e != nil && err == nil {
			err = e
		}
	}()
	job := &importJob{
		env: e, options: o, display: e.newDisplay(o.asJSON, o.shown()),
		target: importer.Target{Store: opened.store, Audio: opened.audio},
		tally:  &importer.Tally{}, until: int64(recording.SecondsOf(e.now())),
	}
	if err := prepare(job, settings.MaxAudioBytes); err != nil {
		return err
	}
	if o.dryRun {
		o.report = "-" // keep the report of an earlier import
	}
	if job.report, err = openReport(o.report); err != nil {
		return err
	}
	err = job.run(ctx, settings.MaxAudioBytes)
	if e := job.report.close(); e != nil && err == nil {
		err = e
	}
	return err
}

// run copies, verifies or estimates.
func (j *importJob) run(ctx context.Context, maxBytes int64) error {
	o := importer.Options{
		Concurrency: j.options.concurrency, NoAudio: j.noAudio, Revive: j.options.revive, Update: j.options.update, Lost: j.options.lost, MaxBytes: maxBytes, Now: j.now,
		Tally: j.tally, Report: j.record,
	}
	if !j.remote {
		o.Rate = j.options.rate
	}
	switch {
	case j.options.dryRun:
		return j.estimate(ctx, o)
	case j.options.verifyOnly:
		return j.verify(ctx, o)
	}
	copied := j.copy(ctx, o)
	if !j.options.verify || copied != nil && !errors.Is(copied, errReported) || ctx.Err() != nil {
		return copied
	}
	if err := j.verify(ctx, o); err != nil {
		return err
	}
	return copied
}

// copy copies the recordings and prints a summary.
func (j *importJob) copy(ctx context.Context, o importer.Options) error {
	end := j.showProgress(ctx, j.tally, copying)
	began := j.now()
	err := importer.Run(ctx, j.source, j.target, o)
	end()
	c := j.tally.Count()
	s := summaryOf(c, j.now().Sub(began))
	if err := j.report.add(line{Report: s}); err != nil {
		return err
	}
	j.printResult(line{Report: s}, s.text())
	c.All = c.All || j.endless
	return j.outcome(ctx, err, c.Complete())
}

// outcome returns the error of an import that ended with err. complete is false
// if recordings failed.
func (j *importJob) outcome(ctx context.Context, err error, complete bool) error {
	switch {
	case ctx.Err() != nil && j.endless && complete:
		return nil
	case ctx.Err() != nil:
		printf(j.stderr, "%s\n", stopped)
		return errReported
	case err != nil:
		return err
	case !complete:
		return errReported
	}
	return nil
}

// stopped is the message after an interrupt.
const stopped = "stopped; run the same command again to continue"

// estimate counts what an import would copy.
func (j *importJob) estimate(ctx context.Context, o importer.Options) error {
	end := j.showProgress(ctx, j.tally, "counted")
	err := importer.DryRun(ctx, j.source, j.target, o)
	end()
	c := j.tally.Count()
	e := estimateOf(c, j.options.rate)
	j.printResult(line{Estimate: e}, e.text())
	return j.outcome(ctx, err, c.Complete())
}

// verify compares the target with the source.
func (j *importJob) verify(ctx context.Context, o importer.Options) error {
	o.Tally = &importer.Tally{}
	if j.options.verify { // the copy has already reported the refused ones
		o.Report = func(r importer.Result) {
			if r.Outcome != importer.Refused {
				j.record(r)
			}
		}
	}
	end := j.showProgress(ctx, o.Tally, "compared")
	v, err := importer.Verify(ctx, j.source, j.target, importer.VerifyOptions{
		Options: o, Audio: !j.remote, Since: j.since, Until: recording.Seconds(j.until),
	})
	end()
	s := verifiedOf(v)
	if err := j.report.add(line{Verified: s}); err != nil {
		return err
	}
	j.printResult(line{Verified: s}, s.text())
	return j.outcome(ctx, err, v.Good())
}

// showProgress shows the progress of a step until end is called.
func (j *importJob) showProgress(ctx context.Context, tally *importer.Tally, verb string) (end func()) {
	return j.display.follow(ctx, tally, &bar{began: j.now(), total: j.total, since: int64(j.since), until: j.until, verb: verb})
}

// record adds a recording that was not simply copied to the report. It prints the
// recording if it failed or was refused. A dry run also prints assumptions about a
// recording, such as a start that its name does not contain.
func (j *importJob) record(r importer.Result) {
	if err := j.report.add(line{Result: &r}); err != nil {
		printf(j.stderr, "%v\n", err)
	}
	noted := j.options.dryRun && r.Reason != "" // there is no report file
	if r.Outcome == importer.Failed || r.Outcome == importer.Refused || noted {
		name := strings.TrimSpace(r.ID + " " + r.Name)
		j.display.problem(line{Result: &r}, fmt.Sprintf("%s: %s: %s", name, j.outcomeOf(r), r.Reason))
	}
}

// outcomeOf returns the outcome for a person.
func (j *importJob) outcomeOf(r importer.Result) string {
	if j.options.dryRun && r.Outcome == importer.Copied {
		return "to copy"
	}
	return string(r.Outcome)
}

// printResult prints the result of a step, and where the report is.
func (j *importJob) printResult(l line, text string) {
	if j.options.report != "-" && l.Estimate == nil {
		text += "report: " + j.options.report + "\n"
	}
	j.display.result(l, text)
}

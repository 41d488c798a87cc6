package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"callrecordings/shared/config"
	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/recording"
)

// importing are the kinds of `recordings import`.
var importing = []command{
	{"kazoo", "from a running Kazoo, over its own API", importKazoo},
	{"dir", "from a folder of audio, or what export dir has written", importDir},
}

// exporting are those of `recordings export`.
var exporting = []command{
	{"dir", "into a folder, which import dir reads back", exportDir},
}

func importFrom(ctx context.Context, e env, args []string) error {
	return e.choose(ctx, "import", importing, args)
}

func exportTo(ctx context.Context, e env, args []string) error {
	return e.choose(ctx, "export", exporting, args)
}

// choose runs the kind of a command that its first argument names.
func (e env) choose(ctx context.Context, name string, kinds []command, args []string) error {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
		if len(args) > 0 && args[0] == k.name {
			return k.run(ctx, e, args[1:])
		}
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "h") {
		for _, k := range kinds {
			say(e.stdout, "  recordings %s %-6s %s\n", name, k.name, k.summary)
		}
		return flag.ErrHelp
	}
	return usageError{fmt.Errorf("say what to %s: %s", name, strings.Join(names, ", "))}
}

const maxConcurrency = 256

// What flags of several commands may have wrong.
var (
	errConcurrency = fmt.Errorf("--concurrency is 1 to %d", maxConcurrency)
	errBounds      = errors.New("--until is before --since")
)

// importFlags are what all kinds of import have.
type importFlags struct {
	*target
	account            string
	concurrency        int
	rate               float64
	revive             bool
	dry, verify, check bool
	reportTo           string
	asJSON             bool
}

// importFlagsOf adds them to fs.
func (e env) importFlagsOf(fs *flag.FlagSet, concurrency int, rate float64, unit string) *importFlags {
	f := &importFlags{target: e.targetFlags(fs)}
	fs.StringVar(&f.account, "account", "", "`id` of the account")
	fs.IntVar(&f.concurrency, "concurrency", concurrency, "`number` of recordings that are copied at once")
	fs.Float64Var(&f.rate, "rate", rate, "most `"+unit+"` in a second")
	fs.BoolVar(&f.revive, "revive", false, "bring back what was deleted here, too")
	fs.BoolVar(&f.dry, "dry-run", false, "count what is to be copied, and estimate it; copy nothing")
	fs.BoolVar(&f.verify, "verify", false, "compare everything at the end, field by field and byte by byte")
	fs.BoolVar(&f.check, "verify-only", false, "compare everything, and copy nothing")
	fs.StringVar(&f.reportTo, "report", "import-report.jsonl", "`file` for what was not simply copied, a line of JSON each; - for none")
	fs.BoolVar(&f.asJSON, "json", false, "print progress and report as lines of JSON")
	return f
}

// wrong finds what is wrong with the flags.
func (f *importFlags) wrong(rest []string, want int) error {
	switch {
	case len(rest) > want:
		return usageError{fmt.Errorf("unexpected argument %q", rest[want])}
	case f.concurrency < 1 || f.concurrency > maxConcurrency:
		return usageError{errConcurrency}
	case f.rate < 0:
		return usageError{errors.New("--rate is more than 0")}
	case f.dry && (f.verify || f.check):
		return usageError{errors.New("--dry-run copies nothing that could be verified; --verify-only compares what is there")}
	}
	if err := checkNames(f.account, ""); err != nil {
		return usageError{err}
	}
	return nil
}

// timeFlag adds a flag for a time: a day, or what recording.ParseTime reads.
func timeFlag(fs *flag.FlagSet, into *recording.Seconds, name, usage string) {
	fs.Func(name, usage, func(s string) (err error) {
		if at, err := time.Parse(time.DateOnly, s); err == nil {
			*into = recording.SecondsOf(at)
			return nil
		}
		*into, err = recording.ParseTime(s)
		return err
	})
}

// importJob is one import under way.
type importJob struct {
	env
	*importFlags
	source importer.Source
	target importer.Target
	tally  *importer.Tally
	report *reportFile
	named  int // lines that were shown, guarded by report
	// total is how many there are, where that is known beforehand; until is the
	// end of the time that they are of, where it is not.
	total, until int64
	noAudio      bool
	// endless is true where nothing but a signal ends the import.
	endless bool
	// hearsay is true where the source's audio is not to be read for a
	// verification.
	hearsay bool
	since   recording.Seconds
}

// migrate opens the target, lets open make the source, and does what the flags
// say.
func (e env) migrate(ctx context.Context, f *importFlags, open func(i *importJob, most int64) error) (err error) {
	settings, err := config.Load(e.getenv, config.Tool)
	if err != nil {
		return err
	}
	o, closed, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if e := closed(); e != nil && err == nil {
			err = e
		}
	}()
	i := &importJob{
		env: e, importFlags: f, target: importer.Target{Store: o.store, Audio: o.audio},
		tally: &importer.Tally{}, until: int64(recording.SecondsOf(e.now())),
	}
	if err := open(i, settings.MaxAudioBytes); err != nil {
		return err
	}
	if f.dry {
		f.reportTo = "-" // that of an import before may be wanted
	}
	if i.report, err = openReport(f.reportTo); err != nil {
		return err
	}
	err = i.run(ctx, settings.MaxAudioBytes)
	if e := i.report.close(); e != nil && err == nil {
		err = e
	}
	return err
}

// run does what the flags say.
func (i *importJob) run(ctx context.Context, most int64) error {
	o := importer.Options{
		Concurrency: i.concurrency, NoAudio: i.noAudio, Revive: i.revive, MaxBytes: most, Now: i.now,
		Tally: i.tally, Named: i.tell,
	}
	if i.hearsay { // the source has a pace of its own
		o.Rate = 0
	} else {
		o.Rate = i.rate
	}
	switch {
	case i.dry:
		return i.weigh(ctx, o)
	case i.check:
		return i.compare(ctx, o)
	}
	copied := i.copy(ctx, o)
	if !i.verify || copied != nil && !errors.Is(copied, errReported) || ctx.Err() != nil {
		return copied
	}
	if err := i.compare(ctx, o); err != nil {
		return err
	}
	return copied
}

// copy copies, and tells what came of it.
func (i *importJob) copy(ctx context.Context, o importer.Options) error {
	shown := i.show(ctx, i.tally, "copied")
	began := i.now()
	err := importer.Run(ctx, i.source, i.target, o)
	shown()
	c := i.tally.Count()
	s := summaryOf(c, i.now().Sub(began))
	if err := i.report.add(line{Report: s}); err != nil {
		return err
	}
	i.print(line{Report: s}, s.text())
	c.All = c.All || i.endless
	return i.verdict(ctx, err, c.Complete())
}

// verdict says why an import did not come to its end.
func (i *importJob) verdict(ctx context.Context, err error, complete bool) error {
	switch {
	case ctx.Err() != nil && i.endless && complete:
		return nil
	case ctx.Err() != nil:
		say(i.stderr, "stopped; the same command goes on where this one ended\n")
		return errReported
	case err != nil:
		return err
	case !complete:
		return errReported
	}
	return nil
}

// weigh counts what is to be copied.
func (i *importJob) weigh(ctx context.Context, o importer.Options) error {
	shown := i.show(ctx, i.tally, "counted")
	err := importer.DryRun(ctx, i.source, i.target, o)
	shown()
	c := i.tally.Count()
	e := estimateOf(c, i.rate)
	i.print(line{Estimate: e}, e.text())
	return i.verdict(ctx, err, c.Complete())
}

// compare verifies.
func (i *importJob) compare(ctx context.Context, o importer.Options) error {
	o.Tally = &importer.Tally{}
	if i.verify { // copying has named what cannot be taken
		o.Named = func(r importer.Result) {
			if r.Outcome != importer.Refused {
				i.tell(r)
			}
		}
	}
	shown := i.show(ctx, o.Tally, "compared")
	v, err := importer.Verify(ctx, i.source, i.target, importer.VerifyOptions{
		Options: o, Audio: !i.hearsay, Since: i.since, Until: recording.Seconds(i.until),
	})
	shown()
	s := verifiedOf(v)
	if err := i.report.add(line{Verified: s}); err != nil {
		return err
	}
	i.print(line{Verified: s}, s.text())
	return i.verdict(ctx, err, v.Good())
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"callrecordings/shared/incoming/importer/kazoo"
	"callrecordings/shared/recording"
)

// What is gentle to somebody's production PBX: Kazoo lets an address have ten
// requests a second (kazoo.md 5.8).
const (
	kazooConcurrency = 4
	kazooRate        = 8
)

// importKazoo copies the recordings of a running Kazoo.
func importKazoo(ctx context.Context, e env, args []string) error {
	var o kazoo.Options
	fs := flags("import kazoo")
	f := e.importFlagsOf(fs, kazooConcurrency, kazooRate, "requests")
	fs.StringVar(&o.URL, "url", "", "`address` of Kazoo's API, https://pbx.example.com:8443 (or KAZOO_URL)")
	fs.StringVar(&o.Token, "token", "", "auth `token`; better in KAZOO_TOKEN, where no list of processes shows it")
	fs.StringVar(&o.APIKey, "api-key", "", "API `key`, which makes tokens as they run out; better in KAZOO_API_KEY")
	fs.BoolVar(&o.Descendants, "descendants", false, "the accounts below it, too")
	timeFlag(fs, &o.Since, "since", "first `day` of saving: 2025-01-31, or a time")
	timeFlag(fs, &o.Until, "until", "end of the time of saving, a `day` or a time")
	noAudio := fs.Bool("no-audio", false, "copy documents alone; run it again without, for the audio")
	temp := fs.String("temp", "", "`folder` for audio on its way; the data folder, or that of the system")
	rest, err := e.parse(fs, "--url URL --account A (--token T | --api-key K)", args)
	if err != nil {
		return err
	}
	o.URL = cmp.Or(o.URL, e.getenv("KAZOO_URL"))
	if o.Token == "" && o.APIKey == "" {
		o.APIKey = e.getenv("KAZOO_API_KEY")
		if o.APIKey == "" {
			o.Token = e.getenv("KAZOO_TOKEN")
		}
	}
	switch {
	case o.URL == "":
		return usageError{errors.New("--url is missing")}
	case f.rate == 0:
		return usageError{errors.New("--rate is more than 0")}
	case o.Until != 0 && o.Until < o.Since:
		return usageError{errBounds}
	}
	if err := f.wrong(rest, 0); err != nil {
		return err
	}
	return e.migrate(ctx, f, func(i *importJob, most int64) error {
		o.Account, o.Rate, o.MaxBytes, o.Now = f.account, f.rate, most, e.now
		o.Again, o.Spool = i.tally.Again, spool(cmp.Or(*temp, f.dataDir))
		i.noAudio, i.hearsay, i.since = *noAudio, true, o.Since
		if o.Until != 0 {
			i.until = int64(min(o.Until, recording.Seconds(i.until)))
		}
		s, err := kazoo.Open(ctx, o)
		if errors.Is(err, kazoo.ErrURL) || errors.Is(err, kazoo.ErrLogin) {
			return usageError{err}
		}
		i.source = s
		return err
	})
}

// spool makes files for audio on its way, in a folder. Where that can be done
// they have no name, so that a kill leaves nothing behind.
func spool(folder string) func() (*os.File, func() error, error) {
	return func() (*os.File, func() error, error) {
		f, err := os.CreateTemp(folder, "import-*.audio")
		if err != nil {
			return nil, nil, fmt.Errorf("make a file: %w", err)
		}
		if runtime.GOOS != "windows" {
			return f, f.Close, os.Remove(f.Name())
		}
		return f, func() error { return errors.Join(f.Close(), os.Remove(f.Name())) }, nil
	}
}

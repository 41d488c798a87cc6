package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo"
	"github.com/callrecordings/api/shared/recording"
)

// Defaults that are gentle to a PBX in production. By default Kazoo allows ten
// requests per second from one address (kazoo.md 5.8).
const (
	kazooConcurrency = 4
	kazooRate        = 8
)

var importKazooUsage = usage{
	name: "kazoo", summary: "from a running Kazoo, through its API",
	args: "--url URL --account ID (--token TOKEN | --api-key KEY) [OPTIONS]",
	does: `Copies the recordings of an account from a running Kazoo. You can stop the import at any time; run the
same command again to continue, or to copy what is new since.`,
	examples: []string{
		"import kazoo --url https://pbx.example.com:8443 --account A --dry-run",
		"import kazoo --url https://pbx.example.com:8443 --account A --verify",
	},
}

// importKazooCommand makes the command that copies the recordings of a running Kazoo.
func (e env) importKazooCommand() *cobra.Command {
	var k kazoo.Options
	var temp string
	var noAudio bool
	c := importKazooUsage.command()
	fs := c.Flags()
	o := e.importFlags(fs, kazooConcurrency, kazooRate, "send at most `N` requests per second; 0 for no limit")
	e.kazooFlags(fs, &k)
	fs.BoolVar(&k.Descendants, "descendants", false, "also copy from the accounts below this one")
	e.periodFlags(fs, &k.Since, &k.Until)
	fs.BoolVar(&noAudio, "no-audio", false, "copy only documents; a later run without this option adds the audio")
	fs.StringVar(&temp, "temp", "", "`FOLDER`: where to put temporary audio files (default: the data folder, or the system's)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := e.completeKazoo(&k); err != nil {
			return err
		}
		if err := o.check(args, 0); err != nil {
			return err
		}
		return e.runImport(c.Context(), o, func(job *importJob, maxBytes int64) error {
			k.Account, k.Rate, k.MaxBytes, k.Now = o.account, o.rate, maxBytes, e.now
			k.Duplicate, k.Spool = job.tally.Duplicate, spool(cmp.Or(temp, o.target.dataDir))
			job.noAudio, job.remote, job.since = noAudio, true, k.Since
			if k.Until != 0 {
				job.until = int64(min(k.Until, recording.Seconds(job.until)))
			}
			s, err := kazoo.Open(c.Context(), k)
			if errors.Is(err, kazoo.ErrURL) || errors.Is(err, kazoo.ErrLogin) {
				return usageError{err}
			}
			job.source = s
			return err
		})
	}
	return c
}

// kazooFlags adds the options that locate a Kazoo.
func (e env) kazooFlags(fs *pflag.FlagSet, k *kazoo.Options) {
	fs.StringVar(&k.URL, "url", "", "`URL`: base URL of Kazoo's API, such as https://pbx.example.com:8443 (or KAZOO_URL)")
	fs.StringVar(&k.Token, "token", "", "`TOKEN`: auth token; set KAZOO_TOKEN instead to keep it out of process lists")
	fs.StringVar(&k.APIKey, "api-key", "", "`KEY`: API key that renews the token; set KAZOO_API_KEY instead to keep it out of process lists")
}

// completeKazoo completes the options from the environment, and checks them.
func (e env) completeKazoo(k *kazoo.Options) error {
	k.URL = cmp.Or(k.URL, e.getenv("KAZOO_URL"))
	if k.Token == "" && k.APIKey == "" {
		k.APIKey = e.getenv("KAZOO_API_KEY")
		if k.APIKey == "" {
			k.Token = e.getenv("KAZOO_TOKEN")
		}
	}
	if k.URL == "" {
		return usageError{errors.New("--url is missing")}
	}
	if err := checkPeriod(k.Since, k.Until); err != nil {
		return usageError{err}
	}
	return nil
}

// spool returns a function that makes temporary files for audio in a folder.
// Except on Windows, such a file has no name, so a killed import leaves nothing
// behind.
func spool(folder string) func() (*os.File, func() error, error) {
	return func() (*os.File, func() error, error) {
		f, err := os.CreateTemp(folder, "import-*.audio")
		if err != nil {
			return nil, nil, fmt.Errorf("make a temporary file: %w", err)
		}
		if runtime.GOOS != "windows" {
			return f, f.Close, os.Remove(f.Name())
		}
		return f, func() error { return errors.Join(f.Close(), os.Remove(f.Name())) }, nil
	}
}

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/person"
)

// signerFlags are the options that choose the deployment whose key signs certificates.
type signerFlags struct {
	env
	dataDir string
}

func (e env) signerFlags(fs *pflag.FlagSet) *signerFlags {
	s := &signerFlags{env: e}
	fs.StringVar(&s.dataDir, "data-dir", "", "`FOLDER`: local data folder, whose key signs (default: the key in CURSOR_KEY, or DATA_DIR)")
	return s
}

// signer returns the signer of a deployment: of --data-dir, CURSOR_KEY or the data folder.
func (s *signerFlags) signer() (*person.Signer, error) {
	settings, err := config.Load(s.getenv, config.Tool)
	if err != nil {
		return nil, err
	}
	if secret := settings.CursorKey.Reveal(); secret != "" && s.dataDir == "" {
		return person.NewSigner(secret)
	}
	t := target{env: s.env, dataDir: s.dataDir}
	if err := t.chooseFolder(); err != nil {
		return nil, err
	}
	dir, err := t.openFolder()
	if err != nil {
		return nil, err
	}
	return person.NewSigner(dir.Keys.Cursor)
}

// personKeyCommand makes the command that prints the public key of certificates.
func (e env) personKeyCommand() *cobra.Command {
	c := usage{
		name: "key", summary: "print the public key of certificates", args: "[OPTIONS]",
		does: `Prints the public key of this deployment, with which anyone can verify its certificates. The key changes with
CURSOR_KEY, so keep the earlier ones.`,
		examples: []string{"person key"},
	}.command()
	s := e.signerFlags(c.Flags())
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		signer, err := s.signer()
		if err == nil {
			printf(e.stdout, "%s\n", signer.PublicKey())
		}
		return err
	}
	return c
}

// personVerifyCommand makes the command that verifies a certificate.
func (e env) personVerifyCommand() *cobra.Command {
	c := usage{
		name: "verify", summary: "verify a certificate", args: "CERTIFICATE [--list FILE] [OPTIONS]",
		does: `Checks that a certificate was signed by a deployment and not changed since, and prints what it states. With
--list, checks that a list of recordings is the one of the certificate.`,
		examples: []string{"person verify 20260131T093000-0a1b2c3d4e5f.certificate.json --list 20260131T093000-0a1b2c3d4e5f.jsonl"},
	}.command()
	var keys []string
	var list string
	var asJSON bool
	s := e.signerFlags(c.Flags())
	jsonFlag(c.Flags(), &asJSON)
	c.Flags().StringArrayVar(&keys, "key", nil, "`KEY`: public key of the deployment, as person key prints it; repeatable")
	c.Flags().StringVar(&list, "list", "", "`FILE`: list of the recordings")
	c.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{errors.New("want one certificate")}
		}
		if len(keys) == 0 {
			signer, err := s.signer()
			if err != nil {
				return err
			}
			keys = []string{signer.PublicKey()}
		}
		return e.verifyCertificate(args[0], list, keys, asJSON)
	}
	return c
}

// verifyCertificate verifies a certificate, and its list unless list is "". It prints the
// statements of the certificate.
func (e env) verifyCertificate(name, list string, keys []string, asJSON bool) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	certificate, err := person.Verify(text, keys...)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if list != "" {
		f, err := os.Open(list)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it is only read
		if err := certificate.CheckList(f); err != nil {
			return fmt.Errorf("%s: %w", list, err)
		}
	}
	if asJSON {
		return printJSON(e.stdout, certificate)
	}
	complete := "complete"
	if !certificate.Complete {
		complete = "incomplete"
	}
	printf(e.stdout, "genuine: %s %s of the account %s, finished %s\n%s found, %d done, %d on legal hold, %d changed or gone, %d failed, %d appeared later\n",
		complete, certificate.Kind, certificate.Account, certificate.Finished, count(certificate.Found.Count, "recording"), certificate.Done.Count, certificate.Held.Count,
		certificate.Skipped.Count, certificate.Failed.Count, certificate.Later.Count)
	return nil
}

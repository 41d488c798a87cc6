package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
	"github.com/callrecordings/api/shared/version"
)

var checkUsage = usage{
	name: "check", summary: "check that the API works: reach it, list, play, follow a redirect", args: "[OPTIONS]",
	does: `Checks from here that the API works as a client needs it, in about a second: reaches it, lists
recordings, plays a part of one, and follows a redirect to the bucket. It changes nothing. It stops at
the first step that fails, and it fails if the account has no audio to play.`,
	examples: []string{
		"check",
		"check --url https://api.example.com --token \"$TOKEN\"",
		"check --empty --url https://api.example.com --token \"$TOKEN\"",
	},
}

// checkTime limits a check, with retries.
const checkTime = 2 * time.Minute

// checkBytes is how much of a recording is played.
const checkBytes = 1000

// checkCommand makes the command that checks an API.
func (e env) checkCommand() *cobra.Command {
	var empty bool
	k := checker{env: e}
	c := checkUsage.command()
	t := e.apiFlags(c.Flags())
	c.Flags().BoolVar(&empty, "empty", false, "do not fail if the account has no recordings with audio")
	jsonFlag(c.Flags(), &k.asJSON)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if k.api, err = t.open(); err != nil {
			return err
		}
		defer k.api.Close()
		k.account = t.account
		ctx, cancel := context.WithTimeout(c.Context(), checkTime)
		defer cancel()
		return k.run(ctx, empty)
	}
	return c
}

// checker checks an API.
type checker struct {
	env
	api     *client.Client
	account string
	asJSON  bool

	subject *client.Document // to play
}

// errNothing means that the account has nothing to play.
var errNothing = errors.New("the account has no recent audio in the bucket to play: add a recording (recordings add) and check again, or use --empty")

// run does the steps until one fails.
func (k *checker) run(ctx context.Context, empty bool) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"reach", k.reach}, {"list", k.list}, {"play", k.play}, {"redirect", k.redirect},
	} {
		began := k.now()
		detail, err := step.do(ctx)
		if errors.Is(err, errNothing) && empty {
			k.report(step.name, "skipped", "no recording with audio", 0)
			return nil
		}
		if err != nil {
			k.report(step.name, "failed", err.Error(), k.now().Sub(began))
			return errReported
		}
		k.report(step.name, "ok", detail, k.now().Sub(began))
	}
	return nil
}

// report prints the result of a step.
func (k *checker) report(step, result, detail string, took time.Duration) {
	switch {
	case k.asJSON:
		_ = printJSON(k.stdout, struct {
			Step   string `json:"step"`
			Result string `json:"result"`
			Detail string `json:"detail"`
			MS     int64  `json:"ms"`
		}{step, result, detail, took.Milliseconds()}) // if standard output is closed, nothing can be reported
	case result == "failed":
		printf(k.stderr, "recordings check: %s: %s\n", step, clean(detail))
	default:
		printf(k.stdout, "%-8s  %-7s  %s (%d ms)\n", step, result, clean(detail), took.Milliseconds())
	}
}

// reach reads the API's definition, without a token.
func (k *checker) reach(ctx context.Context) (string, error) {
	v, err := k.api.Version(ctx)
	if err != nil {
		return "", err
	}
	detail := fmt.Sprintf("%s is version %s", k.api.Base(), v)
	if v != version.Number {
		detail += "; this program is " + version.Number
	}
	return detail, nil
}

// checkListed is how many of the newest recordings are searched for one to play.
const checkListed = 50

// list lists the newest recordings and chooses one to play.
func (k *checker) list(ctx context.Context) (string, error) {
	n := 0
	for d, err := range k.api.List(ctx, url.Values{"page_size": {strconv.Itoa(checkListed)}}) {
		if err != nil {
			return "", err
		}
		if n++; k.subject == nil && d.HasAudio() && d.URL == "" {
			k.subject = &d
		}
		if n == checkListed {
			break
		}
	}
	detail := fmt.Sprintf("the account %s has %s", k.account, count(n, "recording"))
	if n == checkListed {
		detail += " or more"
	}
	return detail, nil
}

// play reads the first bytes of the audio.
func (k *checker) play(ctx context.Context) (string, error) {
	return k.read(ctx, false)
}

// redirect reads them through a redirect to the bucket.
func (k *checker) redirect(ctx context.Context) (string, error) {
	return k.read(ctx, true)
}

// read reads the first bytes of the audio and checks that no more come.
func (k *checker) read(ctx context.Context, redirect bool) (string, error) {
	if k.subject == nil {
		return "", errNothing
	}
	a, err := k.api.Audio(ctx, client.AudioRequest{ID: k.subject.ID, Bytes: checkBytes, Redirect: redirect})
	if err != nil {
		return "", fmt.Errorf("%s: %w", k.subject.ID, err)
	}
	defer a.Body.Close() //nolint:errcheck // it is only read
	n, err := io.Copy(io.Discard, io.LimitReader(a.Body, checkBytes+1))
	want := int64(checkBytes)
	if a.Total >= 0 {
		want = min(want, a.Total)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: the audio breaks off after %d bytes: %w", k.subject.ID, n, err)
	case n != want:
		return "", fmt.Errorf("%s: %s sends %d bytes instead of %d: does a proxy drop the Range header?", k.subject.ID, a.Host, n, want)
	case redirect && !a.Redirected:
		return "", fmt.Errorf("%s: the API does not redirect to the bucket although it was asked to", k.subject.ID)
	}
	detail := fmt.Sprintf("%d of %d bytes of %s, %s", n, a.Total, k.subject.ID, a.Type)
	if redirect {
		detail += ", from " + a.Host
	}
	return detail, nil
}

// Command local is the whole API in one process: what `make run` starts. The
// handlers, the events and their codec are those of the cloud; behind them are
// SQLite and a real S3 server, both in this process, in one folder.
//
//	PORT=8000 HOST=127.0.0.1 DATA_DIR=.data local [--empty]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"callrecordings/local/datadir"
	"callrecordings/shared/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, env{os.Getenv, time.Now, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// env is what the program gets from outside.
type env struct {
	getenv         func(string) string
	now            func() time.Time
	stdout, stderr io.Writer
}

// run serves until ctx ends and returns the process's exit code. Every error
// is one sentence.
func run(ctx context.Context, e env, args []string) int {
	fs := flag.NewFlagSet("local", flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	empty := fs.Bool("empty", false, "start without the demo recordings")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	err := e.unexpected(fs.Args())
	if err == nil {
		err = e.start(ctx, !*empty)
	}
	if err != nil {
		_, _ = fmt.Fprintln(e.stderr, "local:", err)
		return 1
	}
	return 0
}

func (e env) unexpected(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q; the settings are in the environment: PORT, HOST, DATA_DIR", args[0])
	}
	return nil
}

// start opens the folder, starts everything, and serves until ctx ends.
func (e env) start(ctx context.Context, samples bool) (err error) {
	s, err := config.Load(e.getenv, config.Local)
	if err != nil {
		return err
	}
	if s.DataDir == "" {
		s.DataDir = datadir.Default
	}
	dir, err := datadir.Open(s.DataDir)
	if err != nil {
		return err
	}
	b := &box{
		dir: dir, settings: s, now: e.now,
		log: slog.New(slog.NewJSONHandler(e.stderr, &slog.HandlerOptions{Level: s.LogLevel})),
	}
	defer func() {
		if closed := b.close(); err == nil {
			err = closed
		}
	}()
	handler, err := b.prepare(ctx, samples)
	if err == nil {
		err = b.welcome(ctx, e.stdout)
	}
	switch {
	case ctx.Err() != nil:
		return nil // stopped while it started
	case err != nil:
		return err
	}
	following, stop := context.WithCancel(ctx)
	wait := b.follow(following)
	defer func() {
		stop()
		wait()
	}()
	return b.serve(ctx, handler)
}

// prepare does all that comes before the first request.
func (b *box) prepare(ctx context.Context, samples bool) (http.Handler, error) {
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	b.finishPurges(ctx)
	if err := b.missed(ctx); err != nil {
		return nil, err
	}
	if samples {
		if err := b.seedOnce(ctx); err != nil {
			return nil, err
		}
	}
	return b.handler() //nolint:contextcheck // its requests have contexts of their own
}

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
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run serves until ctx ends and returns the process's exit code. Every error
// is one sentence.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("local", flag.ContinueOnError)
	fs.SetOutput(stderr)
	empty := fs.Bool("empty", false, "start without the demo recordings")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	settings, err := config.Load(getenv, config.Local)
	if err == nil {
		err = serve(ctx, settings, !*empty, stdout, slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: settings.LogLevel})))
	}
	if err != nil && !(errors.Is(err, context.Canceled) && ctx.Err() != nil) { // stopped while it started
		fmt.Fprintln(stderr, "local:", err)
		return 1
	}
	return 0
}

// serve opens the folder, starts everything, and serves until ctx ends.
func serve(ctx context.Context, s config.Settings, samples bool, stdout io.Writer, log *slog.Logger) (err error) {
	if s.DataDir == "" {
		s.DataDir = datadir.Default
	}
	dir, err := datadir.Open(s.DataDir)
	if err != nil {
		return err
	}
	b, err := open(ctx, dir, s)
	if err != nil {
		return err
	}
	defer func() { err = first(err, b.close()) }()
	if err := b.prepare(ctx, dir, samples); err != nil {
		return err
	}
	handler, err := b.handler(dir, s, log)
	if err != nil {
		return err
	}
	w := welcome{Dir: dir, url: b.url(), now: time.Now()}
	if err := w.print(stdout); err != nil {
		return err
	}
	return b.serve(ctx, handler)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

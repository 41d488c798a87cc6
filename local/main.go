// Command local runs the whole API in one process; `make run` starts it. The
// handlers and the event formats are the same as in the cloud. SQLite replaces
// DynamoDB, and a built-in S3 server replaces S3. Both keep their data in one
// folder.
//
//	PORT=8000 HOST=127.0.0.1 DATA_DIR=.data local [--empty [--token]]
//	local --health
//
// In releases and in the container image, the program is called recordings-server.
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
	_ "time/tzdata" // for INBOX_TIMEZONE; Windows and the container image have no time zone files

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/version"
)

// program is the name under which releases have this program. Its messages begin with it.
const program = "recordings-server"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the process
	code := run(ctx, env{os.Getenv, time.Now, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// env is the program's view of the outside world; tests replace it.
type env struct {
	getenv         func(string) string
	now            func() time.Time
	stdout, stderr io.Writer
}

// run serves until ctx ends and returns the exit code. It prints an error as one
// line.
func run(ctx context.Context, e env, args []string) int {
	fs := flag.NewFlagSet(program, flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	empty := fs.Bool("empty", false, "start without the demo recordings")
	token := fs.Bool("token", false, "print the demo token even without the demo recordings")
	health := fs.Bool("health", false, "check that the server with the same settings serves, and exit with 0 if it does")
	showVersion := fs.Bool("version", false, "print the version")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	err := e.unexpected(fs.Args())
	switch {
	case err != nil:
	case *showVersion:
		_, err = fmt.Fprintln(e.stdout, program, version.Number)
	case *health:
		err = e.health(ctx)
	default:
		err = e.start(ctx, !*empty, !*empty || *token)
	}
	if err != nil {
		_, _ = fmt.Fprintln(e.stderr, program+":", err)
		return 1
	}
	return 0
}

// unexpected returns an error if there are arguments.
func (e env) unexpected(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q; settings come from the environment: PORT, HOST, DATA_DIR", args[0])
	}
	return nil
}

// start opens the data folder, starts all parts, and serves until ctx ends.
func (e env) start(ctx context.Context, samples, showToken bool) (err error) {
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
	unlock, err := dir.Lock()
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the process ends anyway, and with it the lock
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
		err = b.welcome(ctx, e.stdout, showToken)
	}
	switch {
	case ctx.Err() != nil:
		return nil // stopped during the start
	case err != nil:
		return dir.Explain(err)
	}
	working, stop := context.WithCancel(ctx)
	wait := b.work(working)
	defer func() {
		stop()
		wait()
	}()
	return b.serve(ctx, handler)
}

// prepare does all work that must finish before the first request, and returns the
// API's handler. Work that takes longer the more recordings there are is left to
// catchUp.
func (b *box) prepare(ctx context.Context, samples bool) (http.Handler, error) {
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	b.rememberUnchecked(ctx)
	brief, cancel := context.WithTimeout(ctx, purgesAtStart)
	b.finishPurges(brief)
	cancel()
	if samples {
		if err := b.seedOnce(ctx); err != nil {
			return nil, err
		}
	}
	return b.handler() //nolint:contextcheck // each request has its own context
}

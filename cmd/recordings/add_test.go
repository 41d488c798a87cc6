package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"regexp"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/incoming/upload"
)

// generatedID matches the IDs that recording.NewID makes.
var generatedID = regexp.MustCompile(`\b\d{6}-[0-9a-f]{32}\b`)

func TestParseAcceptsOptionsAnywhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want []string
		flag string
	}{
		{"before", []string{"--x", "1", "a", "b"}, []string{"a", "b"}, "1"},
		{"after", []string{"a", "b", "--x", "1"}, []string{"a", "b"}, "1"},
		{"between", []string{"a", "-x=1", "b"}, []string{"a", "b"}, "1"},
		{"with one hyphen", []string{"a", "-x", "1", "b"}, []string{"a", "b"}, "1"},
		{"no options after --", []string{"a", "--x", "1", "--", "-b", "--x", "2"}, []string{"a", "-b", "--x", "2"}, "1"},
		{"a dash is an argument", []string{"-", "--x", "1"}, []string{"-"}, "1"},
		{"nothing", nil, nil, ""},
	} {
		command := usage{name: "test"}.command()
		x := command.Flags().StringP("x", "x", "", "")
		var got []string
		command.RunE = func(_ *cobra.Command, args []string) error {
			got = args
			return nil
		}
		command.SetArgs(longFlags(command, c.args))
		err := command.Execute()
		if err != nil || !equal(got, c.want) || *x != c.flag {
			t.Errorf("%s: arguments %q, %v with x %q, want %q with %q", c.name, got, err, *x, c.want, c.flag)
		}
	}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// interruptedStorage interrupts the program as soon as audio is uploaded.
type interruptedStorage struct{ interrupt func() }

func (s interruptedStorage) Put(ctx context.Context, _, _ string, _ io.Reader, _ int64) error {
	s.interrupt()
	return ctx.Err()
}

func (interruptedStorage) Remove(context.Context, string) error { return nil }

// An interrupted upload reports that it was stopped, not the error of the store.
func TestAddFileReportsAnInterrupt(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	var out bytes.Buffer
	e := env{getenv: func(string) string { return "" }, now: time.Now, stdout: &out, stderr: &out}
	in := upload.Uploader{Audio: interruptedStorage{stop}, Now: time.Now, Random: rand.Reader}
	if r, err := e.addFile(ctx, in, upload.Request{Account: "acc"}, audio["call.mp3"]); !errors.Is(err, errStopped) {
		t.Errorf("addFile = %v, %v, want %v", r, err, errStopped)
	}
}

// A long upload prints its progress now and then. A short one prints nothing.
func TestProgress(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, c := range []struct {
		name     string
		terminal bool
		step     time.Duration
		want     string
	}{
		{"short", false, time.Millisecond, ""},
		{"short on a terminal", true, time.Millisecond, ""},
		{"long", false, 3 * time.Second, "call.wav: 24 of 80 MB (30 %)\ncall.wav: 40 of 80 MB (50 %)\ncall.wav: 56 of 80 MB (70 %)\ncall.wav: 72 of 80 MB (90 %)\n"},
		{"long on a terminal", true, 400 * time.Millisecond, "\rcall.wav: 32 of 80 MB (40 %)\x1b[K\rcall.wav: 40 of 80 MB (50 %)\x1b[K" +
			"\rcall.wav: 48 of 80 MB (60 %)\x1b[K\rcall.wav: 56 of 80 MB (70 %)\x1b[K\rcall.wav: 64 of 80 MB (80 %)\x1b[K" +
			"\rcall.wav: 72 of 80 MB (90 %)\x1b[K\rcall.wav: 80 of 80 MB (100 %)\x1b[K\r\x1b[K"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
			p := &progress{out: &out, name: "call.wav", total: 80 * mb, terminal: c.terminal, now: func() time.Time { return now }}
			for n := int64(8 * mb); n <= 80*mb; n += 8 * mb {
				p.at(n)
				now = now.Add(c.step)
			}
			p.end()
			if out.String() != c.want {
				t.Errorf("progress = %q, want %q", out.String(), c.want)
			}
		})
	}
}

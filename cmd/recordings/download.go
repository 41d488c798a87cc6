package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
	"github.com/callrecordings/api/shared/recording"
)

var downloadUsage = usage{
	name: "download", summary: "store the audio of recordings in files", args: "ID... | FILTERS | --all [OPTIONS]",
	does: `Stores the audio of recordings in files that are named after their IDs. Existing files are skipped, and
an interrupted download continues where it stopped, so you can run the same command again at any time.`,
	examples: []string{
		"download 202601-1f2e3d4c",
		"download --since 7d --direction inbound --output calls/",
		"download 202601-1f2e3d4c --output - >call.mp3",
	},
}

// toStdout is the --output that stands for standard output.
const toStdout = "-"

// downloadCommand makes the command that stores audio in files.
func (e env) downloadCommand() *cobra.Command {
	d := downloader{env: e, sleep: client.Sleep}
	var all bool
	c := downloadUsage.command()
	t := e.apiFlags(c.Flags())
	s := e.selectionFlags(c)
	c.Flags().BoolVar(&all, "all", false, "download all recordings of the account")
	c.Flags().StringVarP(&d.folder, "output", "o", ".", "`FOLDER` for the files, which is made if necessary; - for standard output")
	jsonFlag(c.Flags(), &d.asJSON)
	c.RunE = func(c *cobra.Command, ids []string) error {
		query, err := s.choose(ids, all)
		if err != nil {
			return err
		}
		if d.folder == toStdout && len(ids) != 1 {
			return usageError{errors.New("--output - takes one ID")}
		}
		if d.api, err = t.open(); err != nil {
			return err
		}
		defer d.api.Close()
		documents, err := e.documents(c.Context(), d.api, ids, query)
		if err != nil {
			return err
		}
		if d.folder == toStdout {
			return d.copyTo(c.Context(), e.stdout, documents[0].ID)
		}
		if err := os.MkdirAll(d.folder, 0o750); err != nil {
			return err
		}
		return d.run(c.Context(), documents, len(ids) > 0)
	}
	return c
}

// downloader stores audio in the files of a folder.
type downloader struct {
	env
	api    *client.Client
	folder string
	asJSON bool
	// sleep waits before a download continues.
	sleep func(context.Context, time.Duration) error
}

// downloaded is the result for one recording, as --json prints it.
type downloaded struct {
	ID      string `json:"id"`
	File    string `json:"file,omitempty"`
	Outcome string `json:"outcome"`
	Bytes   int64  `json:"bytes,omitempty"`
	Error   string `json:"error,omitempty"`
}

// The outcomes of a download.
const (
	isDownloaded = "downloaded"
	isThere      = "already_there"
	isSilent     = "without_audio"
	isFailed     = "failed"
)

// run stores the audio of all documents. wanted is true if each was asked for by its
// ID: then audio that does not exist is a failure.
func (d *downloader) run(ctx context.Context, all []client.Document, wanted bool) error {
	count, bytes := map[string]int64{}, int64(0)
	for i, document := range all {
		if ctx.Err() != nil {
			break
		}
		name := document.ID
		if len(all) > 1 {
			name = fmt.Sprintf("%d of %d, %s", i+1, len(all), name)
		}
		r := d.one(ctx, document, name)
		if wanted && r.Outcome == isSilent {
			r.Outcome = isFailed
		}
		count[r.Outcome]++
		bytes += r.Bytes
		d.report(r)
	}
	if len(all) > 1 && !d.asJSON {
		printf(d.stdout, "%s", table(
			row{"downloaded", count[isDownloaded], size(bytes), true},
			row{"already there", count[isThere], "", true},
			row{"without audio", count[isSilent], "", false},
			row{"failed", count[isFailed], retry, false},
		))
	}
	switch {
	case ctx.Err() != nil:
		return errors.New(stopped)
	case count[isFailed] > 0:
		return errReported
	case len(all) == 0:
		return errors.New("no recordings match")
	}
	return nil
}

// report prints the result for one recording.
func (d *downloader) report(r downloaded) {
	switch {
	case d.asJSON:
		_ = printJSON(d.stdout, r) // if standard output is closed, nothing can be reported
	case r.Outcome == isDownloaded:
		printf(d.stdout, "%s  %s\n", r.File, size(r.Bytes))
	case r.Outcome == isThere:
		printf(d.stdout, "%s  already there\n", r.File)
	case r.Error != "":
		printf(d.stderr, "recordings download: %s: %s\n", r.ID, r.Error)
	}
}

// one stores the audio of one recording. name is its name in the progress line.
func (d *downloader) one(ctx context.Context, document client.Document, name string) downloaded {
	r := downloaded{ID: document.ID, Outcome: isFailed}
	if !document.HasAudio() {
		r.Outcome, r.Error = isSilent, "it has no audio: its state is "+clean(state(document))
		return r
	}
	file, err := fileName(document)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	file = filepath.Join(d.folder, file)
	if _, err := os.Lstat(file); err == nil {
		r.Outcome, r.File = isThere, file
		return r
	}
	p := &progress{out: d.stderr, name: name, now: d.now, terminal: isTerminal(d.stderr), quiet: d.asJSON}
	n, err := d.store(ctx, document.ID, file, p)
	p.end()
	if err != nil {
		r.Error = err.Error()
		return r
	}
	r.Outcome, r.File, r.Bytes = isDownloaded, file, n
	return r
}

// fileName returns the name of the file for a recording's audio. The ID comes from a
// server: it must not lead out of the folder.
func fileName(d client.Document) (string, error) {
	id, err := recording.ParseID(d.ID)
	if err != nil {
		return "", err
	}
	extension := "audio"
	for _, mediaType := range d.Added.ContentTypes {
		if x := recording.AudioExtension(mediaType); x != "" {
			extension = x
			break
		}
	}
	return id + "." + extension, nil
}

// The names of a file while it is incomplete, and of the file with the ETag of the
// audio that it holds the beginning of.
const (
	partSuffix = ".part"
	etagSuffix = ".part.etag"
)

// maxBreaks is how often a download may break off without any new bytes.
const maxBreaks = 3

// store stores audio in a file. If the connection breaks, it goes on where it stopped.
// It returns the size of the audio.
func (d *downloader) store(ctx context.Context, id, name string, p *progress) (int64, error) {
	part, err := os.OpenFile(name+partSuffix, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return 0, err
	}
	size, err := d.fill(ctx, id, name, part, p)
	if err := errors.Join(err, part.Close()); err != nil {
		if info, e := os.Stat(name + partSuffix); e == nil && info.Size() == 0 {
			_ = os.Remove(name + partSuffix)
		}
		return 0, err
	}
	if err := os.Rename(name+partSuffix, name); err != nil {
		return 0, err
	}
	_ = os.Remove(name + etagSuffix) // a left-over is ignored
	return size, nil
}

// fill completes the part of a file.
func (d *downloader) fill(ctx context.Context, id, name string, part *os.File, p *progress) (int64, error) {
	for breaks := 0; ; {
		info, err := part.Stat()
		if err != nil {
			return 0, err
		}
		etag, err := os.ReadFile(name + etagSuffix)
		if err != nil || info.Size() == 0 {
			etag = nil
		}
		total, err := d.fetch(ctx, client.AudioRequest{ID: id, From: fromOf(etag, info.Size()), ETag: string(etag)}, name, part, p)
		if err == nil || ctx.Err() != nil || !broken(err) {
			return total, err
		}
		after, e := part.Stat()
		if e != nil {
			return 0, e
		}
		if breaks++; after.Size() > info.Size() {
			breaks = 0
		}
		if breaks > maxBreaks {
			return 0, err
		}
		if err := d.sleep(ctx, time.Second<<breaks); err != nil {
			return 0, errors.New(stopped)
		}
	}
}

// fromOf returns the position where a download continues: after the existing bytes, if the ETag of
// their audio is known.
func fromOf(etag []byte, size int64) int64 {
	if len(etag) == 0 {
		return 0
	}
	return size
}

// errBroken means that audio ended too early.
var errBroken = errors.New("the connection broke off")

// broken reports whether a later request may get the rest.
func broken(err error) bool {
	return errors.Is(err, errBroken) || errors.Is(err, client.ErrStalled) || client.OutOfRange(err)
}

// fetch appends audio to part. If it is other audio than the one that part begins
// with, it replaces that. It returns the size of the whole audio.
func (d *downloader) fetch(ctx context.Context, r client.AudioRequest, name string, part *os.File, p *progress) (int64, error) {
	a, err := d.api.Audio(ctx, r)
	if client.OutOfRange(err) { // part is complete, or longer than the audio
		return 0, errors.Join(err, part.Truncate(0))
	}
	if err != nil {
		return 0, err
	}
	defer a.Body.Close() //nolint:errcheck // it is only read
	if a.From != 0 && a.From != r.From {
		return 0, fmt.Errorf("the server sends the audio from byte %d instead of %d", a.From, r.From)
	}
	if err := part.Truncate(a.From); err != nil {
		return 0, err
	}
	if _, err := part.Seek(a.From, io.SeekStart); err != nil {
		return 0, err
	}
	if a.From == 0 {
		if err := os.WriteFile(name+etagSuffix, []byte(a.ETag), 0o600); err != nil {
			return 0, err
		}
	}
	p.total = a.Total
	n, err := io.Copy(part, &counted{Reader: a.Body, n: a.From, at: p.at})
	end := a.From + n
	switch {
	case errors.Is(err, client.ErrStalled):
		return end, err
	case err != nil && ctx.Err() != nil:
		return end, errors.New(stopped)
	case errors.As(err, new(*os.PathError)): // of the file
		return end, err
	case err != nil:
		return end, fmt.Errorf("%w after %s: %w", errBroken, size(end), err)
	case a.Total >= 0 && end != a.Total:
		return end, fmt.Errorf("%w after %s of %s", errBroken, size(end), size(a.Total))
	}
	return end, part.Sync()
}

// copyTo writes the audio of a recording to w.
func (d *downloader) copyTo(ctx context.Context, w io.Writer, id string) error {
	a, err := d.api.Audio(ctx, client.AudioRequest{ID: id})
	if err != nil {
		return err
	}
	defer a.Body.Close() //nolint:errcheck // it is only read
	n, err := io.Copy(w, a.Body)
	if err == nil && a.Total >= 0 && n != a.Total {
		err = fmt.Errorf("%w after %s of %s", errBroken, size(n), size(a.Total))
	}
	return err
}

// counted calls at with the number of bytes that were read.
type counted struct {
	io.Reader
	n  int64
	at func(n int64)
}

// Read reads.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.at(c.n)
	return n, err
}

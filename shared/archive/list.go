package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/callrecordings/api/shared/job"
)

// Files stores the list of a job.
type Files interface {
	// Put is the method of media.Writer.
	Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error
}

// List describes the list of a job.
type List struct {
	// Key is its key in the bucket.
	Key string
	// SHA256 is its checksum in hexadecimal digits, Bytes its size, and Lines the number of
	// lines.
	SHA256 string
	Bytes  int64
	Lines  int
	// Holds are the holds that kept recordings, with the number of recordings. A recording
	// counts for the first job.MaxHolds of its holds.
	Holds map[string]int
}

// ListSuffix is the suffix of the key of a list.
const ListSuffix = ".jsonl"

// ListKey returns the key of the list of a job.
func ListKey(j *job.Job) string { return Key(j, ListSuffix) }

// StoreList stores the list of a job in the bucket: a line of JSON for each item of its report.
// The list is made twice: first to know its size, then to store it. StoreList can be repeated.
// Errors: store.ErrUnavailable, media.ErrUnavailable.
func StoreList(ctx context.Context, t *job.Task, files Files) (List, error) {
	sum := sha256.New()
	first := &lister{ctx: ctx, reports: t.Reports(), holds: map[string]int{}}
	n, err := io.Copy(sum, first)
	if err != nil {
		return List{}, err
	}
	key := ListKey(t.Job)
	again := &lister{ctx: ctx, reports: t.Reports(), holds: map[string]int{}}
	if err := files.Put(ctx, key, "application/jsonl", again, n); err != nil {
		return List{}, fmt.Errorf("store the list: %w", err)
	}
	return List{Key: key, SHA256: hex.EncodeToString(sum.Sum(nil)), Bytes: n, Lines: first.lines, Holds: first.holds}, nil
}

// listLine is a line of a list.
type listLine struct {
	ID string `json:"id"`
	// Created is in RFC 3339.
	Created string      `json:"created"`
	Bytes   int64       `json:"bytes"`
	Outcome job.Outcome `json:"outcome"`
	Cause   string      `json:"cause,omitempty"`
	Holds   []string    `json:"holds,omitempty"`
}

// lister reads as the list of a job, chunk by chunk.
type lister struct {
	ctx     context.Context //nolint:containedctx // a reader has no other way to get it
	reports *job.Reports
	rest    []byte
	// lines and holds are those of the chunks so far.
	lines int
	holds map[string]int
}

// Read implements io.Reader.
func (l *lister) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		c, ok, err := l.reports.Next(l.ctx)
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, io.EOF
		}
		if err := l.add(c.Items); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// add adds the lines of a chunk.
func (l *lister) add(items []job.Item) error {
	l.rest = l.rest[:0]
	for _, item := range items {
		one, err := json.Marshal(listLine{item.ID, item.Created.RFC3339(), item.Bytes, item.Outcome, item.Cause, item.Holds})
		if err != nil {
			return fmt.Errorf("encode the list: %w", err)
		}
		l.rest = append(append(l.rest, one...), '\n')
		l.lines++
		for _, h := range item.Holds {
			l.holds[h]++
		}
	}
	return nil
}

package person

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
)

// Files stores the list of an action.
type Files interface {
	// Put is the method of media.Writer.
	Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error
}

// Result is the result of a job. The keys are those of objects in the bucket, which expire
// archive.FileAge after the end of the job.
type Result struct {
	// Certificate is the signed certificate.
	Certificate Signed `json:"certificate"`
	// List is the key of the list of all recordings.
	List string `json:"list"`
	// Zip is the key of the file of an export, and ZipBytes its size.
	Zip      string `json:"zip,omitempty"`
	ZipBytes int64  `json:"zip_bytes,omitempty"`
}

// line is a line of the list.
type line struct {
	ID      string      `json:"id"`
	Created string      `json:"created"`
	Bytes   int64       `json:"bytes"`
	Outcome job.Outcome `json:"outcome"`
	Cause   string      `json:"cause,omitempty"`
	Holds   []string    `json:"holds,omitempty"`
}

// remains lists the data that stays after each kind of job.
var remains = map[Kind][]string{
	erasure: {
		"tombstones: the IDs, the account and the times of creation and deletion of the erased recordings, for 400 days, so that their IDs are not used again",
		"index of searches, if it is switched on: the IDs, the account, the seconds and the bytes of the erased recordings, for 400 days, so that no bill counts them twice",
		"audit trail, if it is switched on: who listened to and changed the recordings, by their IDs, for as long as the operator keeps it",
		"links to the recordings: their IDs and who made them, until they expire, at most 31 days; they play nothing",
		"events that were sent before, which hold IDs only",
		"backups of the table (point-in-time recovery: up to 35 days), if the operator has switched them on",
		"this job with its subject, for 30 days, and its list of IDs, for 7 days",
		"copies that were exported, downloaded or forwarded before, and audio kept outside of this service",
	},
	copied: {"the copy in the bucket, for 7 days", "this job with its subject, for 30 days"},
}

// finish stores the list and sets the result with the certificate. It can be repeated.
func finish(ctx context.Context, t *job.Task, p *place, files Files, signer *Signer, kind Kind, complete bool) error {
	j := t.Job
	var subject Subject
	if err := json.Unmarshal(j.Params, &subject); err != nil {
		return fmt.Errorf("decode the subject: %w", err)
	}
	// The list is made twice: first to know its size and checksum, then to store it.
	summed := lister{ctx: ctx, t: t, sum: sha256.New(), holds: map[string]int{}}
	n, err := io.Copy(summed.sum, &summed)
	if err != nil {
		return err
	}
	key := archive.Key(j, ".jsonl")
	if err := files.Put(ctx, key, "application/jsonl", &lister{ctx: ctx, t: t, holds: map[string]int{}}, n); err != nil {
		return fmt.Errorf("store the list: %w", err)
	}
	later := p.LaterIDs
	if later == nil {
		later = []string{}
	}
	signed, err := signer.Sign(Certificate{
		Version: 1, Kind: kind, Account: j.Account, Job: j.ID, Subject: subject, Complete: complete,
		Planned: text(j.Created), Confirmed: text(j.Confirmed), Finished: text(t.Now()),
		Found: j.Plan.Totals, Done: j.Progress.Done, Held: j.Progress.Held, Skipped: j.Progress.Skipped, Failed: j.Progress.Failed,
		Holds: summed.holds, Later: p.Later, LaterIDs: later, Remains: remains[kind],
		List: List{SHA256: hex.EncodeToString(summed.sum.Sum(nil)), Bytes: n, Lines: summed.lines},
	})
	if err != nil {
		return err
	}
	result := Result{Certificate: signed, List: key}
	if p.Zip != nil && complete {
		result.Zip, result.ZipBytes = archive.Key(j, ".zip"), p.Zip.Offset
	}
	if j.Result, err = json.Marshal(result); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return nil
}

// text returns a time in RFC 3339.
func text(at recording.Seconds) string { return at.Time().UTC().Format(time.RFC3339) }

// lister reads as the list of a job, chunk by chunk.
type lister struct {
	ctx   context.Context //nolint:containedctx // a reader has no other way to get it
	t     *job.Task
	sum   hash.Hash
	chunk int
	rest  []byte
	lines int
	holds map[string]int
}

// Read implements io.Reader.
func (l *lister) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		if l.chunk >= l.t.Job.Reports {
			return 0, io.EOF
		}
		items, _, err := l.t.Report(l.ctx, l.chunk)
		if err != nil {
			return 0, err
		}
		l.chunk++
		l.rest = l.rest[:0]
		for _, item := range items {
			one, err := json.Marshal(line{item.ID, text(item.Created), item.Bytes, item.Outcome, item.Cause, item.Holds})
			if err != nil {
				return 0, fmt.Errorf("encode the list: %w", err)
			}
			l.rest = append(append(l.rest, one...), '\n')
			l.lines++
			for _, h := range item.Holds {
				l.holds[h]++
			}
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

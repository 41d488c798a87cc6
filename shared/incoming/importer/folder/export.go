package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Export writes the recordings of an account into a folder. A killed export can be
// run again: files that are up to date are not rewritten.
type Export struct {
	// Store holds the recordings, Audio their audio.
	Store store.Reader
	Audio media.Reader
	// Root is the folder. It is created if necessary.
	Root string
	// Account is the account to export. Owner, unless "", limits the export to
	// the recordings of that user.
	Account, Owner string
	// From and To limit the export by the time of creation, both inclusive; 0
	// leaves that end open.
	From, To recording.Seconds
	// Concurrency is the number of recordings that are written at the same time;
	// 0 stands for 4.
	Concurrency int
	// Wait waits before a retry; nil uses the real clock.
	Wait func(ctx context.Context, d time.Duration) error
	// Report, if not nil, is called for each recording, one at a time.
	Report func(Exported)
}

// Outcome is the result of exporting a recording.
type Outcome string

const (
	// Written means that the document was written, and the audio unless it was
	// exported before.
	Written Outcome = "written"
	// Unchanged means that the files were up to date.
	Unchanged Outcome = "already_there"
	// Gone means that the recording was deleted while the export ran.
	Gone Outcome = "deleted_meanwhile"
	// Failed means that the recording could not be read or written this time. A
	// later export may succeed.
	Failed Outcome = "failed"
)

// Exported is the result of one recording.
type Exported struct {
	// Outcome of the recording.
	Outcome Outcome `json:"outcome"`
	// ID of the recording.
	ID string `json:"id"`
	// Missing means that the audio is missing from the bucket. The document was
	// written without audio, or with the audio of an earlier export.
	Missing bool `json:"audio_missing,omitempty"`
	// Bytes is the size of the audio that was written.
	Bytes int64 `json:"bytes,omitempty"`
	// Reason explains a failure.
	Reason string `json:"reason,omitempty"`
}

// Summary counts recordings.
type Summary struct {
	// Written, Unchanged, Gone and Failed count outcomes.
	Written, Unchanged, Gone, Failed int64
	// WithoutAudio is the number of Written and Unchanged recordings without
	// their audio in the bucket.
	WithoutAudio int64
	// Bytes is the size of the audio that was written.
	Bytes int64
}

const (
	defaultConcurrency = 4
	// pageRows and pageBytes limit a page of the list, and pageTime the time to
	// read it.
	pageRows  = 500
	pageBytes = 8 << 20
	pageTime  = time.Minute
	// tries is the number of attempts to call the store or the bucket. The waits
	// between attempts start at firstWait and double; they add up to about 8 s.
	tries     = 5
	firstWait = 500 * time.Millisecond
	// failureLimit is the number of consecutive recordings that may fail, because
	// the store or the bucket does not answer, before the export gives up.
	failureLimit = 50
)

// errGivenUp ends an export because the store or the bucket does not answer.
var errGivenUp = fmt.Errorf("gave up: the store or the bucket did not answer for %d recordings in a row", failureLimit)

// exporting is an export in progress.
type exporting struct {
	Export
	end context.CancelCauseFunc
	// locks serialize recordings that may have the same file name; see stripe.
	locks [256]sync.Mutex

	mu       sync.Mutex
	summary  Summary
	failures int
}

// Run writes the recordings, and continues after one fails. It returns an error if
// the export ended early: the cause of the context's end, a list that cannot be
// read, a folder that cannot be written, or errGivenUp.
func (e Export) Run(ctx context.Context) (Summary, error) {
	if err := os.MkdirAll(e.Root, dirMode); err != nil {
		return Summary{}, fmt.Errorf("create the folder %s: %w", e.Root, cause(err))
	}
	if e.Wait == nil {
		e.Wait = attempt.Sleep
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	x := &exporting{Export: e, end: end}
	tasks := make(chan *recording.Recording)
	var working sync.WaitGroup
	for range cmp.Or(max(e.Concurrency, 0), defaultConcurrency) {
		working.Go(func() {
			for r := range tasks {
				x.do(ctx, r)
			}
		})
	}
	err := x.list(ctx, tasks)
	close(tasks)
	working.Wait()
	return x.summary, cmp.Or(context.Cause(ctx), err)
}

// list passes the recordings to the workers, the oldest first.
func (x *exporting) list(ctx context.Context, tasks chan<- *recording.Recording) error {
	q := store.Query{
		Account: x.Account, Owner: x.Owner, Ascending: true, From: x.From, To: x.To, Limit: pageRows, MaxBytes: pageBytes,
	}
	for {
		var page store.Page
		err := x.retry(ctx, func() (err error) {
			ctx, cancel := context.WithTimeout(ctx, pageTime)
			defer cancel()
			page, err = x.Store.Page(ctx, q)
			return err
		})
		if err != nil {
			return fmt.Errorf("list the recordings: %w", err)
		}
		for i := range page.Recordings {
			select {
			case tasks <- &page.Recordings[i]:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if page.Next == nil {
			return nil
		}
		q.Start = *page.Next
	}
}

// do writes one recording and counts the result. It counts nothing if the recording
// was interrupted by the end of the export.
func (x *exporting) do(ctx context.Context, r *recording.Recording) {
	lock := &x.locks[stripe(r.ID)]
	lock.Lock()
	defer lock.Unlock()
	if ctx.Err() != nil {
		return
	}
	done, err := x.write(ctx, r)
	switch {
	case err == nil:
	case importer.NoRoom(err):
		x.end(fmt.Errorf("write into the folder %s: %w", x.Root, cause(err)))
		return
	case ctx.Err() != nil:
		return
	default:
		done = Exported{Outcome: Failed, Reason: err.Error()}
	}
	done.ID = r.ID
	x.count(done, unavailable(err))
}

// stripe returns the same number for IDs that a file system may treat as the same
// name.
func stripe(id string) uint8 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(id))) // never fails
	return uint8(h.Sum32())
}

// count counts the result of a recording. noAnswer means that the recording failed
// because the store or the bucket did not answer.
func (x *exporting) count(done Exported, noAnswer bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &x.summary
	*map[Outcome]*int64{Written: &s.Written, Unchanged: &s.Unchanged, Gone: &s.Gone, Failed: &s.Failed}[done.Outcome]++
	s.Bytes += done.Bytes
	if done.Missing {
		s.WithoutAudio++
	}
	if x.Report != nil {
		x.Report(done)
	}
	x.failures++
	if !noAnswer {
		x.failures = 0
	}
	if x.failures == failureLimit {
		x.end(errGivenUp)
	}
}

// retry calls do, with a backoff, until the store or the bucket answers.
func (x *exporting) retry(ctx context.Context, do func() error) (err error) {
	for n := range tries {
		if err = do(); !unavailable(err) || n+1 == tries {
			break
		}
		if stopped := x.Wait(ctx, firstWait<<n); stopped != nil {
			return stopped
		}
	}
	return err
}

// unavailable reports whether a retry may succeed.
func unavailable(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, media.ErrUnavailable)
}

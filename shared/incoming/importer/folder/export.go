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

	"callrecordings/shared/attempt"
	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Export writes the recordings of an account into a folder. It may be killed
// and repeated: what is there already, and the same, is left as it is.
type Export struct {
	// Store and Audio are where the recordings are.
	Store store.Reader
	Audio media.Reader
	// Root is the folder; it is made if it is not there.
	Root string
	// Account whose recordings are written; Owner, unless "", limits them to
	// that user's.
	Account, Owner string
	// From and To bound when they were created, both inclusive; 0 leaves that end
	// open.
	From, To recording.Seconds
	// Concurrency is how many are written at once; 0 is 4.
	Concurrency int
	// Wait waits between two tries; nil waits by the clock.
	Wait func(ctx context.Context, d time.Duration) error
	// Tell, if not nil, is told of each recording, one after another.
	Tell func(Exported)
}

// Outcome says what became of a recording.
type Outcome string

const (
	// Written means: its document was written, and its audio unless that was there.
	Written Outcome = "written"
	// Unchanged means: it was there already.
	Unchanged Outcome = "already_there"
	// Gone means: it was deleted while the export ran.
	Gone Outcome = "deleted_meanwhile"
	// Failed means: it could not be read or written, and may be the next time.
	Failed Outcome = "failed"
)

// Exported is what became of one recording.
type Exported struct {
	// Outcome of it.
	Outcome Outcome `json:"outcome"`
	// ID of the recording.
	ID string `json:"id"`
	// Missing says that the bucket does not have its audio. Its document was
	// written without, or with the audio of an earlier export.
	Missing bool `json:"audio_missing,omitempty"`
	// Bytes of audio that were written.
	Bytes int64 `json:"bytes,omitempty"`
	// Reason why it failed.
	Reason string `json:"reason,omitempty"`
}

// Summary counts recordings.
type Summary struct {
	// Written, Unchanged, Gone and Failed are outcomes.
	Written, Unchanged, Gone, Failed int64
	// WithoutAudio are those among Written and Unchanged whose audio the bucket
	// does not have.
	WithoutAudio int64
	// Bytes of audio that were written.
	Bytes int64
}

const (
	defaultConcurrency = 4
	// pageRows and pageBytes bound what is listed at once, pageTime how long that
	// may take.
	pageRows  = 500
	pageBytes = 8 << 20
	pageTime  = time.Minute
	// tries of what store or bucket did not do, with waits between them of
	// firstWait, doubled each time: some 8 s.
	tries     = 5
	firstWait = 500 * time.Millisecond
	// inARow is how many may fail one after another because nobody answers, before
	// the export gives up.
	inARow = 50
)

// errGivenUp ends an export.
var errGivenUp = fmt.Errorf("gave up: nobody answered for %d recordings in a row", inARow)

// exporting is one export under way.
type exporting struct {
	Export
	end context.CancelCauseFunc
	// busy keeps apart recordings whose ids may be the same name of a file.
	busy [256]sync.Mutex

	mu      sync.Mutex
	summary Summary
	trouble int
}

// Run writes what there is, and goes on after a recording that fails. An error
// means that it did not come to the end: the context's cause, a list that could
// not be read, a folder that takes nothing more, or nobody who answers.
func (e Export) Run(ctx context.Context) (Summary, error) {
	if err := os.MkdirAll(e.Root, dirMode); err != nil {
		return Summary{}, fmt.Errorf("make the folder %s: %w", e.Root, cause(err))
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

// list hands out the recordings, the oldest first.
func (x *exporting) list(ctx context.Context, tasks chan<- *recording.Recording) error {
	q := store.Query{
		Account: x.Account, Owner: x.Owner, Ascending: true, From: x.From, To: x.To, Limit: pageRows, MaxBytes: pageBytes,
	}
	for {
		var page store.Page
		err := x.again(ctx, func() (err error) {
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

// do writes one recording and counts what became of it. What the end of the
// export broke off is not counted.
func (x *exporting) do(ctx context.Context, r *recording.Recording) {
	lock := &x.busy[stripe(r.ID)]
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

// stripe is the same for ids that a file system may take for the same.
func stripe(id string) uint8 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(id))) // it never fails
	return uint8(h.Sum32())
}

// count counts what became of a recording.
func (x *exporting) count(done Exported, silence bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &x.summary
	*map[Outcome]*int64{Written: &s.Written, Unchanged: &s.Unchanged, Gone: &s.Gone, Failed: &s.Failed}[done.Outcome]++
	s.Bytes += done.Bytes
	if done.Missing {
		s.WithoutAudio++
	}
	if x.Tell != nil {
		x.Tell(done)
	}
	x.trouble++
	if !silence {
		x.trouble = 0
	}
	if x.trouble == inARow {
		x.end(errGivenUp)
	}
}

// again asks until there is an answer, and backs off meanwhile.
func (x *exporting) again(ctx context.Context, do func() error) (err error) {
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

// unavailable reports whether an answer may come later.
func unavailable(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, media.ErrUnavailable)
}

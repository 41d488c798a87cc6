package importer

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
)

// Outcome is the result of importing an item.
type Outcome string

const (
	// Copied means that the recording, or its missing audio, was copied.
	Copied Outcome = "copied"
	// Known means that the recording already exists in the target.
	Known Outcome = "already_there"
	// Updated means that the recording already existed in the target, and that
	// different fields were corrected or an unsafe url was removed.
	Updated Outcome = "updated"
	// Deleted means that the recording was deleted in the target and stays
	// deleted.
	Deleted Outcome = "deleted_here"
	// Refused means that the item, or its audio, can never be copied unless it
	// changes.
	Refused Outcome = "refused"
	// Failed means that the item could not be copied this time. A later run may
	// succeed.
	Failed Outcome = "failed"
)

// Lack explains why a copied recording has no audio in the target. A Lack does not
// count as a fault.
type Lack string

const (
	// Silent means that the source has no audio for the recording either.
	Silent Lack = "without_audio"
	// Elsewhere means that the audio is external, at the document's url.
	Elsewhere Lack = "external"
	// Lost means that the source has lost the audio for good; see Options.Lost.
	Lost Lack = "lost"
)

// Result is the outcome of one item.
type Result struct {
	// Outcome of the item; "" if the item was interrupted by the end of the run.
	Outcome Outcome `json:"outcome"`
	// Account and ID of the recording. Name is the source's name for it, if it
	// differs from the ID. A file name may contain callers' numbers: show it to
	// the operator, but never log it.
	Account string `json:"account_id,omitempty"`
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	// Lack is set if the recording has no audio.
	Lack Lack `json:"audio,omitempty"`
	// Reason explains why the item or its audio was not copied, or describes an
	// assumption about a copied item.
	Reason string `json:"reason,omitempty"`

	bytes int64 // of copied audio
	cause error
}

// reportable reports whether the item gets a line in the report.
func (r Result) reportable() bool {
	switch r.Outcome {
	case Known:
		return false
	case Updated:
		return r.Reason != ""
	case Copied:
		return r.Lack != "" || r.Reason != ""
	}
	return true
}

// Count is the progress of a run. Its members are also those of the progress
// lines that recordings import prints with --json.
type Count struct {
	// Found is the number of items that the source has listed so far, and Twice
	// the number of repeated rows. All is true once the list has ended.
	Found, Twice int64
	All          bool
	// Copied, Known, Updated, Deleted, Refused and Failed count outcomes. The rest of
	// Found is still to be tried.
	Copied, Known, Updated, Deleted, Refused, Failed int64
	// Lists is the number of parts of the source's list that could not be read.
	Lists int64
	// Silent, External and Lost count the Copied and Known recordings without audio in
	// the target.
	Silent, External, Lost int64
	// Bytes is the size of the copied audio.
	Bytes int64
	// Waits is how often the target was unavailable or throttled.
	Waits int64
	// First and Last are the earliest and the latest time of a processed
	// recording; 0 before the first one.
	First, Last recording.Seconds
	// ToCopy estimates what a dry run would copy; see [DryRun].
	ToCopy Estimate
}

// Done returns the number of processed items.
func (c Count) Done() int64 { return c.Copied + c.Known + c.Updated + c.Deleted + c.Refused + c.Failed }

// Complete reports whether the list ended, every item was processed, and no item
// failed that a later run could copy.
func (c Count) Complete() bool { return c.Failed == 0 && c.Lists == 0 && c.All && c.Done() == c.Found }

// Estimate is an estimate of the audio to copy.
type Estimate struct {
	// Recordings is the number of recordings with audio. Bytes is the total of the
	// known sizes, and Unsized the number of recordings of unknown size.
	Recordings     int64 `json:"Sounds"`
	Bytes, Unsized int64
	// Duration is the total duration of the unsized recordings, according to their
	// documents. SampleBytes and SampleDuration are the total size and the total
	// duration of the recordings that were sampled.
	Duration             time.Duration `json:"Lasting"`
	SampleDuration       time.Duration `json:"SampleLasting"`
	SampleBytes, Samples int64
}

// Total returns the estimated bytes of all audio.
func (e Estimate) Total() int64 {
	total := e.Bytes
	switch {
	case e.SampleDuration > 0:
		total += int64(float64(e.SampleBytes) * float64(e.Duration) / float64(e.SampleDuration))
	case e.Samples > 0:
		total += e.SampleBytes / e.Samples * e.Unsized
	}
	return total
}

// Tally keeps the counts of a run. It is safe for concurrent use.
type Tally struct {
	mu sync.Mutex
	c  Count
}

// Count returns the progress so far.
func (t *Tally) Count() Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.c
}

func (t *Tally) update(do func(*Count)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do(&t.c)
}

func (t *Tally) listed()           { t.update(func(c *Count) { c.All = true }) }
func (t *Tally) missed()           { t.update(func(c *Count) { c.Lists++ }) }
func (t *Tally) waited()           { t.update(func(c *Count) { c.Waits++ }) }
func (t *Tally) found(page []Item) { t.update(func(c *Count) { c.Found += int64(len(page)) }) }

// Duplicate counts a row that the source already listed.
func (t *Tally) Duplicate() { t.update(func(c *Count) { c.Twice++ }) }

// Exported counts a recording of an export and the bytes of its audio that were
// written. outcome is Copied, Known, Deleted or Failed.
func (t *Tally) Exported(outcome Outcome, bytes int64) {
	t.update(func(c *Count) {
		c.Found++
		*c.of(outcome)++
		c.Bytes += bytes
	})
}

// of returns the counter of an outcome.
func (c *Count) of(o Outcome) *int64 {
	return map[Outcome]*int64{
		Copied: &c.Copied, Known: &c.Known, Updated: &c.Updated, Deleted: &c.Deleted, Refused: &c.Refused, Failed: &c.Failed,
	}[o]
}

func (t *Tally) count(it *Item, r Result) {
	t.update(func(c *Count) {
		*c.of(r.Outcome)++
		switch r.Lack {
		case Silent:
			c.Silent++
		case Elsewhere:
			c.External++
		case Lost:
			c.Lost++
		}
		c.Bytes += r.bytes
		if at := cmp.Or(it.Created, incoming.Ended(it.Document, 0)); at > 0 {
			if c.First == 0 || at < c.First {
				c.First = at
			}
			c.Last = max(c.Last, at)
		}
	})
}

// counter counts consecutive failures.
type counter struct{ n atomic.Int64 }

func (c *counter) add() int64 { return c.n.Add(1) }
func (c *counter) reset()     { c.n.Store(0) }

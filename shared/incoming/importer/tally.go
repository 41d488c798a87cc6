package importer

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"callrecordings/shared/incoming"
	"callrecordings/shared/recording"
)

// Outcome says what became of an item.
type Outcome string

const (
	// Copied means: it was not there, or not its audio, and is now.
	Copied Outcome = "copied"
	// Known means: it was there already.
	Known Outcome = "already_there"
	// Deleted means: it was deleted here, and stays so.
	Deleted Outcome = "deleted_here"
	// Refused means: it cannot be taken, or its audio cannot, however often it is
	// tried.
	Refused Outcome = "refused"
	// Failed means: it could not be had, and may be the next time.
	Failed Outcome = "failed"
)

// Lack says why a recording has no audio here, which is no fault.
type Lack string

const (
	// Silent means: the source has no audio of it either.
	Silent Lack = "without_audio"
	// Elsewhere means: its url says where somebody else keeps the audio.
	Elsewhere Lack = "external"
)

// Result is what became of one item.
type Result struct {
	// Outcome of it; "" where the end of the run broke it off.
	Outcome Outcome `json:"outcome"`
	// Account and ID of the recording, and the source's Name for it where that is
	// another. The name of a file may have numbers of callers in it: it is for the
	// operator's eyes, and for no log.
	Account string `json:"account_id,omitempty"`
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	// Lack is set where it has no audio.
	Lack Lack `json:"audio,omitempty"`
	// Reason of what was not copied.
	Reason string `json:"reason,omitempty"`

	bytes int64 // of audio that was copied
	cause error
}

// worthNaming reports whether a report has a line for it.
func (r Result) worthNaming() bool {
	return r.Outcome != Known && (r.Outcome != Copied || r.Lack != "")
}

// Count is how far a run has come.
type Count struct {
	// Found is what the source has listed so far, Twice what of that came again;
	// All reports that the list has ended.
	Found, Twice int64
	All          bool
	// Copied, Known, Deleted, Refused and Failed are outcomes. The rest of Found has
	// not been tried.
	Copied, Known, Deleted, Refused, Failed int64
	// Lists is how many parts of the source's list could not be read.
	Lists int64
	// Silent and External are those among Copied and Known without audio here.
	Silent, External int64
	// Bytes of audio that was copied.
	Bytes int64
	// Waits is how often the target was not there, or throttled.
	Waits int64
	// First and Last are the least and the greatest time of a recording that was
	// done, 0 before any.
	First, Last recording.Seconds
	// ToCopy estimates what a dry run leaves: see [DryRun].
	ToCopy Estimate
}

// Done is how many items were dealt with.
func (c Count) Done() int64 { return c.Copied + c.Known + c.Deleted + c.Refused + c.Failed }

// Complete reports whether nothing failed that could have succeeded.
func (c Count) Complete() bool { return c.Failed == 0 && c.Lists == 0 && c.All && c.Done() == c.Found }

// Estimate of audio that is still to be copied.
type Estimate struct {
	// Sounds is how many recordings have audio, Bytes what those have whose size
	// is known, Unsized how many are not.
	Sounds, Bytes, Unsized int64
	// Lasting is how long the unsized are by their documents; SampleBytes and
	// SampleLasting are those of some that were asked for.
	Lasting, SampleLasting time.Duration
	SampleBytes, Samples   int64
}

// Total is the bytes of all, as far as samples tell.
func (e Estimate) Total() int64 {
	total := e.Bytes
	switch {
	case e.SampleLasting > 0:
		total += int64(float64(e.SampleBytes) * float64(e.Lasting) / float64(e.SampleLasting))
	case e.Samples > 0:
		total += e.SampleBytes / e.Samples * e.Unsized
	}
	return total
}

// Tally counts for a run; others may look at any time.
type Tally struct {
	mu sync.Mutex
	c  Count
}

// Count is how far the run has come.
func (t *Tally) Count() Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.c
}

func (t *Tally) with(do func(*Count)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do(&t.c)
}

func (t *Tally) listed()           { t.with(func(c *Count) { c.All = true }) }
func (t *Tally) missed()           { t.with(func(c *Count) { c.Lists++ }) }
func (t *Tally) waited()           { t.with(func(c *Count) { c.Waits++ }) }
func (t *Tally) found(page []Item) { t.with(func(c *Count) { c.Found += int64(len(page)) }) }

// Again counts a row that the source has listed before.
func (t *Tally) Again() { t.with(func(c *Count) { c.Twice++ }) }

// Exported counts a recording on the way out, and the bytes of its audio.
func (t *Tally) Exported(bytes int64) {
	t.with(func(c *Count) {
		c.Found++
		c.Copied++
		c.Bytes += bytes
	})
}

func (t *Tally) count(it *Item, r Result) {
	t.with(func(c *Count) {
		*map[Outcome]*int64{
			Copied: &c.Copied, Known: &c.Known, Deleted: &c.Deleted, Refused: &c.Refused, Failed: &c.Failed,
		}[r.Outcome]++
		switch r.Lack {
		case Silent:
			c.Silent++
		case Elsewhere:
			c.External++
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

// counter counts what goes wrong in a row.
type counter struct{ n atomic.Int64 }

func (c *counter) up() int64 { return c.n.Add(1) }
func (c *counter) reset()    { c.n.Store(0) }

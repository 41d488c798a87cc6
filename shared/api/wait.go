package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// minPause and maxPause bound the time between two looks while a request waits for
	// audio or for changes.
	minPause = 200 * time.Millisecond
	maxPause = time.Second
	// pendingRetry is the Retry-After of a 404 for audio that is still pending,
	// in seconds.
	pendingRetry = "2"
)

// Places limits how many requests of an account wait, or stream, at once. [waiting.Places] and
// [waiting.LocalPlaces] implement it.
type Places interface {
	// Take takes a place for a request that needs it for up to longest. ok is false if the
	// account has none left. Otherwise, release gives it back. Error:
	// store.ErrUnavailable.
	Take(ctx context.Context, account string, longest time.Duration) (release func(), ok bool, err error)
}

// preferredWait returns how long the client prefers to wait (RFC 7240, 4.3), at most limit.
func (r *request) preferredWait(limit time.Duration) time.Duration {
	return min(httpfield.PreferredWait(r.Header.Values("Prefer")), limit)
}

// lookAgain takes a place, and calls look after growing pauses until it finds something, or
// fails. It gives up, with found false, after the wait, or shortly before the function's
// deadline. The answer names the wait. If the account has no place left, or none can be taken,
// lookAgain returns at once, with found false: a preference does not make a request fail.
func (r *request) lookAgain(w http.ResponseWriter, p Places, wait time.Duration, look func() (found bool, err error)) (found bool, err error) {
	release, ok, err := p.Take(r.Context(), r.account, wait)
	if err != nil {
		r.entry.Cause = fmt.Errorf("the request does not wait: %w", err)
	}
	if !ok {
		return false, nil
	}
	defer release()
	w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	if deadline, ok := r.Context().Deadline(); ok { // the function's deadline
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-store.Reserve))
		defer cancel()
	}
	for pause := minPause; !found && err == nil; pause = min(2*pause, maxPause) {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false, nil
		case <-timer.C:
		}
		found, err = look()
	}
	return found, err
}

// await waits while rec is pending and returns the latest state. It gives up after
// the client's preferred wait (RFC 7240, 4.3) or the operator's limit. It does not wait if too
// many requests of the account do already.
func (g *getter) await(w http.ResponseWriter, r *request, rec *recording.Recording) (*recording.Recording, error) {
	wait := r.preferredWait(g.MaxWait)
	if wait <= 0 || rec.Audio.Condition() != recording.Pending {
		return rec, nil
	}
	arrived, err := r.lookAgain(w, g.Places, wait, func() (bool, error) {
		latest, err := g.store.Get(r.Context(), rec.Account, rec.ID)
		if err != nil {
			return false, fmt.Errorf("check for new audio: %w", err)
		}
		rec = latest
		return rec.Audio.Condition() != recording.Pending, nil
	})
	switch {
	case err != nil:
		return nil, err
	case !arrived:
		return rec, nil
	}
	return rec, r.reaches(rec, access.Listen)
}

// audioMissing returns the 404 for a recording without audio. While the audio may still
// arrive, the 404 has a Retry-After. If the audio failed, the 404 has the reason.
func audioMissing(rec *recording.Recording) error {
	p := &publicError{status: http.StatusNotFound, code: "bad_identifier"}
	data := map[string]any{"message": "bad identifier", "cause": rec.ID}
	if rec.Audio.Condition() == recording.Failed {
		data["details"] = "what has arrived as the audio of this recording cannot be served: " + string(rec.Audio.Reason)
	} else {
		data["details"] = "the audio of this recording has not arrived yet"
		p.header, p.value = "Retry-After", pendingRetry
	}
	p.data = data
	return p
}

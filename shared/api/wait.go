package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

const (
	// soonest and latest bound the time between two looks at a recording whose
	// audio is waited for: each is a read of the store.
	soonest = 200 * time.Millisecond
	latest  = time.Second
	// pendingRetry is when a client may ask again for audio that has not
	// arrived, in seconds.
	pendingRetry = "2"
)

// await returns rec once it is not pending any more, or when the time is over
// that the client would wait (RFC 7240, 4.3), and that the operator allows.
func (p *player) await(w http.ResponseWriter, r *request, rec *recording.Recording) (*recording.Recording, error) {
	wait := min(preferredWait(r.Header.Values("Prefer")), p.MaxWait)
	if wait <= 0 || rec.Audio.Condition() != recording.Pending {
		return rec, nil
	}
	w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	if deadline, ok := r.Context().Deadline(); ok { // of the function, not of the wait
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-store.Reserve))
		defer cancel()
	}
	for pause := soonest; rec.Audio.Condition() == recording.Pending; pause = min(2*pause, latest) {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return rec, nil
		case <-timer.C:
		}
		found, err := p.store.Get(r.Context(), rec.Account, rec.ID)
		if err != nil {
			return nil, fmt.Errorf("look whether audio has arrived: %w", err)
		}
		rec = found
	}
	return rec, r.reaches(rec)
}

// notServed is the 404 for audio that is not there: with the time to ask again
// while it may still come, with the reason once it cannot.
func notServed(rec *recording.Recording) error {
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

// maxWait is more than any operator allows, in seconds.
const maxWait = 3600

// preferredWait is the time that a client would wait for an answer, 0 if it
// does not say so or says nonsense. Of two the first counts (RFC 7240, 2).
func preferredWait(header []string) time.Duration {
	for preference := range fieldsOf(strings.Join(header, ","), ',') {
		first, _, _ := strings.Cut(preference, ";") // parameters mean nothing here
		name, value, _ := strings.Cut(first, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		text := strings.Trim(strings.TrimSpace(value), `"`)
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return 0
		}
		return time.Duration(min(n, maxWait)) * time.Second
	}
	return 0
}

package api

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
)

// lifetime holds the parameters of a list about how long recordings are kept.
type lifetime struct {
	// expiring selects recordings that expire within so many seconds. over selects those
	// that were created more than so many seconds ago. 0 means no limit.
	expiring, over recording.Seconds
	// keep, if not nil, selects the recordings that expire in time.
	keep func(*recording.Recording) bool
}

// counts reports whether the answer has the size of the audio on the page.
func (l *lifetime) counts() bool { return l.expiring != 0 || l.over != 0 }

// parseSpan parses a number of days, such as 7d, or of hours, such as 12h, into seconds.
func parseSpan(to *recording.Seconds, value string) error {
	if recording.IsAbsent(value) {
		return nil
	}
	for unit, seconds := range map[string]int{"d": recording.Day, "h": 60 * 60} {
		text, ok := strings.CutSuffix(value, unit)
		if n, err := strconv.Atoi(text); ok && isDigits(text) && err == nil && n > 0 && n <= retention.MaxDays*recording.Day/seconds {
			*to = recording.Seconds(n * seconds)
			return nil
		}
	}
	return recording.FieldError{
		Code: "wrong_format", Message: "Value must be a number of days or hours, such as 7d or 12h, up to 36500d",
		Target: "7d", Value: json.RawMessage(recording.Quote(value)),
	}
}

// keptStore is a store that knows how long recordings are kept. [retention.View]
// implements it.
type keptStore interface {
	// Applied returns the policy and the holds of an account. Errors: store.ErrUnavailable.
	Applied(ctx context.Context, account string) (*retention.Applied, error)
}

// limitLifetime limits the list to the recordings that its parameters about their lifetime
// select, at the time now. Where nothing expires, none expire in time.
func (l *lister) limitLifetime(ctx context.Context, account string, now recording.Seconds, q *listQuery) error {
	if q.over != 0 {
		q.until(now - q.over)
	}
	if q.expiring == 0 {
		return nil
	}
	q.keep = func(*recording.Recording) bool { return false }
	applied := new(retention.Applied)
	if s, ok := l.store.(keptStore); ok {
		var err error
		if applied, err = s.Applied(ctx, account); err != nil {
			return err
		}
	}
	if applied.Effective == nil || !applied.Limits() {
		q.from, q.to = 1, 1
		return nil
	}
	days, due := applied.Days(), now+q.expiring
	q.from = max(q.from, now-recording.Seconds(days[len(days)-1]*recording.Day), 1)
	q.until(due - recording.Seconds(days[0]*recording.Day))
	q.keep = func(rec *recording.Recording) bool {
		at, _ := applied.Expires(rec)
		return at > now && at <= due && len(applied.Holds.Covering(rec)) == 0
	}
	return nil
}

// until lowers the upper bound of the list.
func (q *listQuery) until(at recording.Seconds) {
	if at = max(at, 1); q.to == 0 || at < q.to {
		q.to = at
	}
	if q.from > q.to { // stores need bounds in order, and no recording is as old as this
		q.from, q.to = 1, 1
	}
}

// managedBytes returns the size of the audio of rec that this service stores.
func managedBytes(rec *recording.Recording) int64 {
	if rec.Audio.Place != recording.Managed {
		return 0
	}
	return rec.Audio.Size
}

package eventbridge

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/requestlog"
)

// Limits of a call of PutEvents
// (docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html). Newer pages
// allow 1 MB; older ones and emulators allow 256 KB. An event of this service has
// about 300 bytes.
const (
	maxEntries = 10
	maxBytes   = 256 << 10
	timeBytes  = 14 // the size of an entry's time, as EventBridge counts it
)

// Send sends events; see [notify.Sink]. It starts a call only if ctx's deadline
// leaves enough time for it. Error: notify.ErrUnavailable.
func (b *Bus) Send(ctx context.Context, events []notify.Event) (accepted int, err error) {
	for accepted < len(events) {
		entries, err := b.entries(events[accepted:])
		if err != nil {
			return accepted, fail(err)
		}
		n, err := b.put(ctx, entries)
		accepted += n
		if err != nil {
			return accepted, fail(err)
		}
	}
	return accepted, nil
}

// entries returns the entries of the next call, at least one.
func (b *Bus) entries(events []notify.Event) ([]types.PutEventsRequestEntry, error) {
	type recording struct{ account, id string }
	entries, bytes := make([]types.PutEventsRequestEntry, 0, maxEntries), 0
	seen := make(map[recording]bool, maxEntries)
	for _, e := range events[:min(len(events), maxEntries)] {
		detail, err := e.Detail()
		if err != nil {
			return nil, fmt.Errorf("encoding the event of %s/%s: %w", e.Account, e.ID, err)
		}
		size := timeBytes + len(notify.Source) + len(e.Type) + len(detail)
		key := recording{e.Account, e.ID}
		if seen[key] || (len(entries) > 0 && bytes+size > maxBytes) {
			break
		}
		seen[key], bytes = true, bytes+size
		entries = append(entries, types.PutEventsRequestEntry{
			EventBusName: &b.name, Source: aws.String(notify.Source), DetailType: aws.String(string(e.Type)),
			Detail: aws.String(string(detail)), Time: aws.Time(e.Time),
		})
	}
	return entries, nil
}

// put makes one call and returns how many entries, from the first, were accepted.
func (b *Bus) put(ctx context.Context, entries []types.PutEventsRequestEntry) (int, error) {
	if !b.limits.Carries(ctx, 0) {
		return 0, attempt.ErrNoTime
	}
	out, err := b.client.PutEvents(ctx, &sdk.PutEventsInput{Entries: entries})
	if err != nil {
		return 0, err
	}
	accepted, err := countAccepted(out, len(entries))
	requestlog.From(ctx).Events += accepted
	return accepted, err
}

// countAccepted returns how many entries, from the first, were accepted, and the
// error of the next. The answer has one entry for each entry of the request, in
// the same order.
func countAccepted(out *sdk.PutEventsOutput, sent int) (int, error) {
	if len(out.Entries) != sent {
		return 0, fmt.Errorf("the answer covers %d events, but the call sent %d", len(out.Entries), sent)
	}
	for i, e := range out.Entries {
		if e.ErrorCode != nil || e.EventId == nil {
			return i, &entryError{aws.ToString(e.ErrorCode), aws.ToString(e.ErrorMessage), out.FailedEntryCount, sent}
		}
	}
	if out.FailedEntryCount != 0 {
		return 0, fmt.Errorf("%d events failed, but the answer does not show which", out.FailedEntryCount)
	}
	return sent, nil
}

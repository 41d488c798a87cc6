package eventbridge

import (
	"fmt"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/notify"
)

// entryError reports an event that EventBridge rejected in a call that otherwise
// succeeded. The codes are listed at
// docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html.
type entryError struct {
	code, message string
	failed        int32
	sent          int
}

func (e *entryError) Error() string {
	return fmt.Sprintf("%d of %d events in the call were not accepted: %s: %s", e.failed, e.sent, e.code, e.message)
}

// fail translates err into an error of package notify. Every failure is worth a
// retry: a missing permission may be granted later, and this package does not
// build events that EventBridge considers invalid.
func fail(err error) error {
	return fmt.Errorf("%w: %w", notify.ErrUnavailable, attempt.WithoutURL(err))
}

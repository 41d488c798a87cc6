package eventbridge

import (
	"fmt"

	"callrecordings/shared/attempt"
	"callrecordings/shared/notify"
)

// entryError is an event that EventBridge did not accept in a call that it
// served. It promises the code; the codes are those of
// docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html.
type entryError struct {
	code, message string
	failed        int32
	sent          int
}

func (e *entryError) Error() string {
	return fmt.Sprintf("an event was not accepted, %d of %d in the call: %s: %s", e.failed, e.sent, e.code, e.message)
}

// fail says in terms of package notify what err means. Whatever it is, the
// events have to come again: an access that was refused may be granted by then,
// and events that EventBridge finds wrong are not made here.
func fail(err error) error {
	return fmt.Errorf("%w: %w", notify.ErrUnavailable, attempt.WithoutURL(err))
}

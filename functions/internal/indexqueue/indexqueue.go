// Package indexqueue opens the queue of the function index that a function's settings name.
package indexqueue

import (
	"github.com/callrecordings/api/functions/internal/credentials"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/notify/indexqueue"
)

// Before returns a sink that sends events to the queue and then to next; only to next, if the
// settings name no queue. In this order, a failure of the queue repeats no event. It makes
// no request.
func Before(s *config.Settings, next notify.Sink) (notify.Sink, error) {
	if s.IndexQueue == "" {
		return next, nil
	}
	queue, err := indexqueue.Open(indexqueue.Options{
		Region:      s.Region,
		Endpoint:    s.SQSEndpoint,
		URL:         s.IndexQueue,
		Credentials: credentials.Of(s),
		Application: string("callrecordings-" + s.Function),
	})
	if err != nil {
		return nil, err
	}
	return notify.Both(queue, next), nil
}

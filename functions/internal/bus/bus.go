// Package bus opens the EventBridge bus that a function's settings name.
package bus

import (
	"github.com/callrecordings/api/functions/internal/credentials"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/notify/eventbridge"
)

// Open returns the bus. It makes no request: unlike the table, the bus gains
// nothing from an early connection, because no client waits for this function.
func Open(s *config.Settings) (*eventbridge.Bus, error) {
	return eventbridge.Open(eventbridge.Options{
		Region:      s.Region,
		Endpoint:    s.EventBridgeEndpoint,
		Bus:         s.EventBus,
		Credentials: credentials.Of(s),
		Application: string("callrecordings-" + s.Function),
	})
}

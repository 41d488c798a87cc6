// Package bus opens the EventBridge bus that a function's settings name.
package bus

import (
	"callrecordings/functions/internal/credentials"
	"callrecordings/shared/config"
	"callrecordings/shared/notify/eventbridge"
)

// Open returns the bus. It makes no request: unlike the table, the bus gains
// nothing from an early connection, because no client waits for this function.
func Open(s config.Settings) (*eventbridge.Bus, error) {
	return eventbridge.Open(eventbridge.Options{
		Region:      s.Region,
		Endpoint:    s.EventBridgeEndpoint,
		Bus:         s.EventBus,
		Credentials: credentials.Of(s),
		Application: string("callrecordings-" + s.Function),
	})
}

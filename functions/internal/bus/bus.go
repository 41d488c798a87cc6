// Package bus opens the bus of events of a function's settings.
package bus

import (
	"callrecordings/functions/internal/credentials"
	"callrecordings/shared/config"
	"callrecordings/shared/notify/eventbridge"
)

// Open returns the bus; it touches no network. A first connection made early, as
// for the table, would be wasted: nobody waits for this function.
func Open(s config.Settings) (*eventbridge.Bus, error) {
	return eventbridge.Open(eventbridge.Options{
		Region:      s.Region,
		Endpoint:    s.EventBridgeEndpoint,
		Bus:         s.EventBus,
		Credentials: credentials.Of(s),
		Application: string("callrecordings-" + s.Function),
	})
}

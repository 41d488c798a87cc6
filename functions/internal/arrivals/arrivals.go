// Package arrivals opens what ingests the objects of the bucket.
package arrivals

import (
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/retention"
)

// Open returns an ingester of the objects of audio, without its clock and its grace period. It
// makes no request. Error: a pattern or a time zone of the settings is invalid.
func Open(s *config.Settings, records retention.Driver, audio media.Objects) (bucket.Ingester, error) {
	names, err := namepattern.Open(s.InboxPatterns, s.InboxTimezone)
	if err != nil {
		return bucket.Ingester{}, err
	}
	return bucket.Ingester{
		Store: wiring.Watch(records, s.ObjectLock), Holds: hold.Keeper{Store: records, Locked: s.ObjectLock},
		Audio: audio, Names: names, MaxBytes: s.MaxAudioBytes,
	}, nil
}

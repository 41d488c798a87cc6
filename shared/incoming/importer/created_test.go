package importer

import (
	"testing"
	"time"

	"callrecordings/shared/recording"
)

// When a recording ended, of whatever its document says.
func TestEnded(t *testing.T) {
	t.Parallel()
	const start = "63960000000"
	for _, c := range []struct {
		document recording.Document
		created  recording.Seconds
		length   time.Duration
		want     recording.Seconds
	}{
		{`{"start":` + start + `,"duration":60}`, 0, time.Hour, 63960000060},
		{`{"start":` + start + `}`, 0, time.Minute, 63960000060},
		{`{"start":"` + start + `","duration":"60"}`, 0, 0, 63960000060},
		{`{"start":` + start + `.0,"duration":6e1}`, 0, 0, 63960000060},
		{`{"start":` + start + `,"duration":-5}`, 0, time.Minute, 63960000060},
		{`{"start":` + start + `,"duration":9007199254740991}`, 0, 0, 63960000000},
		{`{"start":9007199254740991}`, 0, 0, 0},
		{`{"start":-1}`, 0, time.Minute, 0},
		{`{"start":{}}`, 0, time.Minute, 0},
		{`{"start":"yesterday"}`, 0, time.Minute, 0},
		{`{}`, 0, time.Minute, 0},
		{`{"start":` + start + `}`, 7, time.Minute, 7},
	} {
		it := Item{Document: c.document, Created: c.created}
		if got := it.ended(c.length); got != c.want {
			t.Errorf("ended of %s = %d, want %d", c.document, got, c.want)
		}
	}
}

package incoming

import (
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// A call ends at its start plus its duration. Other systems write both in many
// ways.
func TestEnded(t *testing.T) {
	t.Parallel()
	const start = "63960000000"
	latest := recording.Document(strconv.Itoa(recording.MaxSeconds))
	tooLate := recording.Document(strconv.Itoa(recording.MaxSeconds + 1))
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
		{`{"start":` + start + `,"duration":0}`, 0, time.Minute, 63960000000},
		{`{"start":` + start + `,"duration":31622400}`, 0, 0, 63991622400}, // 366 days, the longest
		{`{"start":` + start + `,"duration":31622401}`, 0, 0, 63960000000},
		{`{"start":9007199254740991}`, 0, 0, 0},
		{`{"start":` + latest + `}`, 0, 0, recording.MaxSeconds},
		{`{"start":` + tooLate + `}`, 0, 0, 0},
		{`{"start":0,"duration":60}`, 0, 0, 0},
		{`{"start":-1}`, 0, time.Minute, 0},
		{`{"start":{}}`, 0, time.Minute, 0},
		{`{"start":"yesterday"}`, 0, time.Minute, 0},
		{`{}`, 0, time.Minute, 0},
		{`{"start":` + start + `}`, 7, time.Minute, 7},
	} {
		got := Ended(c.document, c.length)
		if c.created != 0 {
			got = Compose(Draft{Document: c.document, Created: c.created, Exact: true}, recording.MaxSeconds).Created
		}
		if got != c.want {
			t.Errorf("Ended(%s, %v) = %d, want %d", c.document, c.length, got, c.want)
		}
	}
}

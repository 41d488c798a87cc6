package audiofile

import (
	"slices"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

func TestDetectedFormatsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	var detected []string
	for _, f := range formats {
		detected = append(detected, f.contentType)
	}
	accepted := recording.AudioTypes()
	for _, name := range detected {
		if !slices.Contains(accepted, name) {
			t.Errorf("%s is detected but recording/audiotype.go does not accept it", name)
		}
	}
	for _, name := range accepted {
		if !slices.Contains(detected, name) {
			t.Errorf("recording/audiotype.go accepts %s but nothing here detects it", name)
		}
	}
}

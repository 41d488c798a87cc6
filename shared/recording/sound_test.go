package recording_test

import (
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	const was = recording.Document(`{"media_type":".mp3","duration":7,"x":1}`)
	for _, c := range []struct {
		name  string
		sound recording.Sound
		want  recording.Document
	}{
		{"nothing known", recording.Sound{}, was},
		{
			"all known",
			recording.Sound{ContentType: "audio/wav", Extension: "wav", Duration: 2500 * time.Millisecond, Known: true},
			`{"media_type":"wav","duration":2,"x":1,"content_type":"audio/wav","duration_ms":2500}`,
		},
		{
			"no length",
			recording.Sound{ContentType: "audio/mpeg", Extension: "mp3"},
			`{"media_type":"mp3","duration":7,"x":1,"content_type":"audio/mpeg"}`,
		},
	} {
		if got := was.Describe(c.sound); got != c.want {
			t.Errorf("%s: Describe = %s, want %s", c.name, got, c.want)
		}
	}
}

func TestDocumentOwner(t *testing.T) {
	t.Parallel()
	for doc, want := range map[recording.Document]string{
		`{}`:                   "",
		`{"owner_id":"u-1_A"}`: "u-1_A",
		`{"owner_id":7}`:       "",
		`{"owner_id":"a b"}`:   "",
		`{"owner_id":"` + recording.Document(strings.Repeat("a", 65)) + `"}`: "",
	} {
		if got := doc.Owner(); got != want {
			t.Errorf("Owner of %s = %q, want %q", doc, got, want)
		}
	}
}

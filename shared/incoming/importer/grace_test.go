package importer_test

import (
	"context"
	"io"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// ending is a bucket that calls end after each upload.
type ending struct {
	importer.Media

	end func()
}

func (e ending) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error {
	err := e.Media.Put(ctx, key, contentType, body, size)
	e.end()
	return err
}

// A run that is ended between an upload and its document still stores the document, so that the
// upload was not in vain.
func TestARunEndsAfterTheDocument(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3}}
	target := p.target()
	target.Audio = ending{target.Audio, cancel}
	_ = importer.Run(ctx, s, target, options()) // the run has ended
	if r := p.get(t, "202610-a"); r.Audio.Condition() != recording.Ready {
		t.Errorf("%+v, want the audio ready", r.Audio)
	}
}

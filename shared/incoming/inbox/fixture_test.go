package inbox_test

import (
	"testing"

	"github.com/callrecordings/api/shared/incoming/inbox"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/recording"
)

const (
	account = "acc"
	id      = "202601-call"
)

// fixture is an inbox over a place in memory.
type fixture struct {
	inbox.Inbox
	*incomingtest.Place
}

func open(t *testing.T) *fixture {
	t.Helper()
	p := incomingtest.NewPlace(t)
	return &fixture{inbox.Inbox{Store: p.Records, Audio: p.Objects, Names: p.Names, MaxBytes: 1 << 20, Now: p.Clock}, p}
}

// create stores a recording with audio in that condition; the zero value waits
// for its audio.
func (d *fixture) create(audio recording.Audio) {
	d.Helper()
	now := recording.SecondsOf(d.Time)
	r := &recording.Recording{
		Account: account, ID: id, Owner: "u", Created: now, Modified: now, Made: "made", Audio: audio,
		Document: recording.Complete(`{"from":"a@b","owner_id":"u"}`, id, now),
	}
	if err := d.Records.Put(d.Context(), r); err != nil {
		d.Fatal(err)
	}
}

package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// The server removes expired recordings, and then their audio. The rest stays. Clients do not
// see expired recordings even before their removal.
func TestExpiredRecordingsAreRemoved(t *testing.T) {
	t.Parallel()
	b, _, log := newBox(t)
	b.settings.Audit = string(audit.Changes)
	now := recording.SecondsOf(b.now())
	for id, days := range map[string]recording.Seconds{"202601-old": 31, "202601-new": 29} {
		r := &recording.Recording{Account: "a", ID: id, Created: now - days*recording.Day, Document: "{}", Audio: recording.Audio{Place: recording.Managed, Size: 1}}
		if err := b.store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		storeObject(t, b, r.AudioKey(), []byte("x"))
	}
	policy := retention.Settings{Policy: &retention.Policy{Rules: []retention.Rule{{Name: "all", Days: 30}}}}
	if err := retention.Save(t.Context(), b.store, "a", "", policy); err != nil {
		t.Fatal(err)
	}
	if _, err := b.view().Get(t.Context(), "a", "202601-old"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of an expired recording = %v, want %v", err, store.ErrNotFound)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.expire(ctx)
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if strings.Contains(log.String(), `"recordings":1`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say that a recording was removed: %s", log)
		}
	}
	cancel()
	<-ended
	b.finishPurges(t.Context())
	for id, want := range map[string]bool{"202601-old": false, "202601-new": true} {
		_, err := b.bucket.Stat(t.Context(), recording.AudioKey("a", id))
		if got := err == nil; got != want {
			t.Errorf("the audio of %s is there: %t (%v), want %t", id, got, err, want)
		}
	}
	if _, err := b.store.Get(t.Context(), "a", "202601-new"); err != nil {
		t.Errorf("the other recording: %v", err)
	}
	page, err := audit.NewReader(b.store).Page(t.Context(), audit.Query{Account: "a", Limit: 10})
	if err != nil || len(page.Entries) != 1 || page.Entries[0].Object != "expired/1" {
		t.Errorf("the audit trail has %+v, %v, want the removal", page.Entries, err)
	}
}

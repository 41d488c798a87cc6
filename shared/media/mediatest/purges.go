package mediatest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
)

// purges checks that Purge removes the objects at its keys and no other, that confirm comes
// first, and that an object stored meanwhile stays.
func purges(t *testing.T, s *suite) {
	ctx := t.Context()
	one, two, longer := s.put(t, "one", "audio/mpeg", 9), s.put(t, "two", "audio/mpeg", 9), s.put(t, "one.json", "audio/mpeg", 9)
	errNo := errors.New("not confirmed")
	err := s.Purge(ctx, []string{one, two}, func(context.Context) error { return errNo })
	if err != errNo { //nolint:errorlint // it must be the very error
		t.Errorf("Purge = %v, want the error of confirm", err)
	}
	s.stat(t, one)
	confirmed := 0
	for range 2 { // the second time, nothing is left
		err := s.Purge(ctx, []string{one, s.key(t, "missing"), two}, func(context.Context) error { confirmed++; return nil })
		if err != nil {
			t.Errorf("Purge = %v, want nil", err)
		}
	}
	if confirmed != 2 {
		t.Errorf("confirm was called %d times, want once for each Purge", confirmed)
	}
	for _, key := range []string{one, two} {
		_, err := s.Stat(ctx, key)
		wantError(t, "Stat after Purge", err, media.ErrNotFound)
	}
	s.stat(t, longer)
	if err := s.Purge(ctx, []string{longer}, nil); err != nil {
		t.Errorf("Purge = %v, want nil", err)
	}
	_, err = s.Stat(ctx, longer)
	wantError(t, "Stat after Purge", err, media.ErrNotFound)
	if s.h.Unsigned != "" { // an emulator without If-Match for DELETE
		return
	}
	err = s.Purge(ctx, []string{s.put(t, "replaced", "audio/mpeg", 9)}, func(context.Context) error {
		time.Sleep(1100 * time.Millisecond)   // times have seconds
		s.put(t, "replaced", "audio/mpeg", 9) //nolint:contextcheck // it has that of the test
		return nil
	})
	if err != nil {
		t.Errorf("Purge of an object that was replaced = %v, want nil", err)
	}
	s.stat(t, s.key(t, "replaced"))
}

package dynamo

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A retry may overcome an error of DynamoDB or of the network, but not a request that is wrong
// in itself.
func TestKindsOfErrors(t *testing.T) {
	t.Parallel()
	invalid := func(message string) error {
		return &smithy.GenericAPIError{Code: "ValidationException", Message: message}
	}
	for _, c := range []struct {
		err                   error
		tooLarge, unavailable bool
	}{
		{invalid("Item size has exceeded the maximum allowed size"), true, false},
		{invalid("Size limit exceeded"), true, false},
		{invalid("The number of conditions exceeded the limit"), false, false},
		{invalid("The size of a key must not be zero"), false, false},
		{&smithy.GenericAPIError{Code: "SerializationException", Message: "Size exceeded"}, false, false},
		{smithy.InvalidParamsError{Context: "QueryInput"}, false, false},
		{&smithy.SerializationError{Err: errors.New("no number")}, false, false},
		{&smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}, false, true},
		{errors.New("connection reset"), false, true},
	} {
		err := fail("reading", "a", "202601-a", c.err)
		if errors.Is(err, store.ErrTooLarge) != c.tooLarge || errors.Is(err, store.ErrUnavailable) != c.unavailable {
			t.Errorf("%v became %v, want too large: %t, unavailable: %t", c.err, err, c.tooLarge, c.unavailable)
		}
	}
}

// An entry is gone in the second in which it expires.
func TestExpiryOfEntries(t *testing.T) {
	t.Parallel()
	s := openAt(t, "http://127.0.0.1:1", fastLimits())
	now := recording.SecondsOf(s.now())
	for expires, want := range map[recording.Seconds]bool{0: true, now - 1: false, now: false, now + 1: true} {
		if got := s.lasts(store.Entry{Expires: expires}); got != want {
			t.Errorf("an entry that expires %d s from now lasts: %t, want %t", expires-now, got, want)
		}
	}
}

// The longest wait doubles with each retry, up to 640 ms.
func TestWaits(t *testing.T) {
	t.Parallel()
	for retry, most := range map[int]time.Duration{1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 5: 640 * time.Millisecond, 100: 640 * time.Millisecond} {
		var longest time.Duration
		for range 1000 {
			longest = max(longest, standard().wait(retry))
		}
		if longest > most || longest < most/2 {
			t.Errorf("the longest of 1,000 waits before retry %d is %v, want up to %v", retry, longest, most)
		}
	}
}

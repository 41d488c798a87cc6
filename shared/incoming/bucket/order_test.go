package bucket

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"callrecordings/shared/incoming"
)

// message is a message about an object of that size, or about a file in an inbox if
// its account is in capitals.
func message(account, id string, size int) events.SQSMessage {
	key := "recordings/" + account + "/202601/202601-" + id
	if strings.ToUpper(account) == account {
		key = "inbox/" + account + "/" + id + ".wav"
	}
	text := strings.Replace(body("ObjectCreated:Put", "audio", key, "0A"), `"size":5`, fmt.Sprintf(`"size":%d`, size), 1)
	return events.SQSMessage{MessageId: account + id, Body: text}
}

func TestAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	c := newConsumer(completed)
	c.handle(t.Context(), []events.SQSMessage{
		message("a", "1", 900), message("a", "2", 900), message("a", "3", 100), message("B", "1", 500), message("c", "1", 200), message("B", "2", 50),
	})
	var got []string
	for _, a := range c.ingested {
		got = append(got, a.Key[strings.Index(a.Key, "/")+1:])
	}
	want := []string{
		"B/2.wav", "a/202601/202601-3", "c/202601/202601-1", // each account's smallest object
		"B/1.wav", "a/202601/202601-1",
		"a/202601/202601-2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("ingested %q, want %q", got, want)
	}
}

// However many arrivals one account has, each other account's n-th arrival waits
// for at most n arrivals of it.
func TestNoAccountHoldsBackAnother(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var jobs []job
		for i, account := range rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c"})).Draw(t, "accounts") {
			size := rapid.Int64Range(0, 3).Draw(t, "size")
			jobs = append(jobs, job{notice: notice{Arrival: incoming.Arrival{Key: "inbox/" + account + "/x"}, size: size}, message: i})
		}
		ordered := inTurn(jobs)
		seen, messages := map[string]int{}, map[int]bool{}
		for _, j := range ordered {
			account := accountOf(j.Key)
			seen[account]++
			messages[j.message] = true
			for other, n := range seen {
				if n > seen[account] {
					t.Fatalf("%d arrivals of %s come before number %d of %s: %+v", n, other, seen[account], account, ordered)
				}
			}
		}
		if len(messages) != len(jobs) {
			t.Fatalf("%d of %d arrivals are left", len(messages), len(jobs))
		}
	})
}

// Each arrival gets a fair share of the remaining time. Time that it does not use
// goes to the others.
func TestArrivalsShareTheTime(t *testing.T) {
	t.Parallel()
	const invocation = 45 * time.Second
	deadline := time.Now().Add(invocation)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	var messages []events.SQSMessage
	for i := range 4 {
		messages = append(messages, message("a", string(rune('1'+i)), 5))
	}
	c := newConsumer(completed)
	for i, result := range c.handle(ctx, messages) {
		if result != finished {
			t.Errorf("message %d: %d, want it done", i, result)
		}
	}
	for i, a := range c.ingested {
		share := (invocation - reserve) / time.Duration(4-i)
		if at := deadline.Add(share - invocation); a.Until.Sub(at).Abs() > time.Second {
			t.Errorf("arrival %d may read until %v, want %v", i, a.Until, at)
		}
	}
	for _, left := range []int{1, 100} {
		if got := time.Until(until(ctx, left)); got < leastShare-100*time.Millisecond || got > invocation {
			t.Errorf("with %d arrivals left, one gets %v", left, got)
		}
	}
	if got := until(t.Context(), 3); !got.IsZero() {
		t.Errorf("without a deadline, reading ends at %v", got)
	}
}

// Messages for which no time is left are marked, so that a queue can deliver them
// again without counting a try.
func TestMessagesThatWereNotBegun(t *testing.T) {
	t.Parallel()
	c := newConsumer(completed)
	ctx, cancel := context.WithTimeout(t.Context(), reserve/2)
	defer cancel()
	got := c.handle(ctx, []events.SQSMessage{message("a", "1", 5), {MessageId: "bad", Body: "{"}, message("b", "1", 5)})
	if want := []progress{notBegun, failed, notBegun}; !slices.Equal(got, want) {
		t.Errorf("results %v, want %v", got, want)
	}
	if n := strings.Count(c.log.String(), `"outcome":"unbegun"`); n != 2 {
		t.Errorf("the log marks %d arrivals, want 2:\n%s", n, c.log.String())
	}
}

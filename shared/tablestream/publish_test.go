package tablestream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"callrecordings/shared/notify"
	"callrecordings/shared/notify/eventbridge"
	"callrecordings/shared/store"
	"callrecordings/shared/tablestream"
)

// history is what happened to three recordings, write by write, as the stream
// tells of it, and the events that have to come of it.
func history(t *testing.T) (records []events.DynamoDBEventRecord, want []string) {
	t.Helper()
	const ready, claim = `,"audio":{"S":"managed 32 audio/mpeg"}`, `{"account_id":{"S":"a"},"id":{"S":"key#00"},"rev":{"S":"c"}}`
	now := map[string]string{}
	write := func(id, after, event string) {
		records = append(records, record(t, len(records), 0, now[id], after))
		now[id] = after
		if event != "" {
			want = append(want, id+" "+event)
		}
	}
	for _, id := range []string{"202601-1", "202601-2", "202601-3"} {
		write("key#00", claim, "")
		write(id, living(id, "r1", ""), "r1 Recording Created")
		write(id, living(id, "r2", ready), "r2 Recording Completed")
	}
	for i := 3; i < 9; i++ {
		revision := "r" + strconv.Itoa(i)
		write("202601-1", living("202601-1", revision, ready), revision+" Recording Changed")
		write("202601-3", living("202601-3", revision, ready), revision+" Recording Changed")
	}
	write("202601-2", dead("202601-2", "r3"), "r3 Recording Deleted")
	write("202601-2", dead("202601-2", "r4"), "") // its audio is gone
	write("202601-2", "", "")                     // its tombstone is
	return records, want
}

// bridge is EventBridge, reached by calls of which one has a fault. It notes
// what it accepted.
type bridge struct {
	accepted []string
	calls    int
	at       int // the call with the fault
	fault    fault
}

// fault is what happens to a call: fn gets the number of entries and the way
// to have the first n of them accepted.
type fault func(entries int, accept func(n int)) *http.Response

// died is the end of the process.
type died struct{}

var faults = map[string]fault{
	"the process dies before the call": func(int, func(int)) *http.Response { panic(died{}) },
	"the process dies behind the call": func(n int, accept func(int)) *http.Response { accept(n); panic(died{}) },
	"the first entry is refused":       func(n int, _ func(int)) *http.Response { return answer(n, 0) },
	"the last entry is refused":        func(n int, accept func(int)) *http.Response { accept(n - 1); return answer(n, n-1) },
	"the call is refused": func(int, func(int)) *http.Response {
		return respond(http.StatusBadRequest, `{"__type":"AccessDeniedException"}`)
	},
}

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
}

// answer says that entries were accepted, but for the one at refused.
func answer(entries, refused int) *http.Response {
	results, failed := make([]string, entries), 0
	for i := range results {
		results[i] = `{"EventId":"e"}`
		if i == refused {
			results[i], failed = `{"ErrorCode":"ThrottlingException"}`, 1
		}
	}
	return respond(http.StatusOK, fmt.Sprintf(`{"FailedEntryCount":%d,"Entries":[%s]}`, failed, strings.Join(results, ",")))
}

// Do is the only call that publish makes to the outside.
func (b *bridge) Do(r *http.Request) (*http.Response, error) {
	var in struct {
		Entries []struct{ DetailType, Detail string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	accept := func(n int) {
		for _, e := range in.Entries[:n] {
			var d struct{ ID, Revision string }
			_ = json.Unmarshal([]byte(e.Detail), &d)
			b.accepted = append(b.accepted, d.ID+" "+d.Revision+" "+e.DetailType)
		}
	}
	b.calls++
	if b.calls-1 == b.at {
		return b.fault(len(in.Entries), accept), nil
	}
	accept(len(in.Entries))
	return answer(len(in.Entries), -1), nil
}

// publish is the function, as functions/publish has it.
func publish(t *testing.T, b *bridge) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	t.Helper()
	nobody := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "S"}, nil
	})
	bus, err := eventbridge.Open(eventbridge.Options{Region: "eu-west-1", Bus: "default", Credentials: nobody, HTTPClient: b})
	if err != nil {
		t.Fatal(err)
	}
	return tablestream.ChangesHandler(feeding(func(ctx context.Context, changes []store.Change) (int, error) {
		return notify.Publish(ctx, bus, changes)
	}, io.Discard))
}

// deliver does what Lambda does with a shard: it hands out batches, begins
// again with the first item that was reported, and with all of the batch when
// the function died. It returns the number of invocations.
func deliver(t *testing.T, b *bridge, batch int, records []events.DynamoDBEventRecord) int {
	t.Helper()
	invoke := func(e events.DynamoDBEvent) (done int) {
		defer func() {
			if r := recover(); r != nil && r != (died{}) {
				panic(r)
			}
		}()
		got, err := publish(t, b)(t.Context(), e)
		if err != nil {
			t.Fatalf("publish: %v", err)
		}
		for _, failure := range got.BatchItemFailures {
			return slices.IndexFunc(e.Records, func(r events.DynamoDBEventRecord) bool {
				return r.Change.SequenceNumber == failure.ItemIdentifier
			})
		}
		return len(e.Records)
	}
	invocations := 0
	for len(records) > 0 && invocations < 1000 {
		done := invoke(events.DynamoDBEvent{Records: records[:min(batch, len(records))]})
		records = records[done:]
		invocations++
	}
	return invocations
}

// Whichever outside call publish is killed at, or refused, and whatever the
// size of batches: in the end every event was accepted, and none before the
// ones ahead of it of the same recording.
func TestNoFaultLosesAnEvent(t *testing.T) {
	t.Parallel()
	records, want := history(t)
	for name, fault := range faults {
		for _, batch := range []int{1, 2, 7, 100} {
			t.Run(name+"/batches of "+strconv.Itoa(batch), func(t *testing.T) {
				t.Parallel()
				for at := 0; ; at++ {
					b := &bridge{at: at, fault: fault}
					invocations := deliver(t, b, batch, records)
					first := firsts(b.accepted)
					for id := range strings.FieldsSeq("202601-1 202601-2 202601-3") {
						if got, want := of(id, first), of(id, want); !slices.Equal(got, want) {
							t.Fatalf("fault at call %d: %s has the events %q, want %q", at, id, got, want)
						}
					}
					if b.calls <= at { // no fault any more
						if !slices.Equal(b.accepted, want) || invocations != (len(records)+batch-1)/batch {
							t.Errorf("without a fault, %d invocations send %q, want %q", invocations, b.accepted, want)
						}
						return
					}
				}
			})
		}
	}
}

// firsts are the events without those that came again.
func firsts(events []string) []string {
	var first []string
	for _, e := range events {
		if !slices.Contains(first, e) {
			first = append(first, e)
		}
	}
	return first
}

// of are the events of the recording.
func of(id string, events []string) []string {
	return slices.DeleteFunc(slices.Clone(events), func(e string) bool { return !strings.HasPrefix(e, id+" ") })
}

// No event of a recording is sent while one ahead of it is not accepted, so a
// bus that accepts nothing gets the first of each and no other.
func TestNothingOvertakes(t *testing.T) {
	t.Parallel()
	records, want := history(t)
	var seen bytes.Buffer
	b := &bridge{at: 0, fault: func(n int, _ func(int)) *http.Response {
		seen.WriteString(strconv.Itoa(n))
		return answer(n, 0)
	}}
	got, err := publish(t, b)(t.Context(), events.DynamoDBEvent{Records: records})
	if err != nil || len(got.BatchItemFailures) != 1 || got.BatchItemFailures[0].ItemIdentifier != "seq-1" {
		t.Errorf("publish = %+v, %v, want the first recording's creation reported", got, err)
	}
	if b.calls != 1 || len(b.accepted) != 0 || seen.String() != "1" {
		t.Errorf("%d calls with %s entries, want one with the first of %q, which the second is of, too", b.calls, &seen, want)
	}
}

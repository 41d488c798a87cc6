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

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/notify/eventbridge"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/tablestream"
)

// history returns the stream records of all writes to three recordings, and the
// events that must be published for them.
func history(t *testing.T) (records []events.DynamoDBEventRecord, want []string) {
	t.Helper()
	const ready, claim = `,"audio":{"S":"managed 32 audio/mpeg"}`, `{"a":{"S":"a"},"id":{"S":"key#00"},"rev":{"S":"c"}}`
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
		write(id, recordingItem(id, "r1", ""), "r1 Recording Created")
		write(id, recordingItem(id, "r2", ready), "r2 Recording Completed")
	}
	for i := 3; i < 9; i++ {
		revision := "r" + strconv.Itoa(i)
		write("202601-1", recordingItem("202601-1", revision, ready), revision+" Recording Changed")
		write("202601-3", recordingItem("202601-3", revision, ready), revision+" Recording Changed")
	}
	write("202601-2", tombstoneItem("202601-2", "r3"), "r3 Recording Deleted")
	write("202601-2", tombstoneItem("202601-2", "r4"), "") // the purge is finished
	write("202601-2", "", "")                              // the tombstone has expired
	return records, want
}

// fakeBus is an HTTP client that acts as EventBridge. One call has a fault. fakeBus
// collects the events that it accepts.
type fakeBus struct {
	accepted []string
	calls    int
	at       int // the call with the fault
	fault    fault
}

// fault handles a faulty call. It gets the number of entries in the call and a
// function that accepts the first n of them.
type fault func(entries int, accept func(n int)) *http.Response

// crash is the panic value of a process that dies.
type crash struct{}

var faults = map[string]fault{
	"the process dies before the call": func(int, func(int)) *http.Response { panic(crash{}) },
	"the process dies after the call":  func(n int, accept func(int)) *http.Response { accept(n); panic(crash{}) },
	"the first entry is rejected":      func(n int, _ func(int)) *http.Response { return results(n, 0) },
	"the last entry is rejected":       func(n int, accept func(int)) *http.Response { accept(n - 1); return results(n, n-1) },
	"the call is rejected": func(int, func(int)) *http.Response {
		return respond(http.StatusBadRequest, `{"__type":"AccessDeniedException"}`)
	},
}

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
}

// results responds that all entries were accepted, except the one at rejected.
func results(entries, rejected int) *http.Response {
	list, failed := make([]string, entries), 0
	for i := range list {
		list[i] = `{"EventId":"e"}`
		if i == rejected {
			list[i], failed = `{"ErrorCode":"ThrottlingException"}`, 1
		}
	}
	return respond(http.StatusOK, fmt.Sprintf(`{"FailedEntryCount":%d,"Entries":[%s]}`, failed, strings.Join(list, ",")))
}

// Do handles a call of the AWS client, the only external call of publish.
func (b *fakeBus) Do(r *http.Request) (*http.Response, error) {
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
	return results(len(in.Entries), -1), nil
}

// publish returns the handler of functions/publish with b as its event bus.
func publish(t *testing.T, b *fakeBus) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	t.Helper()
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "S"}, nil
	})
	bus, err := eventbridge.Open(eventbridge.Options{Region: "eu-west-1", Bus: "default", Credentials: credentials, HTTPClient: b})
	if err != nil {
		t.Fatal(err)
	}
	return tablestream.ChangesHandler(changesOptions(func(ctx context.Context, changes []store.Change) (int, error) {
		return notify.Publish(ctx, bus, changes)
	}, io.Discard))
}

// deliver processes records as Lambda processes a shard: in batches, with a retry
// from the first item reported, or of the whole batch if the function crashed.
// It returns the number of invocations.
func deliver(t *testing.T, b *fakeBus, batch int, records []events.DynamoDBEventRecord) int {
	t.Helper()
	invoke := func(e events.DynamoDBEvent) (done int) {
		defer func() {
			if r := recover(); r != nil && r != (crash{}) {
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

// If any external call fails, with any kind of fault and several batch sizes, all events are
// accepted in the end, and those of each recording are in order.
func TestNoFaultLosesAnEvent(t *testing.T) {
	t.Parallel()
	records, want := history(t)
	for name, fault := range faults {
		for _, batch := range []int{1, 2, 7, 100} {
			t.Run(name+"/batch size "+strconv.Itoa(batch), func(t *testing.T) {
				t.Parallel()
				for at := 0; ; at++ {
					b := &fakeBus{at: at, fault: fault}
					invocations := deliver(t, b, batch, records)
					first := unique(b.accepted)
					for id := range strings.FieldsSeq("202601-1 202601-2 202601-3") {
						if got, want := eventsOf(id, first), eventsOf(id, want); !slices.Equal(got, want) {
							t.Fatalf("fault at call %d: %s has the events %q, want %q", at, id, got, want)
						}
					}
					if b.calls <= at { // all calls have had the fault
						if !slices.Equal(b.accepted, want) || invocations != (len(records)+batch-1)/batch {
							t.Errorf("without a fault, %d invocations published %q, want %q", invocations, b.accepted, want)
						}
						return
					}
				}
			})
		}
	}
}

// unique returns events without duplicates, in the order of their first delivery.
func unique(events []string) []string {
	var first []string
	for _, e := range events {
		if !slices.Contains(first, e) {
			first = append(first, e)
		}
	}
	return first
}

// eventsOf returns the events of one recording.
func eventsOf(id string, events []string) []string {
	return slices.DeleteFunc(slices.Clone(events), func(e string) bool { return !strings.HasPrefix(e, id+" ") })
}

// An event is not sent until the bus has accepted the earlier events of its
// recording. A bus that rejects the first event gets only that one.
func TestEventsOfARecordingStayInOrder(t *testing.T) {
	t.Parallel()
	records, want := history(t)
	var seen bytes.Buffer
	b := &fakeBus{at: 0, fault: func(n int, _ func(int)) *http.Response {
		seen.WriteString(strconv.Itoa(n))
		return results(n, 0)
	}}
	got, err := publish(t, b)(t.Context(), events.DynamoDBEvent{Records: records})
	if err != nil || len(got.BatchItemFailures) != 1 || got.BatchItemFailures[0].ItemIdentifier != "seq-1" {
		t.Errorf("publish = %+v, %v, want the first recording's creation reported", got, err)
	}
	if b.calls != 1 || len(b.accepted) != 0 || seen.String() != "1" {
		t.Errorf("%d calls with %s entries, want one call with only the first event of %q", b.calls, &seen, want)
	}
}

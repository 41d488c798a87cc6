package eventbridge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/requestlog"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	f := newFake(t, acceptAll)
	log := new(requestlog.Entry)
	list := events(2)
	n, err := openAt(t, f.url, fastLimits()).Send(requestlog.With(t.Context(), log), list)
	if n != 2 || err != nil || len(f.calls()) != 1 || log.EventCalls != 1 || log.Events != 2 {
		t.Fatalf("Send = %d, %v in %d calls, %d calls and %d events in the log", n, err, len(f.calls()), log.EventCalls, log.Events)
	}
	c := f.calls()[0]
	if got := c.header.Get("X-Amz-Target"); got != "AWSEvents.PutEvents" {
		t.Errorf("X-Amz-Target = %q", got)
	}
	if got := c.header.Get("Authorization"); !strings.Contains(got, "/eu-west-1/events/aws4_request") {
		t.Errorf("Authorization = %q, want it signed for events in eu-west-1", got)
	}
	if got := c.header.Get("User-Agent"); !strings.Contains(got, "app/callrecordings-publish") {
		t.Errorf("User-Agent = %q lacks the application", got)
	}
	for i, e := range c.entries {
		detail, err := list[i].Detail()
		want := entry{"recordings", "callrecordings", "Recording Completed", string(detail), float64(list[i].Time.Unix())}
		if err != nil || e != want {
			t.Errorf("entry %d = %+v, want %+v", i, e, want)
		}
	}
}

// TestCalls checks that a call has at most 10 events, at most 256 KB, and at most
// one event per recording.
func TestCalls(t *testing.T) {
	t.Parallel()
	large := func(n int) []notify.Event {
		list := events(n)
		for i := range list {
			list[i].Owner = strings.Repeat("o", 100<<10)
		}
		return list
	}
	huge := events(3)
	huge[1].Owner = strings.Repeat("o", 300<<10)
	same := append(events(3), events(2)...)
	tenants := append(events(1), events(1)...)
	tenants[1].Account = "b"
	for _, c := range []struct {
		name   string
		events []notify.Event
		want   []int
	}{
		{"none", nil, nil},
		{"one", events(1), []int{1}},
		{"ten", events(10), []int{10}},
		{"eleven", events(11), []int{10, 1}},
		{"many", events(25), []int{10, 10, 5}},
		{"large", large(5), []int{2, 2, 1}},
		{"one event over the limit, which EventBridge will reject", huge, []int{1, 1, 1}},
		{"several events of a recording", same, []int{3, 2}},
		{"the same ID in two accounts", tenants, []int{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, acceptAll)
			n, err := openAt(t, f.url, standard()).Send(t.Context(), c.events)
			if n != len(c.events) || err != nil || !slices.Equal(f.sizes(), c.want) {
				t.Errorf("Send = %d, %v in calls of %v, want %d in calls of %v", n, err, f.sizes(), len(c.events), c.want)
			}
			var got []string
			for _, c := range f.calls() {
				for _, e := range c.entries {
					got = append(got, e.Detail)
				}
			}
			for i, e := range c.events {
				if detail, err := e.Detail(); err != nil || got[i] != string(detail) {
					t.Fatalf("event %d was sent as %.200q, want %.200q", i, got[i], detail)
				}
			}
		})
	}
}

// TestPartialFailures checks that Send ends with the first rejected event and
// returns how many were accepted before it, because the stream resumes there.
func TestPartialFailures(t *testing.T) {
	t.Parallel()
	throttled := func(indexes ...int) answer {
		codes := map[int]string{}
		for _, i := range indexes {
			codes[i] = "ThrottlingException"
		}
		return accept(codes)
	}
	const ids = `"Entries":[{"EventId":"1"},{"EventId":"2"},{"EventId":"3"}]}`
	for _, c := range []struct {
		name    string
		send    int
		answers []answer
		want    int
		calls   int
		cause   string
	}{
		{"the first", 3, []answer{throttled(0)}, 0, 1, "1 of 3 events in the call were not accepted: ThrottlingException: no"},
		{"the last", 3, []answer{throttled(2)}, 2, 1, "ThrottlingException"},
		{"the middle one", 3, []answer{throttled(1)}, 1, 1, "ThrottlingException"},
		{"several", 10, []answer{throttled(3, 5, 9)}, 3, 1, "3 of 10 events"},
		{"in the second call of three", 25, []answer{acceptAll, throttled(4), acceptAll}, 14, 2, "ThrottlingException"},
		{"a permanent failure", 3, []answer{accept(map[int]string{1: "NotAuthorizedForSourceException"})}, 1, 1, "NotAuthorizedForSourceException"},
		{"an answer without entries", 3, []answer{respond(200, `{"FailedEntryCount":0}`)}, 0, 1, "0 events"},
		{"an answer with too many entries", 2, []answer{respond(200, `{"FailedEntryCount":0,`+ids)}, 0, 1, "3 events"},
		{"an answer that does not show which", 3, []answer{respond(200, `{"FailedEntryCount":1,`+ids)}, 0, 1, "does not show which"},
		{"an empty entry", 1, []answer{respond(200, `{"FailedEntryCount":0,"Entries":[{}]}`)}, 0, 1, "not accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, c.answers...)
			log := new(requestlog.Entry)
			n, err := openAt(t, f.url, standard()).Send(requestlog.With(t.Context(), log), events(c.send))
			if n != c.want || log.Events != c.want || len(f.calls()) != c.calls {
				t.Errorf("Send = %d in %d calls, %d in the log, want %d in %d", n, len(f.calls()), log.Events, c.want, c.calls)
			}
			if !errors.Is(err, notify.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), c.cause) {
				t.Errorf("Send: %v, want %v because of %q", err, notify.ErrUnavailable, c.cause)
			}
		})
	}
}

func TestOpenReportsEveryInvalidOption(t *testing.T) {
	t.Parallel()
	_, err := Open(Options{Endpoint: "ftp://x"})
	for _, want := range []string{"event bus", "region", "name of the bus", "credentials", "endpoint"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want it to name %s", err, want)
		}
	}
	if _, err := Open(Options{Region: "eu-west-1", Bus: "default", Credentials: static}); err != nil {
		t.Errorf("Open: %v", err)
	}
}

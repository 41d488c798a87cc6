package tablestream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/tablestream"
)

// event returns an event with a record for each ID; "" is a record without a key.
func event(t *testing.T, ids ...string) events.DynamoDBEvent {
	t.Helper()
	var records []string
	for _, id := range ids {
		keys := `{}`
		if id != "" {
			keys = `{"a":{"S":"a"},"id":{"S":"` + id + `"}}`
		}
		records = append(records, `{"eventName":"MODIFY","dynamodb":{"Keys":`+keys+`,"SequenceNumber":"seq-`+id+`"}}`)
	}
	var e events.DynamoDBEvent
	if err := json.Unmarshal([]byte(`{"Records":[`+strings.Join(records, ",")+`]}`), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// work collects its keys and fails for IDs that begin with "bad".
type work struct{ done []string }

func (w *work) do(_ context.Context, key tablestream.Key) error {
	w.done = append(w.done, key.Account+"/"+key.ID)
	if strings.HasPrefix(key.ID, "bad") {
		return errors.New("work failed")
	}
	return nil
}

func options(w tablestream.Work, log io.Writer) tablestream.Options {
	return tablestream.Options{Route: "purge", Work: w, Log: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now}
}

func TestFailuresAreReportedByItem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ids  []string
		done []string
		want string
	}{
		{name: "no records", want: `{"batchItemFailures":[]}`},
		{name: "all succeed", ids: []string{"1", "2"}, done: []string{"a/1", "a/2"}, want: `{"batchItemFailures":[]}`},
		{
			name: "one fails, the others succeed", ids: []string{"1", "bad", "2"}, done: []string{"a/1", "a/bad", "a/2"},
			want: `{"batchItemFailures":[{"itemIdentifier":"seq-bad"}]}`,
		},
		{
			name: "several fail", ids: []string{"bad1", "2", "bad3"}, done: []string{"a/bad1", "a/2", "a/bad3"},
			want: `{"batchItemFailures":[{"itemIdentifier":"seq-bad1"},{"itemIdentifier":"seq-bad3"}]}`,
		},
		{
			name: "record without a key", ids: []string{"", "2"}, done: []string{"a/2"},
			want: `{"batchItemFailures":[{"itemIdentifier":"seq-"}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var w work
			var log bytes.Buffer
			got, err := tablestream.Handler(options(w.do, &log))(t.Context(), event(t, c.ids...))
			if err != nil {
				t.Fatalf("Handler: %v", err)
			}
			if diff := cmp.Diff(c.done, w.done); diff != "" {
				t.Errorf("work (-want +got):\n%s", diff)
			}
			text, err := json.Marshal(got)
			if err != nil || string(text) != c.want {
				t.Errorf("response = %s, %v, want %s", text, err, c.want)
			}
			lines, failures := bytes.Count(log.Bytes(), []byte("\n")), bytes.Count(log.Bytes(), []byte(`"cause":"item seq-`))
			if lines != len(c.ids) || failures != len(got.BatchItemFailures) {
				t.Errorf("%d lines, %d with a cause, for %d items and %d failures:\n%s",
					lines, failures, len(c.ids), len(got.BatchItemFailures), log.Bytes())
			}
		})
	}
}

// Shortly before the deadline, the handler starts no item and reports them all.
func TestNoItemStartsTooLate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var w work
	got, err := tablestream.Handler(options(w.do, io.Discard))(ctx, event(t, "1", "2"))
	if err != nil || len(w.done) > 0 || len(got.BatchItemFailures) != 2 {
		t.Errorf("Handler = %+v, %v after %v, want both items reported and no work done", got, err, w.done)
	}
}

// An item that keeps failing is left after some time, so that Lambda reads on. Its line says so.
func TestItemsThatKeepFailingAreLeft(t *testing.T) {
	t.Parallel()
	slow := func(ctx context.Context, _ tablestream.Key) error { <-ctx.Done(); return ctx.Err() }
	fail := func(context.Context, tablestream.Key) error { return errors.New("work failed") }
	for name, c := range map[string]struct {
		ids      []string
		age      time.Duration // since the write; 0 for an event without times
		time     time.Duration // of the invocation
		work     tablestream.Work
		reported int
		left     string
	}{
		"recent":                      {[]string{"bad"}, tablestream.LeaveAfter - time.Second, time.Minute, fail, 1, ""},
		"old":                         {[]string{"bad"}, tablestream.LeaveAfter, time.Minute, fail, 0, "item seq-bad of the stream is left"},
		"old, without a key":          {[]string{""}, tablestream.LeaveAfter, time.Minute, fail, 0, "item seq- of the stream is left"},
		"without a time":              {[]string{"bad"}, 0, time.Minute, fail, 1, ""},
		"old, and not begun":          {[]string{"bad"}, tablestream.LeaveAfter, time.Second, fail, 1, ""},
		"old, and slow with all time": {[]string{"1"}, tablestream.LeaveAfter, 2100 * time.Millisecond, slow, 0, "item seq-1 of the stream is left"},
		"old, and after one that is slow": {[]string{"1", "2"}, tablestream.LeaveAfter, 2100 * time.Millisecond, func(ctx context.Context, key tablestream.Key) error {
			if key.ID == "1" {
				time.Sleep(50 * time.Millisecond)
				return nil
			}
			return slow(ctx, key)
		}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), c.time)
			defer cancel()
			e := event(t, c.ids...)
			for i := range e.Records {
				if c.age > 0 {
					e.Records[i].Change.ApproximateCreationDateTime.Time = now.Add(-c.age)
				}
			}
			var log bytes.Buffer
			o := options(c.work, &log)
			o.Now = func() time.Time { return now }
			got, err := tablestream.Handler(o)(ctx, e)
			if err != nil || len(got.BatchItemFailures) != c.reported {
				t.Errorf("Handler = %+v, %v, want %d failures", got, err, c.reported)
			}
			if line := log.String(); strings.Contains(line, "is left") != (c.left != "") || !strings.Contains(line, c.left) {
				t.Errorf("want %q in the log:\n%s", c.left, line)
			}
		})
	}
}

package tablestream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/tablestream"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// recordingItem returns the table's item of a recording, as JSON.
func recordingItem(id, revision, more string) string {
	return `{"a":{"S":"a"},"id":{"S":"` + id + `"},"c":{"S":"63934830000#` + id + `"},"rev":{"S":"` + revision + `"}` + more + `}`
}

// tombstoneItem returns the table's item of a tombstone, as JSON.
func tombstoneItem(id, revision string) string {
	return `{"a":{"S":"a"},"id":{"S":"` + id + `"},"created":{"N":"63934830000"},"deleted":{"N":"63934833600"},"rev":{"S":"` + revision + `"}}`
}

// record returns the stream record of a write that happened age ago. before
// and after are items as JSON, "" for none.
func record(t *testing.T, number int, age time.Duration, before, after string) events.DynamoDBEventRecord {
	t.Helper()
	images := ""
	if before != "" {
		images = `"OldImage":` + before + ","
	}
	if after != "" {
		images += `"NewImage":` + after + ","
	}
	text := fmt.Sprintf(`{"dynamodb":{%s"Keys":{"a":{"S":"a"},"id":{"S":"item %d"}},"SequenceNumber":"seq-%d","ApproximateCreationDateTime":%d}}`,
		images, number, number, now.Add(-age).Unix())
	var r events.DynamoDBEventRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

// feeder collects the revisions of changes and fails at the revision "bad".
type feeder struct {
	fed   []string
	calls int
	left  time.Duration
}

func (f *feeder) feed(ctx context.Context, changes []store.Change) (int, error) {
	f.calls++
	if end, ok := ctx.Deadline(); ok {
		f.left = time.Until(end)
	}
	requestlog.From(ctx).Events += len(changes)
	for i, c := range changes {
		revision := "gone"
		if c.After != nil {
			revision = c.After.Recording.Revision
		}
		if revision == "bad" {
			return i, errors.New("feed failed")
		}
		f.fed = append(f.fed, revision)
	}
	return len(changes), nil
}

// noLoss accepts every loss.
func noLoss(context.Context, string, string) error { return nil }

// changesOptions returns options with the feed f and a log.
func changesOptions(f tablestream.Feed, log io.Writer) tablestream.ChangesOptions {
	return tablestream.ChangesOptions{
		Route: "publish", Read: dynamo.ChangeOf, Feed: f, Lost: noLoss, Log: slog.New(slog.NewJSONHandler(log, nil)), Now: func() time.Time { return now },
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	good := func(revision string) string { return recordingItem("202601-1", revision, "") }
	const unreadable = `{"a":{"S":"a"},"id":{"S":"202601-2"},"rev":{"S":"2"}}`
	recent, old := tablestream.GiveUpAfter-time.Second, tablestream.GiveUpAfter
	for _, c := range []struct {
		name    string
		after   []string
		age     time.Duration
		fed     []string
		failed  string // the item from which Lambda retries
		givenUp int
	}{
		{name: "no records"},
		{name: "all succeed", after: []string{good("1"), good("2")}, fed: []string{"1", "2"}},
		{name: "the first fails", after: []string{good("bad"), good("2")}, failed: "seq-0"},
		{name: "a later one fails", after: []string{good("1"), good("bad"), good("3")}, fed: []string{"1"}, failed: "seq-1"},
		{name: "item removed", after: []string{""}, fed: []string{"gone"}},
		{name: "recording deleted", after: []string{tombstoneItem("202601-1", "9")}, fed: []string{"9"}},
		{name: "recent unreadable item", after: []string{good("1"), unreadable, good("3")}, age: recent, fed: []string{"1"}, failed: "seq-1"},
		{name: "recent unreadable item first", after: []string{unreadable, good("2")}, age: recent, failed: "seq-0"},
		{name: "old unreadable item", after: []string{good("1"), unreadable, good("3")}, age: old, fed: []string{"1", "3"}, givenUp: 1},
		{name: "only old unreadable items", after: []string{unreadable, unreadable}, age: old, givenUp: 2},
		{
			name: "old unreadable item before a failure", after: []string{unreadable, good("2"), good("bad")}, age: old,
			fed: []string{"2"}, failed: "seq-2", givenUp: 1,
		},
		{
			name: "old unreadable item after a failure", after: []string{good("bad"), unreadable}, age: old,
			failed: "seq-0", givenUp: 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var e events.DynamoDBEvent
			for i, after := range c.after {
				e.Records = append(e.Records, record(t, i, c.age, good("0"), after))
			}
			var f feeder
			var log bytes.Buffer
			got, err := tablestream.ChangesHandler(changesOptions(f.feed, &log))(t.Context(), e)
			if err != nil {
				t.Fatalf("ChangesHandler: %v", err)
			}
			if diff := cmp.Diff(c.fed, f.fed); diff != "" {
				t.Errorf("fed (-want +got):\n%s", diff)
			}
			want := `{"batchItemFailures":[]}`
			if c.failed != "" {
				want = `{"batchItemFailures":[{"itemIdentifier":"` + c.failed + `"}]}`
			}
			if text, err := json.Marshal(got); err != nil || string(text) != want {
				t.Errorf("response = %s, %v, want %s", text, err, want)
			}
			lines, givenUp := strings.Count(log.String(), "\n"), strings.Count(log.String(), "is given up")
			if lines != 1+c.givenUp || givenUp != c.givenUp {
				t.Errorf("%d lines, %d items given up, want one line for the batch and %d items given up:\n%s", lines, givenUp, c.givenUp, &log)
			}
			if c.failed != "" && !strings.Contains(log.String(), `"cause":"item `+c.failed+` of the stream`) {
				t.Errorf("log has no cause for the failure of %s:\n%s", c.failed, &log)
			}
		})
	}
}

func TestBatchLogLine(t *testing.T) {
	t.Parallel()
	var f feeder
	var log bytes.Buffer
	e := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{record(t, 0, 0, "", recordingItem("202601-1", "1", ""))}}
	if _, err := tablestream.ChangesHandler(changesOptions(f.feed, &log))(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"route":"publish"`, `"status":200`, `"items":1`, `"events":1`, `"account":""`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the line lacks %s: %s", want, &log)
		}
	}
}

// The feed's deadline leaves time for the response. Without enough time, the
// handler does not call the feed.
func TestChangesReserveTimeForResponse(t *testing.T) {
	t.Parallel()
	e := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{record(t, 0, 0, "", recordingItem("202601-1", "1", ""))}}
	for _, c := range []struct {
		left  time.Duration
		calls int
	}{{time.Second, 0}, {time.Minute, 1}} {
		ctx, cancel := context.WithTimeout(t.Context(), c.left)
		defer cancel()
		var f feeder
		got, err := tablestream.ChangesHandler(changesOptions(f.feed, io.Discard))(ctx, e)
		if err != nil || f.calls != c.calls || len(got.BatchItemFailures) != 1-c.calls || (f.calls > 0 && f.left > c.left-time.Second) {
			t.Errorf("with %v left: %d calls with %v for the feed, %+v, %v", c.left, f.calls, f.left, got, err)
		}
	}
}

// Lost learns of each item that is given up. If it fails, the item is not given up, and
// Lambda delivers it again.
func TestLostItems(t *testing.T) {
	t.Parallel()
	const unreadable = `{"a":{"S":"a"},"id":{"S":"202601-2"},"rev":{"S":"2"}}`
	good := recordingItem("202601-1", "1", "")
	old := tablestream.GiveUpAfter
	e := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{
		record(t, 0, old, "", good), record(t, 1, old, "", unreadable), record(t, 2, old, "", unreadable), record(t, 3, old, "", good),
	}}
	for _, c := range []struct {
		name   string
		fails  string // the item for which Lost fails
		lost   []string
		fed    int
		failed string
	}{
		{"all are noted", "", []string{"a seq-1", "a seq-2"}, 2, ""},
		{"the second is not", "seq-2", []string{"a seq-1"}, 1, "seq-2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var f feeder
			var log bytes.Buffer
			var lost []string
			o := changesOptions(f.feed, &log)
			o.Lost = func(_ context.Context, account, id string) error {
				if id == c.fails {
					return errors.New("not noted")
				}
				lost = append(lost, account+" "+id)
				return nil
			}
			got, err := tablestream.ChangesHandler(o)(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.lost, lost); diff != "" || len(f.fed) != c.fed || strings.Count(log.String(), "is given up") != len(c.lost) {
				t.Errorf("%d fed, lost (-want +got):\n%s\n%s", len(f.fed), diff, &log)
			}
			var want []events.DynamoDBBatchItemFailure
			if c.failed != "" {
				want = append(want, events.DynamoDBBatchItemFailure{ItemIdentifier: c.failed})
			}
			if diff := cmp.Diff(want, got.BatchItemFailures, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Lambda retries from (-want +got):\n%s", diff)
			}
		})
	}
}

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

	"callrecordings/shared/requestlog"
	"callrecordings/shared/store"
	"callrecordings/shared/store/dynamo"
	"callrecordings/shared/tablestream"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// living is the item of a recording.
func living(id, revision, more string) string {
	return `{"account_id":{"S":"a"},"id":{"S":"` + id + `"},"created_id":{"S":"63934830000#` + id + `"},"rev":{"S":"` + revision + `"}` + more + `}`
}

// dead is the item of a tombstone.
func dead(id, revision string) string {
	return `{"account_id":{"S":"a"},"id":{"S":"` + id + `"},"created":{"N":"63934830000"},"deleted":{"N":"63934833600"},"rev":{"S":"` + revision + `"}}`
}

// record is one write, told of age after it was made; "" is no item.
func record(t *testing.T, number int, age time.Duration, before, after string) events.DynamoDBEventRecord {
	t.Helper()
	images := ""
	if before != "" {
		images = `"OldImage":` + before + ","
	}
	if after != "" {
		images += `"NewImage":` + after + ","
	}
	text := fmt.Sprintf(`{"dynamodb":{%s"Keys":{"account_id":{"S":"a"},"id":{"S":"item %d"}},"SequenceNumber":"seq-%d","ApproximateCreationDateTime":%d}}`,
		images, number, number, now.Add(-age).Unix())
	var r events.DynamoDBEventRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

// feeder notes the revisions that it is fed with and stops at one that is "bad".
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
			return i, errors.New("no luck")
		}
		f.fed = append(f.fed, revision)
	}
	return len(changes), nil
}

func feeding(f tablestream.Feed, log io.Writer) tablestream.ChangesOptions {
	return tablestream.ChangesOptions{
		Route: "publish", Read: dynamo.ChangeOf, Feed: f, Log: slog.New(slog.NewJSONHandler(log, nil)), Now: func() time.Time { return now },
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	good := func(revision string) string { return living("202601-1", revision, "") }
	const strange = `{"account_id":{"S":"a"},"id":{"S":"202601-2"},"rev":{"S":"2"}}`
	young, old := tablestream.Patience-time.Second, tablestream.Patience
	for _, c := range []struct {
		name    string
		after   []string
		age     time.Duration
		fed     []string
		failed  string // the one that Lambda begins again with
		givenUp int
	}{
		{name: "nothing"},
		{name: "all well", after: []string{good("1"), good("2")}, fed: []string{"1", "2"}},
		{name: "the first fails", after: []string{good("bad"), good("2")}, failed: "seq-0"},
		{name: "one fails", after: []string{good("1"), good("bad"), good("3")}, fed: []string{"1"}, failed: "seq-1"},
		{name: "removed", after: []string{""}, fed: []string{"gone"}},
		{name: "deleted", after: []string{dead("202601-1", "9")}, fed: []string{"9"}},
		{name: "a young one cannot be read", after: []string{good("1"), strange, good("3")}, age: young, fed: []string{"1"}, failed: "seq-1"},
		{name: "only that", after: []string{strange, good("2")}, age: young, failed: "seq-0"},
		{name: "an old one cannot be read", after: []string{good("1"), strange, good("3")}, age: old, fed: []string{"1", "3"}, givenUp: 1},
		{name: "only old ones", after: []string{strange, strange}, age: old, givenUp: 2},
		{
			name: "an old one, and a failure behind it", after: []string{strange, good("2"), good("bad")}, age: old,
			fed: []string{"2"}, failed: "seq-2", givenUp: 1,
		},
		{
			name: "a failure, and an old one behind it", after: []string{good("bad"), strange}, age: old,
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
			got, err := tablestream.ChangesHandler(feeding(f.feed, &log))(t.Context(), e)
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
				t.Errorf("answer = %s, %v, want %s", text, err, want)
			}
			lines, givenUp := strings.Count(log.String(), "\n"), strings.Count(log.String(), "is given up")
			if lines != 1+c.givenUp || givenUp != c.givenUp {
				t.Errorf("%d lines, %d items given up, want a line for the batch and %d:\n%s", lines, givenUp, c.givenUp, &log)
			}
			if c.failed != "" && !strings.Contains(log.String(), `"cause":"item `+c.failed+` of the stream`) {
				t.Errorf("the log does not say why %s failed:\n%s", c.failed, &log)
			}
		})
	}
}

func TestLineOfABatch(t *testing.T) {
	t.Parallel()
	var f feeder
	var log bytes.Buffer
	e := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{record(t, 0, 0, "", living("202601-1", "1", ""))}}
	if _, err := tablestream.ChangesHandler(feeding(f.feed, &log))(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"route":"publish"`, `"status":200`, `"items":1`, `"events":1`, `"account":""`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the line lacks %s: %s", want, &log)
		}
	}
}

// There is time left for the answer, and nothing is begun when there is none.
func TestTimeIsKeptForTheAnswer(t *testing.T) {
	t.Parallel()
	e := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{record(t, 0, 0, "", living("202601-1", "1", ""))}}
	for _, c := range []struct {
		has   time.Duration
		calls int
	}{{time.Second, 0}, {time.Minute, 1}} {
		ctx, cancel := context.WithTimeout(t.Context(), c.has)
		defer cancel()
		var f feeder
		got, err := tablestream.ChangesHandler(feeding(f.feed, io.Discard))(ctx, e)
		if err != nil || f.calls != c.calls || len(got.BatchItemFailures) != 1-c.calls || (f.calls > 0 && f.left > c.has-time.Second) {
			t.Errorf("with %v to go: %d calls with %v, %+v, %v", c.has, f.calls, f.left, got, err)
		}
	}
}

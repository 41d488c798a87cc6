package sqsbatch_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/shared/sqsbatch"
)

// Only the messages that failed come again. An empty list means that none failed.
func TestEach(t *testing.T) {
	t.Parallel()
	e := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "a"}, {MessageId: "b"}, {MessageId: "c"}}}
	for fail, want := range map[string]string{
		"":  `{"batchItemFailures":[]}`,
		"b": `{"batchItemFailures":[{"itemIdentifier":"b"}]}`,
	} {
		next := 0
		answer := sqsbatch.Each(e, func(i int, m *events.SQSMessage) bool {
			if i != next || m.MessageId != e.Records[i].MessageId {
				t.Errorf("message %d is %s", i, m.MessageId)
			}
			next++
			return m.MessageId != fail
		})
		if text, err := json.Marshal(answer); err != nil || string(text) != want || next != 3 {
			t.Errorf("%q fails: %s after %d messages, %v; want %s", fail, text, next, err, want)
		}
	}
}

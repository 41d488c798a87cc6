package dynamo

import (
	"errors"
	"strconv"
	"testing"

	"github.com/callrecordings/api/shared/store"
)

func manyEntries(n int) []store.EntryWrite {
	writes := make([]store.EntryWrite, n)
	for i := range writes {
		writes[i].Entry = entryOf(strconv.Itoa(i), "1")
	}
	return writes
}

// Each call carries 25 writes, and all are sent.
func TestWriteEachSendsAll(t *testing.T) {
	t.Parallel()
	f := newFake(t, respond(200, "{}"))
	if err := openAt(t, f.url, fastLimits()).WriteEach(t.Context(), manyEntries(60)...); err != nil {
		t.Fatal(err)
	}
	if got, want := f.operations(), "BatchWriteItem BatchWriteItem BatchWriteItem"; got != want {
		t.Errorf("calls: %s, want %s", got, want)
	}
}

// Writes that DynamoDB skips every time are given up after some tries.
func TestWriteEachGivesUp(t *testing.T) {
	t.Parallel()
	f := newFake(t, respond(200, `{"UnprocessedItems":{"recordings":[{"DeleteRequest":{"Key":{"a":{"S":"x"},"id":{"S":"y"}}}}]}}`))
	err := openAt(t, f.url, fastLimits()).WriteEach(t.Context(), manyEntries(3)...)
	if !errors.Is(err, store.ErrUnavailable) || len(f.calls()) != maxTries {
		t.Errorf("WriteEach = %v after %d calls, want ErrUnavailable after %d", err, len(f.calls()), maxTries)
	}
}

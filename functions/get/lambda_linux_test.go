package main_test

import (
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/httpfield"
)

const (
	streamAccount = "4b1d6a1f5c2e4f7a9b8c7d6e5f4a3b2c"
	streamID      = "202601-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	streamTag     = `"0123456789abcdef0123456789abcdef"`
	// streamSize is the size of the audio: more than a function may stream.
	streamSize = 1 << 30
	// pause is where the bucket waits for the test, within its first answer.
	pause = 256 << 10
	// mostGrowth is how much the memory of a function may grow by a stream, in bytes: its
	// buffers, and garbage.
	mostGrowth = 24 << 20
	// patience is how long the test waits for one step.
	patience = 30 * time.Second
)

// lambda stands in for Lambda, DynamoDB and S3.
type lambda struct {
	t      *testing.T
	events chan invocation

	mu     sync.Mutex
	items  map[tableKey]json.RawMessage
	answer func(http.ResponseWriter, *http.Request) // takes the next response

	proceed chan struct{} // the bucket goes on after pause
	closed  chan int64    // how many bytes the bucket has sent of an object
	resets  int           // how many answers the bucket breaks off at pause
	reads   []string      // the Range and the If-Match of each read
	writes  []string      // Put or Delete and the partition key, for each item
}

// tableKey is the key of an item.
type tableKey struct {
	Partition struct{ S string } `json:"a"`
	ID        struct{ S string }
}

// invocation is an event, and what takes the function's response.
type invocation struct {
	event  string
	answer func(http.ResponseWriter, *http.Request)
}

func (l *lambda) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/invocation/next"):
		select {
		case i := <-l.events:
			l.mu.Lock()
			defer l.mu.Unlock()
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(15*time.Minute).UnixMilli(), 10))
			l.answer = i.answer
			_, _ = io.WriteString(w, i.event)
		case <-r.Context().Done():
		}
	case strings.Contains(path, "/runtime/"):
		l.mu.Lock()
		answer := l.answer
		l.mu.Unlock()
		answer(w, r)
	case path == "/":
		l.dynamo(w, r)
	default:
		l.object(w, r)
	}
}

// dynamo keeps the items that are put until they are deleted, and returns them for their keys
// and for their partitions.
func (l *lambda) dynamo(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Item          json.RawMessage
		Key           tableKey
		TransactItems []struct{ Delete struct{ Key tableKey } }

		ExpressionAttributeValues map[string]struct{ S string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var out any = map[string]any{}
	switch op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810."); {
	case op == "PutItem":
		var key tableKey
		if err := json.Unmarshal(in.Item, &key); err != nil {
			l.t.Error(err)
		}
		l.items[key] = in.Item
		l.writes = append(l.writes, "Put "+key.Partition.S)
	case op == "TransactWriteItems":
		for _, i := range in.TransactItems {
			delete(l.items, i.Delete.Key)
			l.writes = append(l.writes, "Delete "+i.Delete.Key.Partition.S)
		}
	case op == "GetItem" && l.items[in.Key] != nil:
		out = map[string]any{"Item": l.items[in.Key]}
	case op == "Query":
		found := []json.RawMessage{}
		for key, item := range l.items {
			if p := in.ExpressionAttributeValues[":partition"].S; p != "" && key.Partition.S == p {
				found = append(found, item)
			}
		}
		out = map[string]any{"Items": found, "Count": len(found), "ScannedCount": len(found)}
	}
	text, _ := json.Marshal(out)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(text)), 10))
	_, _ = w.Write(text)
}

// object answers HEAD and GET of an object of zeros.
func (l *lambda) object(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "audio/mpeg")
	h.Set("ETag", streamTag)
	h.Set("Last-Modified", "Mon, 05 Jan 2026 10:00:00 GMT")
	part, extent := httpfield.ParseRange(r.Header.Get("Range"), streamSize)
	if extent != httpfield.Partial {
		h.Set("Content-Length", strconv.Itoa(streamSize))
		return // a HEAD
	}
	l.mu.Lock()
	l.reads = append(l.reads, r.Header.Get("Range")+" "+r.Header.Get("If-Match"))
	proceed, reset := l.proceed, l.resets > 0
	l.proceed, l.resets = nil, l.resets-1
	l.mu.Unlock()
	h.Set("Content-Length", strconv.FormatInt(part.Length, 10))
	h.Set("Content-Range", part.ContentRange(streamSize))
	w.WriteHeader(http.StatusPartialContent)
	sent, chunk := int64(0), make([]byte, pause)
	for err := error(nil); err == nil && sent < part.Length; {
		var n int
		n, err = w.Write(chunk[:min(pause, part.Length-sent)])
		if sent += int64(n); sent == pause {
			_ = http.NewResponseController(w).Flush()
			if proceed != nil {
				<-proceed
			}
			if reset {
				panic(http.ErrAbortHandler)
			}
		}
	}
	select {
	case l.closed <- sent:
	default:
	}
}

// ranges returns the Range and the If-Match of each read so far.
func (l *lambda) ranges() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.reads)
}

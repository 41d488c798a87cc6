package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// answerTime is how long the fake services wait before they answer. If they answer
// faster, some of the SDK's calls fail while they send the body, because smithy-go
// closes the request's body when the response starts.
const answerTime = 300 * time.Microsecond

// tableSize is how many recordings each table of the fake holds.
const tableSize = 200

// fake stands in for three services. Its DynamoDB stores the items of each table. It
// answers every Query with as many items as it asks for, and every GetItem with the
// first one. Its S3
// returns the same object for every key. It is also a Lambda runtime API.
type fake struct {
	url    string
	server *http.Server

	mu     sync.Mutex
	tables map[string][]json.RawMessage
	// events is the number of events left for the function. Without events it gets an
	// error and exits, unless drained is set.
	events  int
	event   []byte
	drained chan struct{}
}

func startFake(ctx context.Context) (*fake, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &fake{url: "http://" + l.Addr().String(), tables: map[string][]json.RawMessage{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /{$}", f.dynamo)
	mux.HandleFunc("GET /bucket/{key...}", object)
	f.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = f.server.Serve(l) }()
	return f, nil
}

func (f *fake) close() { _ = f.server.Close() }

// feed provides n events for a function and returns a channel that is closed when
// all are answered. With n = 0, the next function gets an error instead.
func (f *fake) feed(n int, event []byte) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events, f.event, f.drained = n, event, make(chan struct{})
	if n == 0 {
		f.drained = nil
	}
	return f.drained
}

// next returns an event. After the last one it closes drained and leaves the
// function waiting, so that it can be examined. Without drained it returns an error,
// which makes the function exit.
func (f *fake) next(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	left, event, drained := f.events, f.event, f.drained
	f.events--
	f.mu.Unlock()
	switch {
	case left > 0:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", strconv.Itoa(left))
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(29*time.Second).UnixMilli(), 10))
		_, _ = w.Write(event)
	case left == 0 && drained != nil:
		close(drained)
		<-r.Context().Done()
	default:
		w.WriteHeader(http.StatusGone)
	}
}

// key is the part of a request and of an item that marks where a Query continues.
type key struct {
	ID struct{ S string } `json:"id"`
}

func (f *fake) dynamo(w http.ResponseWriter, r *http.Request) {
	var in struct {
		TableName         string
		Item              json.RawMessage
		Limit             int
		ExclusiveStartKey key
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	time.Sleep(answerTime)
	f.mu.Lock()
	items := f.tables[in.TableName]
	f.mu.Unlock()
	var out any = struct{}{}
	switch r.Header.Get("X-Amz-Target") {
	case "DynamoDB_20120810.Query":
		out = page(items, in.ExclusiveStartKey, in.Limit)
	case "DynamoDB_20120810.GetItem":
		out = map[string]any{"Item": items[0]}
	case "DynamoDB_20120810.PutItem":
		if len(items) < tableSize {
			f.mu.Lock()
			f.tables[in.TableName] = append(items, in.Item)
			f.mu.Unlock()
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(text)), 10))
	_, _ = w.Write(text)
}

// page returns the answer to a Query: up to limit items after the one with the key
// after.
func page(items []json.RawMessage, after key, limit int) map[string]any {
	id := func(item json.RawMessage) string {
		var k key
		_ = json.Unmarshal(item, &k)
		return k.ID.S
	}
	if i := slices.IndexFunc(items, func(m json.RawMessage) bool { return after.ID.S != "" && id(m) == after.ID.S }); i >= 0 {
		items = items[i+1:]
	}
	n := min(limit, len(items))
	out := map[string]any{
		"Items": items[:n], "Count": n, "ScannedCount": n,
		"ConsumedCapacity": map[string]any{"TableName": ourTable, "CapacityUnits": 6.5},
	}
	if n < len(items) {
		out["LastEvaluatedKey"] = map[string]any{
			"a": map[string]any{"S": account}, "id": map[string]any{"S": id(items[n-1])}, "c": map[string]any{"S": "x"},
		}
	}
	return out
}

// object answers GET and HEAD of every object with audioSize bytes.
func object(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(answerTime)
	h := w.Header()
	h.Set("Content-Type", "audio/mpeg")
	h.Set("Content-Length", strconv.Itoa(audioSize))
	h.Set("ETag", `"0123456789abcdef0123456789abcdef"`)
	h.Set("Last-Modified", "Mon, 05 Jan 2026 10:00:00 GMT")
	_, _ = w.Write(make([]byte, audioSize)) // net/http drops it for HEAD
}

// environment returns the environment variables of a function in Lambda.
func (f *fake) environment() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "GODEBUG=asyncpreemptoff=1", "GOGC=400", "GOMEMLIMIT=400MiB"} // as in template.yaml
	for name, value := range map[string]string{
		"AWS_LAMBDA_RUNTIME_API": f.url[len("http://"):], "AWS_LAMBDA_FUNCTION_NAME": "bench", "_LAMBDA_SERVER_PORT": "",
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_ENDPOINT_URL": f.url, "TABLE_NAME": ourTable, "BUCKET_NAME": "bucket",
		"TOKEN_KEYS": jwks, "CURSOR_KEY": cursorKey, "CORS_ORIGIN": "*", "LOG_LEVEL": "error", "EVENT_BUS": "bus", "INDEX_QUEUE_URL": f.url + "/index",
		"AUDIO_ORIGIN": "https://audio.example.com",
	} {
		if value != "" {
			env = append(env, fmt.Sprintf("%s=%s", name, value))
		}
	}
	return env
}

// Package emulator is an in-memory DynamoDB table with the features that package dynamo
// uses, for tests. A [Table] answers DynamoDB's HTTP requests. It evaluates conditions, makes
// transactions as a whole and recognizes their tokens, and returns batches in part, as
// DynamoDB does under load. It checks neither signatures nor the limits of items.
//
// The tests of package dynamo use it, so it cannot import that package. It repeats the names
// of the key attributes.
package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"
)

// attributes is an item in DynamoDB's JSON: {"id":{"S":"202311-1"}}.
type attributes = map[string]any

// request is the input of every operation that the store uses.
type request struct {
	Item, Key, ExclusiveStartKey, ExpressionAttributeValues       attributes
	ConditionExpression, KeyConditionExpression, UpdateExpression string
	FilterExpression                                              string
	IndexName, ReturnValues                                       string
	ReturnValuesOnConditionCheckFailure                           string
	ExpressionAttributeNames                                      map[string]string
	ConsistentRead                                                bool
	ScanIndexForward                                              *bool
	Limit                                                         int
	ClientRequestToken                                            string
	TransactItems                                                 []map[string]*request
	// RequestItems are the keys of a BatchGetItem or the writes of a BatchWriteItem.
	RequestItems map[string]json.RawMessage
}

// Table is an in-memory DynamoDB table. It is safe for concurrent use. A read that is not
// strongly consistent returns an item as it was before its last write, as DynamoDB may,
// until Settle is called.
type Table struct {
	// Fault chooses the fault of a request; nil means no faults.
	Fault func(operation string) Fault
	// Meanwhile, if not nil, runs once, after a request with the fault Lost has taken
	// effect.
	Meanwhile func()

	mu          sync.Mutex
	items, past map[string]attributes
	// done has the tokens of the transactions that took effect.
	done map[string]bool
	// changes are those since the last call of Changes, and changed how many there were.
	changes []Change
	changed int
}

// Change is a write, as the table's stream shows it.
type Change struct {
	// Sequence numbers the changes of a table from 1.
	Sequence int
	// Before and After are the item in DynamoDB's JSON, nil if it did not exist.
	Before, After map[string]any
}

// Fault describes how a request fails.
type Fault int

const (
	// None means that the request succeeds.
	None Fault = iota
	// Unsent means that the request has no effect, and the connection is closed.
	Unsent
	// Lost means that the request takes effect, and the connection is closed.
	Lost
)

// The attributes of keys, as in package dynamo.
const (
	attrAccount      = "a"
	attrID           = "id"
	attrCreatedID    = "c"
	attrAccountOwner = "o"
	attrRevision     = "rev"
	indexByUser      = "by_user"
	entryPrefix      = "#"
)

// separator stands between the two parts of a key.
const separator = "\x00"

// New returns an empty table.
func New() *Table {
	return &Table{items: map[string]attributes{}, past: map[string]attributes{}, done: map[string]bool{}}
}

// Settle makes reads without strong consistency see all writes so far.
func (e *Table) Settle() {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.Copy(e.past, e.items)
}

// Changes returns the changes since its last call, as the stream delivers them.
func (e *Table) Changes() []Change {
	e.mu.Lock()
	defer e.mu.Unlock()
	taken := e.changes
	e.changes = nil
	return taken
}

// Overwrite gives an item another revision, as another client does that writes the same
// content. changed is false if the item does not exist or has no revision.
func (e *Table) Overwrite(account, id, revision string) (changed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := account + separator + id
	old := e.items[at]
	if stringOf(old, attrRevision) == "" {
		return false
	}
	next := maps.Clone(old)
	next[attrRevision] = map[string]any{"S": revision}
	e.put(at, next)
	return true
}

// put replaces the item at a key; nil removes it.
func (e *Table) put(at string, next attributes) {
	old := e.items[at]
	e.past[at] = old
	if e.items[at] = next; next == nil {
		delete(e.items, at)
	}
	if reflect.DeepEqual(old, next) {
		return // the stream has only what changes
	}
	e.changed++
	e.changes = append(e.changes, Change{e.changed, old, next})
}

// ServeHTTP answers a request, even if the client has left, as DynamoDB does. A fault
// closes the connection.
func (e *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := e.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = answer.Body.Close() }()
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // the client may have left
}

// RoundTrip answers a request without a network, so that a test can count requests: the
// only attempts that fail are those of Fault and those with a context that has ended.
// Errors: io.ErrUnexpectedEOF for a connection that a fault closes, the context's.
func (e *Table) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	body, _ := io.ReadAll(r.Body)
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		panic(err)
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f := None
	if e.Fault != nil {
		f = e.Fault(operation)
	}
	if f == Unsent {
		return nil, io.ErrUnexpectedEOF
	}
	status, out := e.do(operation, &in)
	if f == Lost {
		if run := e.Meanwhile; run != nil {
			e.Meanwhile = nil
			run()
		}
		return nil, io.ErrUnexpectedEOF
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:   io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

// do executes a request.
func (e *Table) do(operation string, in *request) (int, attributes) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch operation {
	case "GetItem":
		return http.StatusOK, e.get(in)
	case "PutItem":
		return e.write(in, in.Item, in.Item)
	case "UpdateItem":
		return e.write(in, in.Key, updated(e.items[keyOf(in.Key)], in))
	case "Query":
		return http.StatusOK, e.query(in)
	case "Scan":
		return http.StatusOK, e.scan(in)
	case "BatchGetItem":
		return http.StatusOK, e.batch(in)
	case "BatchWriteItem":
		return http.StatusOK, e.writeBatch(in)
	case "TransactWriteItems":
		return e.transact(in)
	}
	panic(operation + " is not emulated")
}

// keyOf returns an item's key in the table.
func keyOf(m attributes) string { return stringOf(m, attrAccount) + separator + stringOf(m, attrID) }

func stringOf(m attributes, name string) string {
	v, _ := m[name].(map[string]any)
	for _, value := range v {
		s, _ := value.(string)
		return s
	}
	return ""
}

// seen returns the items that a read sees.
func (e *Table) seen(consistent bool) map[string]attributes {
	if consistent {
		return e.items
	}
	return e.past
}

func (e *Table) get(in *request) attributes {
	m := e.seen(in.ConsistentRead)[keyOf(in.Key)]
	out := attributes{"ConsumedCapacity": consumed(wireSize(m), in)}
	if m != nil {
		out["Item"] = m
	}
	return out
}

// write replaces the item at key with next if the condition holds.
func (e *Table) write(in *request, key, next attributes) (int, attributes) {
	at := keyOf(key)
	old := e.items[at]
	if in.ConditionExpression != "" && !evaluate(in.ConditionExpression, old, in.ExpressionAttributeValues) {
		out := attributes{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "The conditional request failed"}
		if old != nil && in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
			out["Item"] = old
		}
		return http.StatusBadRequest, out
	}
	e.put(at, next)
	return http.StatusOK, attributes{}
}

// update matches the only update expression that the store uses.
var update = regexp.MustCompile(`^SET (\w+) = if_not_exists\((\w+), (:\w+)\) REMOVE ([\w#, ]+)$`)

// updated returns an item after an update.
func updated(old attributes, in *request) attributes {
	next, part := maps.Clone(old), update.FindStringSubmatch(in.UpdateExpression)
	if next == nil {
		next = maps.Clone(in.Key)
	}
	if next[part[1]] = in.ExpressionAttributeValues[part[3]]; old[part[2]] != nil {
		next[part[1]] = old[part[2]]
	}
	for _, name := range strings.Split(part[4], ", ") {
		if attribute, ok := in.ExpressionAttributeNames[name]; ok {
			name = attribute
		}
		delete(next, name)
	}
	return next
}

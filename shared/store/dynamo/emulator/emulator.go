// Package emulator is an in-memory DynamoDB table with the features that package dynamo
// uses, for tests. A [Table] answers DynamoDB's HTTP requests. It evaluates conditions, makes
// transactions as a whole and recognizes their tokens, and returns batches in part, as
// DynamoDB does under load. It checks neither signatures nor the limits of items.
//
// The tests of package dynamo use it, so it cannot import that package. It repeats the names
// of the key attributes.
package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
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
	at := account + "\x00" + id
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

// ServeHTTP answers a request.
func (e *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		hangUp(w)
		return
	}
	status, out := e.do(operation, &in)
	if f == Lost {
		if run := e.Meanwhile; run != nil {
			e.Meanwhile = nil
			run()
		}
		hangUp(w)
		return
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may have left
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
func keyOf(m attributes) string { return stringOf(m, attrAccount) + "\x00" + stringOf(m, attrID) }

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

// maxBatch limits the total size of the items of a batch. The emulator leaves the rest
// unprocessed. DynamoDB stops at 16 MB, and may stop earlier.
const maxBatch = 4 << 20

func (e *Table) batch(in *request) attributes {
	found, unprocessed, size, capacity := map[string][]attributes{}, map[string]any{}, 0, 0.0
	for name, text := range in.RequestItems {
		var table struct {
			Keys           []attributes
			ConsistentRead bool
		}
		if err := json.Unmarshal(text, &table); err != nil {
			panic(err)
		}
		for i, key := range table.Keys {
			if size > maxBatch {
				unprocessed[name] = map[string]any{"Keys": table.Keys[i:], "ConsistentRead": table.ConsistentRead}
				break
			}
			m := e.seen(table.ConsistentRead)[keyOf(key)]
			capacity += readUnits(wireSize(m), table.ConsistentRead)
			if m != nil {
				found[name] = append(found[name], m)
				size += len(fmt.Sprint(m))
			}
		}
	}
	return attributes{"Responses": found, "UnprocessedKeys": unprocessed, "ConsumedCapacity": []attributes{{"CapacityUnits": capacity}}}
}

// maxQuery is the total size of items at which DynamoDB ends a Query.
const maxQuery = 1 << 20

func (e *Table) query(in *request) attributes {
	order := attrID
	if in.IndexName != "" {
		order = attrCreatedID
	}
	var all []attributes
	// Only Scanner reads the table's rows without strong consistency. The emulator gives it
	// the latest ones, because it would otherwise never see an item that is written once.
	scanning := in.IndexName == "" && !strings.HasPrefix(stringOf(in.ExpressionAttributeValues, ":account"), entryPrefix) && in.ExpressionAttributeValues[":low"] != nil
	within := beginning(in)
	for key, m := range e.seen(in.ConsistentRead || in.IndexName != "" || scanning) {
		if strings.HasPrefix(key, within) && m[order] != nil && (in.IndexName != indexByUser || m[attrAccountOwner] != nil) && evaluate(in.KeyConditionExpression, m, in.ExpressionAttributeValues) {
			all = append(all, m)
		}
	}
	direction := 1
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		direction = -1
	}
	compare := func(a, b attributes) int { return direction * strings.Compare(stringOf(a, order), stringOf(b, order)) }
	slices.SortFunc(all, compare)
	out, examined, size, read := []attributes{}, 0, 0, 0
	for _, m := range all {
		if in.ExclusiveStartKey != nil && compare(m, in.ExclusiveStartKey) <= 0 {
			continue
		}
		if in.FilterExpression == "" || evaluate(in.FilterExpression, m, in.ExpressionAttributeValues) {
			out = append(out, m)
		}
		examined++
		size, read = size+len(fmt.Sprint(m)), read+wireSize(m)
		if in.Limit > 0 && examined == in.Limit || size > maxQuery {
			last := attributes{attrAccount: m[attrAccount], attrID: m[attrID]}
			for _, name := range []string{attrCreatedID, attrAccountOwner} {
				if in.IndexName != "" && m[name] != nil && (name == order || in.IndexName == indexByUser) {
					last[name] = m[name]
				}
			}
			return attributes{"Items": out, "LastEvaluatedKey": last, "ConsumedCapacity": consumed(read, in)}
		}
	}
	return attributes{"Items": out, "ConsumedCapacity": consumed(read, in)}
}

// beginning returns how the keys of all items begin that a Query for entries may find.
func beginning(in *request) string {
	partition := stringOf(in.ExpressionAttributeValues, ":partition")
	if in.IndexName != "" || !strings.HasPrefix(partition, entryPrefix) {
		return ""
	}
	return partition + "\x00" + stringOf(in.ExpressionAttributeValues, ":prefix")
}

// consumed returns the capacity that a read of so many bytes takes.
func consumed(size int, in *request) attributes {
	return attributes{"CapacityUnits": readUnits(size, in.ConsistentRead)}
}

// readUnits returns the read units for an item, or for the items of a Query, of so many
// bytes: one for each started 4 KB, and half of that without strong consistency
// (docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
func readUnits(size int, consistent bool) float64 {
	units := float64(max(1, (size+4095)/4096))
	if !consistent {
		units /= 2
	}
	return units
}

// wireSize returns the size of an item in DynamoDB's JSON, as size does.
func wireSize(m attributes) int {
	n := 0
	for name, v := range m {
		n += len(name)
		for kind, value := range v.(map[string]any) {
			switch text, ok := value.(string); {
			case kind == "N":
				n += (len(text)+1)/2 + 1
			case ok:
				n += len(text)
			default:
				n++
			}
		}
	}
	return n
}

// scan reads the table, or the index by_created, in the order of accounts. DynamoDB's
// order of partitions is another one, and as stable.
func (e *Table) scan(in *request) attributes {
	order := func(m attributes) string {
		if in.IndexName != "" {
			return stringOf(m, attrAccount) + "\x00" + stringOf(m, attrCreatedID)
		}
		return keyOf(m)
	}
	var all []attributes
	for _, m := range e.items {
		if (in.IndexName == "" || m[attrCreatedID] != nil) && (in.ExclusiveStartKey == nil || order(m) > order(in.ExclusiveStartKey)) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b attributes) int { return strings.Compare(order(a), order(b)) })
	limit := 3 // DynamoDB's own limit is 1 MB
	if in.Limit > 0 {
		limit = in.Limit
	}
	answer, out := attributes{}, []attributes{}
	if len(all) > limit {
		all = all[:limit]
		answer["LastEvaluatedKey"] = attributes{attrAccount: all[limit-1][attrAccount], attrID: all[limit-1][attrID]}
	}
	for _, m := range all {
		if in.FilterExpression == "" || evaluate(in.FilterExpression, m, in.ExpressionAttributeValues) {
			out = append(out, m)
		}
	}
	answer["Items"] = out
	return answer
}

// hangUp closes the connection of a request.
func hangUp(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

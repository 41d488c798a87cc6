package emulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// transact executes a TransactWriteItems, unless one with its token has taken effect.
func (e *Table) transact(in *request) (int, attributes) {
	if e.done[in.ClientRequestToken] {
		return http.StatusOK, attributes{}
	}
	failed := false
	reasons := make([]attributes, len(in.TransactItems))
	for i, part := range in.TransactItems {
		for _, w := range part {
			reasons[i] = attributes{"Code": "None"}
			if w.ConditionExpression == "" || evaluate(w.ConditionExpression, e.items[w.at()], w.ExpressionAttributeValues) {
				continue
			}
			failed = true
			reasons[i] = attributes{"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
			if old := e.items[w.at()]; old != nil && w.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
				reasons[i]["Item"] = old
			}
		}
	}
	if failed {
		return http.StatusBadRequest, attributes{
			"__type":  "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
			"Message": "Transaction cancelled", "CancellationReasons": reasons,
		}
	}
	for _, part := range in.TransactItems {
		for kind, w := range part {
			switch kind {
			case "Put":
				e.put(w.at(), w.Item)
			case "Delete":
				e.put(w.at(), nil)
			case "Update":
				e.put(w.at(), counted(e.items[w.at()], w))
			}
		}
	}
	e.done[in.ClientRequestToken] = true
	return http.StatusOK, attributes{}
}

// at returns the key of the item that a part of a transaction is about.
func (r *request) at() string {
	if r.Item != nil {
		return keyOf(r.Item)
	}
	return keyOf(r.Key)
}

// counted returns an item after the update of a counter.
func counted(old attributes, in *request) attributes {
	next := maps.Clone(old)
	if next == nil {
		next = maps.Clone(in.Key)
	}
	set, add, _ := strings.Cut(strings.TrimPrefix(in.UpdateExpression, "SET "), " ADD ")
	name := func(s string) string {
		if full, ok := in.ExpressionAttributeNames[s]; ok {
			return full
		}
		return s
	}
	for part := range strings.SplitSeq(set, ", ") {
		to, value, _ := strings.Cut(part, " = ")
		next[name(to)] = in.ExpressionAttributeValues[value]
	}
	for part := range strings.SplitSeq(add, ", ") {
		if to, value, ok := strings.Cut(part, " "); ok {
			was, _ := strconv.Atoi(stringOf(next, name(to)))
			more, _ := strconv.Atoi(stringOf(in.ExpressionAttributeValues, value))
			next[name(to)] = map[string]any{"N": strconv.Itoa(was + more)}
		}
	}
	return next
}

// maxBulk is DynamoDB's limit for the writes of one BatchWriteItem.
const maxBulk = 25

// maxDone is the number of writes of a batch that the emulator does. It leaves the
// rest unprocessed, as DynamoDB does when it is throttled.
const maxDone = 20

// writeBatch executes a BatchWriteItem.
func (e *Table) writeBatch(in *request) attributes {
	unprocessed := map[string]any{}
	for name, text := range in.RequestItems {
		var writes []map[string]*request
		if err := json.Unmarshal(text, &writes); err != nil || len(writes) > maxBulk {
			panic(strconv.Itoa(len(writes)) + " writes: " + string(text))
		}
		if len(writes) > maxDone {
			unprocessed[name] = writes[maxDone:]
			writes = writes[:maxDone]
		}
		for _, part := range writes {
			for kind, w := range part {
				next := w.Item
				if kind != "PutRequest" {
					next = nil
				}
				e.put(w.at(), next)
			}
		}
	}
	return attributes{"UnprocessedItems": unprocessed}
}

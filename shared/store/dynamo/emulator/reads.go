package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

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
		if in.IndexName == indexByUser {
			key = stringOf(m, attrAccountOwner) + separator
		}
		if strings.HasPrefix(key, within) && m[order] != nil && evaluate(in.KeyConditionExpression, m, in.ExpressionAttributeValues) {
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

// beginning returns how the keys of all items begin that a Query may find. It spares most items
// the evaluation of the condition.
func beginning(in *request) string {
	values := in.ExpressionAttributeValues
	partition := stringOf(values, ":partition") + stringOf(values, ":account") // a Query has one of them
	within := partition + separator
	if in.IndexName == "" && strings.HasPrefix(partition, entryPrefix) {
		within += stringOf(values, ":prefix")
	}
	return within
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
	place := func(m attributes) string {
		if in.IndexName != "" {
			return stringOf(m, attrAccount) + separator + stringOf(m, attrCreatedID)
		}
		return keyOf(m)
	}
	type placed struct {
		at   string
		item attributes
	}
	var all []placed
	start := place(in.ExclusiveStartKey)
	for _, m := range e.items {
		if at := place(m); (in.IndexName == "" || m[attrCreatedID] != nil) && (in.ExclusiveStartKey == nil || at > start) {
			all = append(all, placed{at, m})
		}
	}
	slices.SortFunc(all, func(a, b placed) int { return strings.Compare(a.at, b.at) })
	limit := 3 // DynamoDB's own limit is 1 MB
	if in.Limit > 0 {
		limit = in.Limit
	}
	answer, out := attributes{}, []attributes{}
	if len(all) > limit {
		all = all[:limit]
		answer["LastEvaluatedKey"] = attributes{attrAccount: all[limit-1].item[attrAccount], attrID: all[limit-1].item[attrID]}
	}
	for _, p := range all {
		m := p.item
		if in.FilterExpression == "" || evaluate(in.FilterExpression, m, in.ExpressionAttributeValues) {
			out = append(out, m)
		}
	}
	answer["Items"] = out
	return answer
}

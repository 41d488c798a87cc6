package onepass

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The methods below decode a part of an answer. They return false for anything
// unexpected; the SDK then decodes the whole answer.

func (d *decoder) query(out *dynamodb.QueryOutput, rows Rows) bool {
	return d.object(func(name []byte) bool {
		switch string(name) {
		case "Items":
			if rows == nil {
				return d.items(&out.Items)
			}
			rows.Begin()
			return d.array(func() bool { return d.row(rows) })
		case "Count":
			return d.count(&out.Count)
		case "ScannedCount":
			return d.count(&out.ScannedCount)
		case "LastEvaluatedKey":
			return d.item(&out.LastEvaluatedKey)
		case "ConsumedCapacity":
			out.ConsumedCapacity = new(types.ConsumedCapacity)
			return d.capacity(out.ConsumedCapacity)
		}
		return false
	})
}

func (d *decoder) getItem(out *dynamodb.GetItemOutput) bool {
	return d.object(func(name []byte) bool {
		switch string(name) {
		case "Item":
			return d.item(&out.Item)
		case "ConsumedCapacity":
			out.ConsumedCapacity = new(types.ConsumedCapacity)
			return d.capacity(out.ConsumedCapacity)
		}
		return false
	})
}

func (d *decoder) batchGetItem(out *dynamodb.BatchGetItemOutput) bool {
	return d.object(func(name []byte) bool {
		switch string(name) {
		case "Responses":
			out.Responses = map[string][]map[string]types.AttributeValue{}
			return d.object(func(table []byte) bool {
				var items []map[string]types.AttributeValue
				ok := d.items(&items)
				out.Responses[string(table)] = items
				return ok
			})
		case "UnprocessedKeys": // any keys are left to the SDK
			out.UnprocessedKeys = map[string]types.KeysAndAttributes{}
			return d.object(func([]byte) bool { return false })
		case "ConsumedCapacity":
			out.ConsumedCapacity = []types.ConsumedCapacity{}
			return d.array(func() bool {
				var c types.ConsumedCapacity
				ok := d.capacity(&c)
				out.ConsumedCapacity = append(out.ConsumedCapacity, c)
				return ok
			})
		}
		return false
	})
}

func (d *decoder) count(to *int32) bool {
	const most = 9 // digits that always fit
	token, ok := d.number()
	if !ok || len(token) > most {
		return false
	}
	n, err := strconv.ParseUint(string(token), 10, 31)
	*to = int32(n)
	return err == nil
}

func (d *decoder) capacity(c *types.ConsumedCapacity) bool {
	return d.object(func(name []byte) bool {
		switch string(name) {
		case "TableName":
			value, ok := d.text()
			table := string(value)
			c.TableName = &table
			return ok
		case "CapacityUnits":
			token, ok := d.number()
			units, err := strconv.ParseFloat(string(token), 64)
			c.CapacityUnits = &units
			return ok && err == nil
		}
		return false
	})
}

// row passes an item to rows.
func (d *decoder) row(rows Rows) bool {
	d.scratch = d.scratch[:0]
	ok := d.object(func(name []byte) bool {
		value, kind, ok := d.value()
		return ok && rows.Attribute(name, value, kind)
	})
	return ok && rows.End()
}

func (d *decoder) items(to *[]map[string]types.AttributeValue) bool {
	*to = []map[string]types.AttributeValue{}
	return d.array(func() bool {
		var m map[string]types.AttributeValue
		ok := d.item(&m)
		*to = append(*to, m)
		return ok
	})
}

// usualAttributes is how many attributes most items have.
const usualAttributes = 8

func (d *decoder) item(to *map[string]types.AttributeValue) bool {
	d.scratch = d.scratch[:0]
	m := make(map[string]types.AttributeValue, usualAttributes)
	*to = m
	return d.object(func(name []byte) bool {
		value, kind, ok := d.value()
		if !ok {
			return false
		}
		switch kind {
		case String:
			m[string(name)] = &types.AttributeValueMemberS{Value: string(value)}
		case Number:
			m[string(name)] = &types.AttributeValueMemberN{Value: string(value)}
		case Bool:
			m[string(name)] = &types.AttributeValueMemberBOOL{Value: value[0] == 't'}
		default:
			m[string(name)] = &types.AttributeValueMemberNULL{Value: value[0] == 't'}
		}
		return true
	})
}

// value reads the value of an attribute: {"S":"text"}.
func (d *decoder) value() (value []byte, kind Kind, ok bool) {
	if !d.next('{') {
		return nil, 0, false
	}
	name, ok := d.name()
	if !ok || !d.next(':') {
		return nil, 0, false
	}
	switch string(name) {
	case "S":
		value, ok = d.text()
	case "N":
		kind = Number
		value, ok = d.text()
	case "BOOL":
		kind = Bool
		value, ok = d.boolean()
	case "NULL":
		kind = Null
		value, ok = d.boolean()
	default:
		return nil, 0, false
	}
	return value, kind, ok && d.next('}')
}

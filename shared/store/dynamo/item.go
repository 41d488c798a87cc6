package dynamo

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

type item = map[string]types.AttributeValue

// Limits of DynamoDB
// (docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const (
	maxItem         = 400 << 10 // bytes of an item, names included
	maxPartitionKey = 2048      // bytes of a partition key's value
	// tombstoneExtra is the most bytes that a restorable tombstone has beyond its recording:
	// who deleted it, when, and until when it can be restored.
	tombstoneExtra = 512
)

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num[N ~int64](n N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(n), 10)}
}

// text returns a string attribute of m, "" if m has no such attribute.
func text(m item, name string) string {
	if v, ok := m[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

// number returns an integer attribute of m, 0 if m has no such attribute.
func number(m item, name string) (int64, error) {
	v, ok := m[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s is %q", errLayout, name, v.Value)
	}
	return n, nil
}

func tableKey(account, id string) item {
	return item{attrAccount: str(account), attrID: str(id)}
}

// encode returns the item of r. It keeps the unknown attributes of old, the item
// that it replaces; old is nil for a new item.
func encode(old item, r *recording.Recording) (item, error) {
	if r.Created < 0 || r.Created > maxCreated {
		return nil, fmt.Errorf("recording %s/%s: created %d is out of range", r.Account, r.ID, r.Created)
	}
	m := make(item, max(9, len(old)))
	maps.Copy(m, old)
	m[attrAccount] = str(r.Account)
	m[attrID] = str(r.ID)
	m[attrCreatedID] = str(createdID(r.Created, r.ID))
	m[attrRevision] = str(r.Revision)
	m[attrModified] = num(r.Modified)
	if r.Modified == r.Created {
		delete(m, attrModified)
	}
	set(m, attrAccountOwner, accountOwner(r.Account, r.Owner), r.Owner != "")
	set(m, attrDocument, shorten(r.Document, own[string]{r.Account, r.Owner, r.ID}), r.Document != "")
	setAudio(m, r)
	set(m, attrUpload, encodeUpload(r.Upload), r.Upload != recording.Upload{})
	set(m, attrMade, r.Made, r.Made != "")
	if n := size(m); n > maxItem-tombstoneExtra || len(text(m, attrAccountOwner)) > maxPartitionKey {
		return nil, fmt.Errorf("%w: recording %s/%s takes %d bytes", store.ErrTooLarge, r.Account, r.ID, n)
	}
	return m, nil
}

// set stores an attribute if it is present, and otherwise removes it from m.
func set(m item, name, value string, present bool) {
	if present {
		m[name] = str(value)
	} else {
		delete(m, name)
	}
}

// decode decodes the item of a recording into r.
func decode(m item, r *recording.Recording) error {
	return rowOf(m).decode(new(recording.Recording), r, new([]byte))
}

// size returns the size of an item as DynamoDB counts it: the bytes of names and
// values, with two digits of a number per byte.
func size(m item) int {
	n := 0
	for name, v := range m {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += numberSize(len(v.Value))
		default:
			n++
		}
	}
	return n
}

// numberSize returns the size of a number of so many characters.
func numberSize(characters int) int { return (characters+1)/2 + 1 }

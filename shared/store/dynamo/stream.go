package dynamo

import (
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// ChangeOf decodes a record of the table's stream, which holds the item before
// and after the write (StreamViewType NEW_AND_OLD_IMAGES). Claims, storage secrets
// and entries yield nil images; their IDs or partitions contain a separator, unlike
// those of recordings.
//
// It returns an error if an item does not follow the table's layout. A retry by
// this version of the program does not help, but a later version may know the
// layout.
func ChangeOf(r events.DynamoDBStreamRecord) (store.Change, error) {
	c := store.Change{At: r.ApproximateCreationDateTime.UTC()}
	var err error
	if c.Before, err = imageOf(r.OldImage); err != nil {
		return store.Change{}, fmt.Errorf("the item before the change: %w", err)
	}
	after := itemOf(r.NewImage)
	if c.After, err = image(after); err != nil {
		return store.Change{}, fmt.Errorf("the item after the change: %w", err)
	}
	if c.After != nil && c.After.Deleted { // dated by the service's own clock
		deleted, err := number(after, attrDeleted)
		if err != nil {
			return store.Change{}, fmt.Errorf("the tombstone: %w", err)
		}
		c.At = recording.Seconds(deleted).Time()
	}
	return c, nil
}

func imageOf(attributes map[string]events.DynamoDBAttributeValue) (*store.Image, error) {
	return image(itemOf(attributes))
}

// image decodes the item of a recording or a tombstone. It returns nil if m is
// empty or an item of another kind.
func image(m item) (*store.Image, error) {
	if len(m) == 0 || strings.Contains(text(m, attrID), separator) || strings.HasPrefix(text(m, attrAccount), entryPrefix) {
		return nil, nil //nolint:nilnil // nil stands for no image
	}
	i := &store.Image{Deleted: isTombstone(m), Restorable: isTombstone(m) && isRestorable(m)}
	if !i.Deleted {
		return i, decode(m, &i.Recording)
	}
	t, err := decodeTombstone(m)
	i.Recording = recording.Recording{
		Account: t.Account, ID: t.ID, Revision: text(m, attrRevision), Created: t.Created, Audio: t.Audio,
	}
	if err == nil && (t.Account == "" || t.ID == "") {
		err = fmt.Errorf("%w: a tombstone with key %q/%q", errLayout, t.Account, t.ID)
	}
	return i, err
}

// itemOf converts an image of the stream to the SDK's types. Attributes of types
// that this package does not write become NULL.
func itemOf(attributes map[string]events.DynamoDBAttributeValue) item {
	m := make(item, len(attributes))
	for name, v := range attributes {
		switch v.DataType() {
		case events.DataTypeString:
			m[name] = str(v.String())
		case events.DataTypeNumber:
			m[name] = &types.AttributeValueMemberN{Value: v.Number()}
		case events.DataTypeBoolean:
			m[name] = &types.AttributeValueMemberBOOL{Value: v.Boolean()}
		default:
			m[name] = &types.AttributeValueMemberNULL{Value: true}
		}
	}
	return m
}

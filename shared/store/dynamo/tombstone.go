package dynamo

import (
	"cmp"
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// isTombstone reports whether m is the tombstone of a deleted recording.
func isTombstone(m item) bool { return m[attrDeleted] != nil }

// isRestorable reports whether the tombstone m can still be restored.
func isRestorable(m item) bool { return m[attrUntil] != nil }

// markDeleted turns old, the item of r, into a restorable tombstone. It drops the
// attribute expires, because a tombstone must not expire before its audio is gone. The
// sort key of the indexes becomes one that lists of recordings never reach.
func markDeleted(old item, r *recording.Recording, revision string, now recording.Seconds, d store.Deletion) item {
	m := maps.Clone(old)
	delete(m, attrExpires)
	m[attrRevision] = str(revision)
	m[attrCreated] = num(r.Created)
	m[attrDeleted] = num(now)
	m[attrUntil] = num(d.Until)
	m[attrCreatedID] = str(deletedPrefix + createdID(d.Until, r.ID))
	set(m, attrBy, d.By, d.By != "")
	set(m, attrCause, string(d.Cause), d.Cause != "" && d.Cause != store.CauseDeleted)
	return m
}

// beginPurge turns a restorable tombstone into one with a pending purge.
func beginPurge(old item) item {
	m := maps.Clone(old)
	for _, name := range []string{
		attrCreatedID, attrAccountOwner, attrDocument, attrModified, attrUpload, attrMade, attrUntil,
	} {
		delete(m, name)
	}
	m[attrPurgePending] = &types.AttributeValueMemberBOOL{Value: true}
	return m
}

// unmarkDeleted turns a restorable tombstone into the item of its recording.
func unmarkDeleted(tombstone item, created recording.Seconds) item {
	m := maps.Clone(tombstone)
	for _, name := range []string{attrCreated, attrDeleted, attrUntil, attrBy, attrCause} {
		delete(m, name)
	}
	m[attrCreatedID] = str(createdID(created, text(m, attrID)))
	return m
}

// decodeTombstone reads the item of a tombstone.
func decodeTombstone(m item) (store.Tombstone, error) {
	t := store.Tombstone{
		Account: text(m, attrAccount), ID: text(m, attrID), Revision: text(m, attrRevision),
		By: text(m, attrBy), Cause: cmp.Or(store.Cause(text(m, attrCause)), store.CauseDeleted),
		PurgePending: m[attrPurgePending] != nil,
	}
	for name, field := range map[string]*recording.Seconds{attrCreated: &t.Created, attrDeleted: &t.Deleted, attrUntil: &t.Until} {
		n, err := number(m, name)
		if err != nil {
			return store.Tombstone{}, err
		}
		*field = recording.Seconds(n)
	}
	var err error
	if t.Audio, err = rowOf(m).audio(recording.Audio{}); err != nil {
		return t, err
	}
	if t.Until != 0 {
		t.Recording = new(recording.Recording)
		if err := decode(unmarkDeleted(m, t.Created), t.Recording); err != nil {
			return t, err
		}
	}
	expires, err := number(m, attrExpires)
	if expires != 0 {
		t.Expires = fromUnix(expires)
	}
	return t, err
}

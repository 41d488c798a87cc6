package dynamo

import (
	"strconv"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// The attributes of the package comment.
const (
	attrAccount      = "account_id"
	attrID           = "id"
	attrCreatedID    = "created_id"
	attrAccountOwner = "account_owner"
	attrRevision     = "rev"
	attrModified     = "mod"
	attrAudio        = "audio"
	attrAudioKey     = "audio_key"
	attrDocument     = "doc"
	attrState        = "state"
	attrSHA256       = "sha256"
	attrSequencer    = "seq"
	attrUpload       = "upload"
	attrMade         = "made"

	attrCreated      = "created"
	attrDeleted      = "deleted"
	attrPurgePending = "purge_pending"
	attrExpires      = "expires"

	attrRecording = "recording"
	attrLabel     = "label"
)

// The indexes of the package comment.
const (
	indexByCreated = "by_created"
	indexByUser    = "by_user"
)

const (
	// createdDigits reach to the year 3168.
	createdDigits = 11
	maxCreated    = recording.Seconds(99999999999)
	separator     = "#"
	// pastSeparator sorts behind everything that has the separator there.
	pastSeparator = "$"
)

// createdID makes the sort key of the indexes: created, in 0 to maxCreated,
// padded, and the id behind it.
func createdID(created recording.Seconds, id string) string {
	return padded(created) + separator + id
}

func padded(created recording.Seconds) string {
	var digits [20]byte
	d := strconv.AppendInt(digits[:0], int64(created), 10)
	const zeros = "00000000000"
	return zeros[:max(0, createdDigits-len(d))] + string(d)
}

// createdOf reads createdID back.
func createdOf(createdID string) (recording.Seconds, bool) {
	if len(createdID) <= createdDigits || createdID[createdDigits:createdDigits+1] != separator {
		return 0, false
	}
	n, err := strconv.ParseInt(createdID[:createdDigits], 10, 64)
	return recording.Seconds(n), err == nil && n >= 0
}

// accountOwner makes the partition key of by_user. An account has no
// separator in it (contract, Routes), so the first one ends it.
func accountOwner(account, owner string) string { return account + separator + owner }

// keyRange is the part of an index that a page reads: sort keys from low to
// high, both included, and, unless after is "", only those behind after.
type keyRange struct {
	low, high string
	after     store.Position
}

// rangeOf cuts the query's range and start to what DynamoDB takes: bounds in
// order, and a start within them (both are errors there otherwise). It
// reports false when nothing can be in the range.
func rangeOf(q store.Query) (keyRange, bool) {
	k := keyRange{low: padded(0) + separator, high: padded(maxCreated) + pastSeparator}
	if q.From > maxCreated || q.To < 0 {
		return k, false
	}
	if q.From > 0 {
		k.low = padded(q.From) + separator
	}
	if q.To > 0 && q.To < maxCreated {
		k.high = padded(q.To) + pastSeparator
	}
	if !q.Start.IsZero() {
		k.cut(q.Start, q.Ascending)
	}
	return k, k.low <= k.high
}

// cut begins the range at p.
func (k *keyRange) cut(p store.Position, ascending bool) {
	var at string // sorts before, within or behind all keys
	switch {
	case p.Created < 0:
	case p.Created > maxCreated:
		at = padded(maxCreated) + pastSeparator + pastSeparator
	default:
		at = createdID(p.Created, p.ID)
	}
	switch within := k.low <= at && at <= k.high; {
	case within && p.After && p.ID != "":
		k.after = p
	case ascending:
		k.low = max(k.low, at)
	default:
		k.high = min(k.high, at)
	}
}

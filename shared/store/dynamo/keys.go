package dynamo

import (
	"strconv"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The attributes of the table; see the package comment.
const (
	attrAccount      = "a"
	attrID           = "id"
	attrCreatedID    = "c"
	attrAccountOwner = "o"
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
	attrUntil        = "restore_until"
	attrBy           = "deleted_by"
	attrCause        = "cause"
	attrPurgePending = "purge_pending"
	attrExpires      = "expires"

	attrRecording = "recording"
	attrLabel     = "label"
	attrEntry     = "entry"

	// counterPrefix starts the attributes of a counter. No other attribute starts with it.
	counterPrefix = "n_"
)

// The indexes of the table; see the package comment.
const (
	indexByCreated = "by_created"
	indexByUser    = "by_user"
)

const (
	// createdDigits digits of Gregorian seconds last until the year 3168.
	createdDigits = 11
	maxCreated    = recording.Seconds(99999999999)
	separator     = "#"
	// pastSeparator sorts after any key that has the separator in its place.
	pastSeparator = "$"
	// deletedPrefix starts the sort key of a restorable tombstone in the indexes. It sorts
	// after all digits, so a list of recordings ends before it.
	deletedPrefix = "D"
)

// createdID returns the sort key of the indexes: the padded creation time, from
// 0 to maxCreated, followed by the ID.
func createdID(created recording.Seconds, id string) string {
	return padded(created) + separator + id
}

func padded(created recording.Seconds) string {
	var digits [20]byte
	d := strconv.AppendInt(digits[:0], int64(created), 10)
	const zeros = "00000000000"
	return zeros[:max(0, createdDigits-len(d))] + string(d)
}

// createdOf returns the creation time in a sort key made by createdID. ok is false
// if the key is malformed.
func createdOf[T string | []byte](createdID T) (created recording.Seconds, ok bool) {
	if len(createdID) <= createdDigits || createdID[createdDigits] != separator[0] {
		return 0, false
	}
	n, err := strconv.ParseInt(string(createdID[:createdDigits]), 10, 64)
	return recording.Seconds(n), err == nil && n >= 0
}

// accountOwner returns the partition key of by_user. An account ID contains no
// separator (contract, Routes), so the first separator ends it.
func accountOwner(account, owner string) string { return account + separator + owner }

// keyRange is the range of sort keys that a page reads: from low to high, both
// inclusive. If after is set, the page starts with the key that follows it.
type keyRange struct {
	low, high string
	after     store.Position
}

// rangeOf limits the query's range and start to values that DynamoDB accepts: low
// must not exceed high, and the start must lie between them. It returns false if
// the range is empty. Tombstones need deletedPrefix before each key.
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

// cut moves the start of the range to p.
func (k *keyRange) cut(p store.Position, ascending bool) {
	var at string // may sort before or after all keys
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

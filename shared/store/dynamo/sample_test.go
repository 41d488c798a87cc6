package dynamo

import (
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	account = "a0123456789abcdef0123456789abcde"
	owner   = "b0123456789abcdef0123456789abcde"
)

// sample returns the n-th recording of the account, with the usual fields that
// describe a call and its audio.
func sample(n int) recording.Recording {
	id := fmt.Sprintf("202311-%032x", n)
	return recording.Recording{
		Account: account, ID: id, Owner: owner,
		Created: recording.Seconds(63866880062 + n), Modified: recording.Seconds(63866880062 + n),
		Revision: "abcdefghijklmnop",
		Audio:    recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 499712},
		Document: recording.Document(fmt.Sprintf(`{"call_id":"MTQ4YjE1ZjQ3NWU4ZTJkMzA0@10.1.1.5",`+
			`"interaction_id":"63866880000-9f3c2a1b","name":"%032x.mp3","content_type":"audio/mpeg","media_type":"mp3",`+
			`"media_source":"recorded","source_type":"kzc_recording","origin":"inbound from offnet to endpoint",`+
			`"direction":"inbound","start":%d,"duration":62,"duration_ms":62340,"from":"+14155550100@example.com",`+
			`"to":"+14155550199@example.com","request":"+14155550199@example.com","caller_id_name":"Ada Lovelace",`+
			`"caller_id_number":"+14155550100","callee_id_name":"Front Desk","callee_id_number":"+14155550199",`+
			`"owner_id":"%s","custom_channel_vars":{"Media-Recording-ID":"%s"}}`, n, 63866880000+n, owner, id)),
	}
}

// tombstoneOf returns the tombstone with a pending purge that a deletion without a time
// for a restore makes of old, the item of r.
func tombstoneOf(old item, r *recording.Recording, revision string, now recording.Seconds) item {
	return beginPurge(markDeleted(old, r, revision, now, store.Deletion{}))
}

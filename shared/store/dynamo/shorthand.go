package dynamo

import (
	"fmt"
	"strings"

	"github.com/callrecordings/api/shared/recording"
)

// DynamoDB bills each started kilobyte of an item, and half of an ordinary document is
// the names of its fields. The attribute doc therefore has the document in a shorthand:
// a control character stands for text that most documents contain, or for text of the
// item's keys. JSON escapes control
// characters in strings, so a document does not contain any, and the shorthand is
// unambiguous. A document that has one anyway, as white space between its values, is
// stored as it is behind the character plain. A document without control characters is
// its own shorthand. docs/adr/017-document-shorthand.md has the reasons and the sizes.
//
// Stored items contain these characters, so an entry must never change or move. New
// entries go to the end of rare.

// common holds the texts with a character of their own: the n-th has the character n+1.
var common = [...]string{
	`{"call_id":"`, `,"call_id":"`, `,"interaction_id":"`, `,"name":"`, `,"content_type":"audio/`, `,"media_type":"`,
	`,"media_source":"recorded"`, `,"source_type":"kzc_recording"`, `,"origin":"inbound from `, `,"origin":"outbound `,
	`,"origin":"`, `,"direction":"inbound"`, `,"direction":"outbound"`, `,"start":`, `,"duration":`, `,"duration_ms":`,
	`,"from":"`, `,"to":"`, `,"request":"`, `,"caller_id_name":"`, `,"caller_id_number":"`, `,"callee_id_name":"`,
	`,"callee_id_number":"`, `,"owner_id":"`, `,"custom_channel_vars":{"Media-Recording-ID":"`,
	`,"custom_channel_vars":{"`, `,"cdr_id":"`, `,"description":"`, `,"user_metadata":{`,
}

// rare holds the texts with two characters: rareFirst, and then the n-th has the
// character n+' '. The characters from firstOwn on stand for texts of the item itself.
var rare = [...]string{
	`,"custom_channel_vars":{"Account-ID":"`, `,"Account-ID":"`, `,"Account-Name":"`, `,"Account-Realm":"`,
	`,"Authorizing-ID":"`, `,"Authorizing-Type":"device"`, `,"Authorizing-Type":"`, `,"Bridge-ID":"`,
	`,"Call-Interaction-ID":"`, `,"CallFlow-ID":"`, `,"Channel-Authorized":"true"`, `,"Ecallmgr-Node":"ecallmgr@`,
	`,"Fetch-ID":"`, `,"Global-Resource":"`, `,"Inception":"`, `,"Media-Name":"`, `,"Media-Names":[`,
	`,"Media-Recorder":"kz_media_recording"`, `,"Media-Recording-ID":"`, `,"Media-Recording-Endpoint-ID":"`,
	`,"Owner-ID":"`, `,"Presence-ID":"`, `,"Realm":"`, `,"Reseller-ID":"`, `,"Resource-ID":"`, `,"Username":"`,
	`,"Application-Name":"`, `,"Application-Node":"`, `,"Caller-Privacy-Hide-Name":"`, `,"Caller-Privacy-Hide-Number":"`,
	`,"Is-On-Net":"`, `,"Origination-Call-ID":"`, `,"Server-ID":"`, `,"Timestamp":"`,
	`,"conference_id":"`, `,"conference_name":"`, `,"conference_recording":`, `,"transcribe":`, `,"endpoint_id":"`,
	`,"recording_vars":{`, `,"url":"https://`, `,"description":"recording `, `,"from":"unknown@unknown"`,
	`,"to":"unknown@unknown"`,
}

const (
	rareFirst = 0x1e
	plain     = 0x1f
	firstOwn  = '|'
	// controls is the number of control characters.
	controls = 0x20
)

// own holds texts of an item that its document repeats: the account, the owner and the
// ID. They have the characters rareFirst, and firstOwn and the next two.
type own[T string | []byte] [3]T

// shorten returns the shorthand of a document.
func shorten(d recording.Document, texts own[string]) string {
	out := make([]byte, 0, len(d)+1)
	if strings.ContainsFunc(string(d), func(r rune) bool { return r < controls }) {
		return string(append(append(out, plain), d...))
	}
	for i := 0; i < len(d); {
		code, n := "", 0
		switch c := d[i]; { // entries of the tables begin with one of these characters
		case c == ',', c == '{':
			code, n = longest(string(d[i:]))
		case i > 0 && d[i-1] == '"':
			code, n = texts.longest(string(d[i:]))
		}
		if n == 0 {
			code, n = string(d[i:i+1]), 1
		}
		out = append(out, code...)
		i += n
	}
	return string(out)
}

// longest returns the longest entry of common and rare in front of text: its characters
// and its length. The length is 0 without a match.
func longest(text string) (code string, n int) {
	const at = len(`,"`) // where entries begin to differ
	if len(text) <= at {
		return "", 0
	}
	for i, entry := range common {
		if entry[at] == text[at] && len(entry) > n && strings.HasPrefix(text, entry) {
			code, n = string(rune(i+1)), len(entry)
		}
	}
	for i, entry := range rare {
		if entry[at] == text[at] && len(entry) > n && strings.HasPrefix(text, entry) {
			code, n = string([]rune{rareFirst, rune(i + ' ')}), len(entry)
		}
	}
	return code, n
}

// longest returns the longest of the texts in front of text, in the same way. A text
// counts only if it is longer than its characters.
func (o own[T]) longest(text string) (code string, n int) {
	for i, entry := range o {
		if len(entry) > max(n, 2) && strings.HasPrefix(text, string(entry)) {
			code, n = string([]rune{rareFirst, rune(i + firstOwn)}), len(entry)
		}
	}
	return code, n
}

// appendFull appends the document with this shorthand to dst. Error: errLayout if the
// shorthand is malformed, as it is for an entry of a later version.
func appendFull(dst, short []byte, texts *own[[]byte]) ([]byte, error) {
	if len(short) > 0 && short[0] == plain {
		return append(dst, short[1:]...), nil
	}
	for i := 0; ; {
		from := i
		for i < len(short) && short[i] >= controls {
			i++
		}
		if dst = append(dst, short[from:i]...); i == len(short) {
			return dst, nil
		}
		c := int(short[i])
		if c > 0 && c <= len(common) {
			dst = append(dst, common[c-1]...)
			i++
			continue
		}
		if i++; c != rareFirst || i == len(short) {
			return nil, fmt.Errorf("%w: %s has an unknown entry", errLayout, attrDocument)
		}
		switch c := int(short[i]); {
		case c >= ' ' && c < ' '+len(rare):
			dst = append(dst, rare[c-' ']...)
		case c >= firstOwn && c < firstOwn+len(texts):
			dst = append(dst, texts[c-firstOwn]...)
		default:
			return nil, fmt.Errorf("%w: %s has an unknown entry", errLayout, attrDocument)
		}
		i++
	}
}

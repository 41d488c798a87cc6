package dynamo

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/recording"
)

// setAudio stores r's audio in m and removes the attributes that do not apply.
func setAudio(m item, r *recording.Recording) {
	a := r.Audio
	set(m, attrAudio, encodeAudio(a), a.Place != "" || a.Size != 0 || a.ContentType != "")
	set(m, attrAudioKey, a.Key, a.Key != "" && a.Key != recording.AudioKey(r.Account, r.ID))
	set(m, attrState, strings.TrimSpace(string(a.State)+" "+string(a.Reason)), a.State != "")
	set(m, attrSHA256, compactSum(a.SHA256), a.SHA256 != "")
	set(m, attrSequencer, a.Sequencer, a.Sequencer != "")
}

// forgetAudio returns an update expression that removes the attributes of setAudio,
// and the names in it. One of them is a reserved word of DynamoDB.
func forgetAudio() (expression string, names map[string]string) {
	names = map[string]string{"#audio": attrAudio, "#key": attrAudioKey, "#state": attrState, "#sum": attrSHA256, "#seq": attrSequencer}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", "), names
}

// encodeAudio returns place, size and type: "managed 499712 audio/mpeg". The
// place and the type may be empty, but both spaces are always present.
func encodeAudio(a recording.Audio) string {
	return string(a.Place) + " " + strconv.FormatInt(a.Size, 10) + " " + a.ContentType
}

// encodeUpload returns SHA-256, size and type in the same form:
// "43-characters 499712 audio/mpeg".
func encodeUpload(u recording.Upload) string {
	return compactSum(u.SHA256) + " " + strconv.FormatInt(u.Size, 10) + " " + u.ContentType
}

// compactSum returns a SHA-256 of 64 hexadecimal digits as 43 characters of base64, and
// other texts unchanged.
func compactSum(digits string) string {
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != sha256.Size || hex.EncodeToString(sum) != digits {
		return digits
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// fullSum is the inverse of compactSum.
func fullSum(compact []byte) string {
	var sum [sha256.Size]byte
	if base64.RawURLEncoding.EncodedLen(sha256.Size) != len(compact) {
		return string(compact)
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(sum[:], compact); err != nil {
		return string(compact)
	}
	return hex.EncodeToString(sum[:])
}

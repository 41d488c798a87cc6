package dynamo

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/dynamo/onepass"
)

// field is an attribute of the item of a recording; see the package comment.
type field int

const (
	fieldAccount field = iota
	fieldID
	fieldCreatedID
	fieldAccountOwner
	fieldRevision
	fieldModified
	fieldAudio
	fieldAudioKey
	fieldDocument
	fieldState
	fieldSHA256
	fieldSequencer
	fieldUpload
	fieldMade
	fields     // their number
	otherField = fields
)

// fieldOf returns the field with an attribute's name, otherField for all others.
func fieldOf(name []byte) field {
	switch string(name) { // without a copy of name
	case attrAccount:
		return fieldAccount
	case attrID:
		return fieldID
	case attrCreatedID:
		return fieldCreatedID
	case attrAccountOwner:
		return fieldAccountOwner
	case attrRevision:
		return fieldRevision
	case attrModified:
		return fieldModified
	case attrAudio:
		return fieldAudio
	case attrAudioKey:
		return fieldAudioKey
	case attrDocument:
		return fieldDocument
	case attrState:
		return fieldState
	case attrSHA256:
		return fieldSHA256
	case attrSequencer:
		return fieldSequencer
	case attrUpload:
		return fieldUpload
	case attrMade:
		return fieldMade
	}
	return otherField
}

// row holds the attributes of one item. Absent attributes are nil. An attribute of
// another type than the package comment states counts as absent.
type row struct {
	values [fields][]byte
	size   int // bytes of the item, as DynamoDB counts them
}

// rowOf returns the row of an item that the SDK has decoded.
func rowOf(m item) *row {
	w := &row{size: size(m)}
	for name, v := range m {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			w.set([]byte(name), []byte(v.Value), onepass.String)
		case *types.AttributeValueMemberN:
			w.set([]byte(name), []byte(v.Value), onepass.Number)
		}
	}
	return w
}

// set stores an attribute. It returns false if the row already has one of this name,
// or if it is of another type than expected.
func (w *row) set(name, value []byte, kind onepass.Kind) bool {
	f, want := fieldOf(name), onepass.String
	switch f {
	case otherField:
		return true
	case fieldModified:
		want = onepass.Number
	}
	if kind != want || w.values[f] != nil {
		return false
	}
	w.values[f] = value
	return true
}

// decode decodes the item of a recording into r. It shares strings that are the same in
// before, the recording before it in a list. scratch is room for a document.
func (w *row) decode(before, r *recording.Recording, scratch *[]byte) error {
	v := &w.values
	created, ok := createdOf(v[fieldCreatedID])
	modified := created
	if text := v[fieldModified]; text != nil {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %s is %q", errLayout, attrModified, text)
		}
		modified = recording.Seconds(n)
	}
	if !ok || len(v[fieldAccount]) == 0 || len(v[fieldID]) == 0 || string(v[fieldCreatedID][createdDigits+1:]) != string(v[fieldID]) {
		return fmt.Errorf("%w: %s %q of %q/%q", errLayout, attrCreatedID, v[fieldCreatedID], v[fieldAccount], v[fieldID])
	}
	_, owner, _ := bytes.Cut(v[fieldAccountOwner], []byte(separator))
	texts := own[[]byte]{v[fieldAccount], owner, v[fieldID]}
	document, err := appendFull((*scratch)[:0], v[fieldDocument], &texts)
	if err != nil {
		return err
	}
	*scratch = document
	var text arena
	text.Grow(len(v[fieldID]) + len(v[fieldRevision]) + len(v[fieldMade]) + len(document))
	*r = recording.Recording{
		Account: same(before.Account, v[fieldAccount]), Owner: same(before.Owner, owner),
		ID: text.add(v[fieldID]), Revision: text.add(v[fieldRevision]), Made: text.add(v[fieldMade]),
		Created: created, Modified: modified,
		Document: recording.Document(text.add(document)),
	}
	if r.Upload, err = w.upload(); err != nil {
		return err
	}
	r.Audio, err = w.audio(before.Audio)
	return err
}

// audio decodes the audio of a recording or of a tombstone.
func (w *row) audio(before recording.Audio) (recording.Audio, error) {
	state, reason, _ := strings.Cut(string(w.values[fieldState]), " ")
	a := recording.Audio{
		Key:   string(w.values[fieldAudioKey]),
		State: recording.State(state), Reason: recording.Reason(reason),
		SHA256: fullSum(w.values[fieldSHA256]), Sequencer: string(w.values[fieldSequencer]),
	}
	place, length, kind, err := w.split(fieldAudio, attrAudio)
	a.Place, a.ContentType = recording.Place(same(string(before.Place), place)), same(before.ContentType, kind)
	a.Size = length
	return a, err
}

// upload decodes the announced upload.
func (w *row) upload() (u recording.Upload, err error) {
	sum, length, kind, err := w.split(fieldUpload, attrUpload)
	u.SHA256, u.Size, u.ContentType = fullSum(sum), length, string(kind)
	return u, err
}

// split reads a word, a number and a rest that are separated by spaces. It returns zero
// values if the row has no such attribute.
func (w *row) split(f field, name string) (word []byte, n int64, rest []byte, err error) {
	line := w.values[f]
	if len(line) == 0 {
		return nil, 0, nil, nil
	}
	word, rest, _ = bytes.Cut(line, []byte(" "))
	length, rest, ok := bytes.Cut(rest, []byte(" "))
	n, err = strconv.ParseInt(string(length), 10, 64)
	if !ok || err != nil {
		return nil, 0, nil, fmt.Errorf("%w: %s is %q", errLayout, name, line)
	}
	return word, n, rest, nil
}

// same returns text as a string, before if they are equal.
func same(before string, text []byte) string {
	if before == string(text) {
		return before
	}
	return string(text)
}

// arena makes strings that share one allocation.
type arena struct{ strings.Builder }

// add returns b as a string.
func (a *arena) add(b []byte) string {
	begin := a.Len()
	_, _ = a.Write(b) // never fails
	return a.String()[begin:]
}

// rows decodes the items of a Query as they are read; see [onepass.Rows].
type rows struct {
	found   []listed
	row     row
	scratch []byte
}

// listed is an item of a list and its size in bytes.
type listed struct {
	recording.Recording
	size int
}

// Begin implements [onepass.Rows].
func (s *rows) Begin() { s.found, s.row = s.found[:0], row{} }

// Attribute implements [onepass.Rows].
func (s *rows) Attribute(name, value []byte, kind onepass.Kind) bool {
	s.row.size += len(name)
	switch kind {
	case onepass.String:
		s.row.size += len(value)
	case onepass.Number:
		s.row.size += numberSize(len(value))
	default:
		s.row.size++
	}
	return s.row.set(name, value, kind)
}

// End implements [onepass.Rows]. An item that does not follow the table's layout is
// left to the SDK, so that the list fails only if it reaches it.
func (s *rows) End() bool {
	var none recording.Recording
	before := &none
	if n := len(s.found); n > 0 {
		before = &s.found[n-1].Recording
	}
	s.found = append(s.found, listed{size: s.row.size})
	err := s.row.decode(before, &s.found[len(s.found)-1].Recording, &s.scratch)
	s.row = row{}
	return err == nil
}

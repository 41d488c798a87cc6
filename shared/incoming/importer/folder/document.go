package folder

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// document is a recording as an export writes it.
type document struct {
	id                string
	public            recording.Document
	created, modified recording.Seconds
	audio             audio
}

// audio is the part of a document that describes its audio. Empty members are
// left out.
type audio struct {
	Place       recording.Place  `json:"place,omitempty"`
	ContentType string           `json:"content_type,omitempty"`
	State       recording.State  `json:"state,omitempty"`
	Reason      recording.Reason `json:"reason,omitempty"`
	// File is the name of the audio file beside the document; Size and SHA256
	// describe the file. Without a file, Size is the size of audio that cannot be
	// served.
	File   string `json:"file,omitempty"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// documentOf returns the document of a recording, without its audio file.
func documentOf(r *recording.Recording) document {
	a := audio{Place: r.Audio.Place, ContentType: r.Audio.ContentType, State: r.Audio.State, Reason: r.Audio.Reason}
	if a.Place != recording.Managed {
		a.Size = r.Audio.Size
	}
	return document{r.ID, cmp.Or(r.Document, "{}"), r.Created, r.Modified, a}
}

// Private members of an exported document.
const (
	createdMember  = "pvt_created"
	modifiedMember = "pvt_modified"
	audioMember    = "pvt_audio"
)

// text returns the document as an export writes it. Equal documents have equal
// texts.
func (d *document) text() ([]byte, error) {
	dst := append([]byte(`{"id":`), recording.Quote(d.id)...)
	if n := len(d.public); n > len("{}") {
		dst = append(append(dst, ','), d.public[1:n-1]...)
	}
	dst = append(dst, `,"`+createdMember+`":`...)
	dst = strconv.AppendInt(dst, int64(d.created), 10)
	dst = append(dst, `,"`+modifiedMember+`":`...)
	dst = strconv.AppendInt(dst, int64(d.modified), 10)
	dst = append(dst, `,"`+audioMember+`":`...)
	b := bytes.NewBuffer(dst)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d.audio); err != nil {
		return nil, fmt.Errorf("encode the audio's description: %w", err)
	}
	b.Truncate(b.Len() - len("\n"))
	b.WriteString("}\n")
	back, _, err := parseExported(b.Bytes())
	switch {
	case err != nil:
		return nil, fmt.Errorf("it cannot be read back: %w", err)
	case back != *d:
		return nil, errRoundTrip
	case b.Len() > maxExported:
		return nil, errTooLong
	}
	return b.Bytes(), nil
}

// Faults of an exported document.
var (
	errTooLong   = fmt.Errorf("a document may have at most %d bytes", maxExported)
	errRoundTrip = errors.New("it would be read back differently")
	errTimes     = errors.New(createdMember + " and " + modifiedMember + " must be Gregorian seconds")
	errAudio     = errors.New(audioMember + " has an unknown value")
	errOtherFile = fmt.Errorf("%w: the file that %s names is not beside it", importer.ErrRefused, audioMember)
)

// parseExported parses the text of an exported document. exported reports whether
// raw is an object with a pvt_created, which marks exported documents.
func parseExported(raw []byte) (d document, exported bool, err error) {
	members, ok := membersOf(raw)
	if !ok || members[createdMember] == nil {
		return document{}, false, nil
	}
	if d.public, err = recording.ParseDocument(raw); err != nil {
		return document{}, true, err
	}
	var id string
	if json.Unmarshal(members["id"], &id) != nil {
		id = ""
	}
	if d.id, err = recording.ParseID(id); err != nil {
		return document{}, true, err
	}
	for name, at := range map[string]*recording.Seconds{createdMember: &d.created, modifiedMember: &d.modified} {
		if text := members[name]; text != nil && json.Unmarshal(text, at) != nil || *at < 0 || *at > recording.MaxSeconds {
			return document{}, true, errTimes
		}
	}
	if text := members[audioMember]; text != nil && json.Unmarshal(text, &d.audio) != nil || !d.audio.known() {
		return document{}, true, errAudio
	}
	return d, true, nil
}

// membersOf returns the members of a JSON object. ok is false for anything else.
// (Decoding into a struct would accept "ID" for "id".)
func membersOf(raw []byte) (members map[string]json.RawMessage, ok bool) {
	return members, json.Unmarshal(raw, &members) == nil
}

// The accepted values in the description of the audio.
var (
	places  = []recording.Place{recording.Nowhere, recording.Managed, recording.External}
	states  = []recording.State{"", recording.Pending, recording.Ready, recording.Empty, recording.Failed}
	reasons = []recording.Reason{
		"", recording.NotAudio, recording.Damaged, recording.OtherType, recording.OtherSize, recording.OtherChecksum, recording.TooLarge,
	}
)

// known reports whether all values are among the accepted ones.
func (a *audio) known() bool {
	return slices.Contains(places, a.Place) && slices.Contains(states, a.State) && slices.Contains(reasons, a.Reason) &&
		a.Size >= 0 && (a.SHA256 == "" || len(a.SHA256) == 64 && strings.Trim(a.SHA256, "0123456789abcdef") == "")
}

// item returns the item of a document. own is the name of its audio file, or "" if
// the document has no audio file.
func (d *document) item(account string, f file, own string) importer.Item {
	a := d.audio
	it := importer.Item{
		Name: f.name, Account: account, ID: d.id, Document: d.public, Exact: true, Created: d.created, Modified: d.modified,
		Audio: recording.Audio{Place: a.Place, ContentType: a.ContentType, Size: a.Size, State: a.State, Reason: a.Reason, SHA256: a.SHA256},
	}
	switch {
	case own != "":
		it.Audio.Place = recording.Managed
		it.Ref = &origin{name: own, size: a.Size, sized: a.Size > 0 || a.SHA256 != "", exported: true, sha256: a.SHA256}
	case a.Place == recording.Managed: // the audio was missing during the export
		it.Audio = recording.Audio{}
	}
	return it
}

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

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/recording"
)

// document is a recording as an export writes it.
type document struct {
	id                string
	public            recording.Document
	created, modified recording.Seconds
	audio             audio
}

// audio is what a document tells of its audio. Members that say nothing are
// left out.
type audio struct {
	Place       recording.Place  `json:"place,omitempty"`
	ContentType string           `json:"content_type,omitempty"`
	State       recording.State  `json:"state,omitempty"`
	Reason      recording.Reason `json:"reason,omitempty"`
	// File that lies beside the document, of Size bytes and that SHA256; without
	// one, Size is that of audio which cannot be served.
	File   string `json:"file,omitempty"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// documentOf is a recording, without what its audio's file is.
func documentOf(r *recording.Recording) document {
	a := audio{Place: r.Audio.Place, ContentType: r.Audio.ContentType, State: r.Audio.State, Reason: r.Audio.Reason}
	if a.Place != recording.Managed {
		a.Size = r.Audio.Size
	}
	return document{r.ID, cmp.Or(r.Document, "{}"), r.Created, r.Modified, a}
}

// Members of an exported document that are none of the public ones.
const (
	createdMember  = "pvt_created"
	modifiedMember = "pvt_modified"
	audioMember    = "pvt_audio"
)

// text is the document as it is written: the same for the same.
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
		return nil, fmt.Errorf("write what is known of the audio: %w", err)
	}
	b.Truncate(b.Len() - len("\n"))
	b.WriteString("}\n")
	back, _, err := parseExported(b.Bytes())
	switch {
	case err != nil:
		return nil, fmt.Errorf("it could not be read back: %w", err)
	case back != *d:
		return nil, errOther
	case b.Len() > maxExported:
		return nil, errLong
	}
	return b.Bytes(), nil
}

// What is wrong with an exported document.
var (
	errLong      = fmt.Errorf("a document has at most %d bytes", maxExported)
	errOther     = errors.New("it would be read back as another")
	errTimes     = errors.New(createdMember + " and " + modifiedMember + " are Gregorian seconds")
	errAudio     = errors.New(audioMember + " tells nothing that is known")
	errOtherFile = fmt.Errorf("%w: the file that %s names is none beside it", importer.ErrRefused, audioMember)
)

// parseExported reads what text has written. It reports whether it is meant to
// be that: an object with a pvt_created.
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

// membersOf are the members of an object; false for what is none. (A struct would
// take "ID" for "id".)
func membersOf(raw []byte) (members map[string]json.RawMessage, ok bool) {
	return members, json.Unmarshal(raw, &members) == nil
}

// What a document may tell of its audio.
var (
	places  = []recording.Place{recording.Nowhere, recording.Managed, recording.External}
	states  = []recording.State{"", recording.Pending, recording.Ready, recording.Empty, recording.Failed}
	reasons = []recording.Reason{
		"", recording.NotAudio, recording.Damaged, recording.OtherType, recording.OtherSize, recording.OtherChecksum, recording.TooLarge,
	}
)

// known reports whether all that is told can be understood.
func (a *audio) known() bool {
	return slices.Contains(places, a.Place) && slices.Contains(states, a.State) && slices.Contains(reasons, a.Reason) &&
		a.Size >= 0 && (a.SHA256 == "" || len(a.SHA256) == 64 && strings.Trim(a.SHA256, "0123456789abcdef") == "")
}

// item is the recording that a document is of; own is its audio, "" for none.
func (d *document) item(account string, f file, own string) importer.Item {
	a := d.audio
	it := importer.Item{
		Name: f.name, Account: account, ID: d.id, Document: d.public, Exact: true, Created: d.created, Modified: d.modified,
		Audio: recording.Audio{Place: a.Place, ContentType: a.ContentType, Size: a.Size, State: a.State, Reason: a.Reason, SHA256: a.SHA256},
	}
	switch {
	case own != "":
		it.Audio.Place = recording.Managed
		it.Ref = &origin{name: own, size: a.Size, sized: a.Size > 0 || a.SHA256 != "", vouched: true, sha256: a.SHA256}
	case a.Place == recording.Managed: // it was missing when it was exported
		it.Audio = recording.Audio{}
	}
	return it
}

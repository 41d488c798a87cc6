package kazoo

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// validAccount matches account IDs (contract, Routes).
var validAccount = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// newItem parses a row of a list. An item that cannot be imported has a Fault. key
// identifies the row, even if the row has no ID.
func newItem(account string, row json.RawMessage) (it importer.Item, key string) {
	it = importer.Item{Account: account, Exact: true}
	// Decode into a map, since a struct would accept "ID" for "id".
	var members map[string]json.RawMessage
	if err := json.Unmarshal(row, &members); err != nil || members == nil {
		it.Name, it.Fault = "a row without an ID", fmt.Errorf("%w: it is not an object", importer.ErrRefused)
		return it, sumOf(row)
	}
	var id string
	if json.Unmarshal(members["id"], &id) != nil || id == "" {
		it.Name, it.Fault = "a row without an ID", fmt.Errorf("%w: it has no ID", importer.ErrRefused)
		return it, sumOf(row)
	}
	it.Name = short(id)
	if _, err := recording.ParseID(id); err != nil {
		it.Fault = fmt.Errorf("%w: invalid recording ID (want YYYYMM- and 1 to 128 of A-Z, a-z, 0-9, _ . @ -)", importer.ErrRefused)
		return it, id
	}
	it.ID = id
	doc, err := recording.ParseDocument(row)
	if err != nil {
		it.Fault = fmt.Errorf("%w: its document: %w", importer.ErrRefused, err)
		return it, id
	}
	it.Document, it.Audio = doc, audioOf(doc, members["_read_only"])
	return it, id
}

// sumOf identifies a row without an ID. A hash saves memory, since such rows may be
// many and large.
func sumOf(row []byte) string {
	sum := sha256.Sum256(row)
	return string(sum[:])
}

// short returns an ID in the form that reports show.
func short(id string) string {
	const most = 80
	if len(id) > most {
		id = id[:most] + "…"
	}
	if quoted := strconv.QuoteToASCII(id); quoted != `"`+id+`"` {
		return quoted
	}
	return id
}

// audioOf returns the description of the audio. Kazoo lists the media types of the
// audio that it has (kazoo.md 1.4). If that list is missing, Open asks Kazoo.
func audioOf(doc recording.Document, readOnly json.RawMessage) recording.Audio {
	var has struct {
		Types *[]string `json:"content_types"`
	}
	contentType, _ := doc.Text("content_type")
	kind, _ := recording.AudioType(contentType)
	if json.Unmarshal(readOnly, &has) != nil || has.Types == nil {
		return recording.Audio{Place: recording.Managed, ContentType: kind}
	}
	for _, t := range *has.Types {
		if audio, ok := recording.AudioType(t); ok {
			kind = audio
			break
		}
	}
	address, _ := doc.Text("url")
	switch {
	case len(*has.Types) > 0:
		return recording.Audio{Place: recording.Managed, ContentType: kind}
	case address != "":
		return recording.Audio{Place: recording.External, ContentType: kind}
	}
	return recording.Audio{}
}

// day formats a time for errors.
func day(at recording.Seconds) string { return at.Time().Format("2006-01-02") }

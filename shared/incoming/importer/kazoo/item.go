package kazoo

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/recording"
)

// validAccount is what the id of an account is (contract, Routes).
var validAccount = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// newItem reads a row of a list. What cannot be taken has its Fault. key is what
// tells it from other rows, whatever it is.
func newItem(account string, row json.RawMessage) (it importer.Item, key string) {
	it = importer.Item{Account: account, Exact: true}
	// A map: a struct would take "ID" for "id".
	var members map[string]json.RawMessage
	if err := json.Unmarshal(row, &members); err != nil || members == nil {
		it.Name, it.Fault = "a row without an id", fmt.Errorf("%w: it is no object", importer.ErrRefused)
		return it, sumOf(row)
	}
	var id string
	if json.Unmarshal(members["id"], &id) != nil || id == "" {
		it.Name, it.Fault = "a row without an id", fmt.Errorf("%w: it has no id", importer.ErrRefused)
		return it, sumOf(row)
	}
	it.Name = short(id)
	if _, err := recording.ParseID(id); err != nil {
		it.Fault = fmt.Errorf("%w: no id of a recording (want YYYYMM- and 1 to 128 of A-Z, a-z, 0-9, _ . @ -)", importer.ErrRefused)
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

// sumOf stands for a row without an id: there may be many, and large ones.
func sumOf(row []byte) string {
	sum := sha256.Sum256(row)
	return string(sum[:])
}

// short is an id as reports show it.
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

// audioOf says whether there is audio: Kazoo lists the types of what it has
// (kazoo.md 1.4). One that does not say so is asked.
func audioOf(doc recording.Document, readOnly json.RawMessage) recording.Audio {
	var told struct {
		Types *[]string `json:"content_types"`
	}
	said, _ := doc.Text("content_type")
	kind, _ := recording.AudioType(said)
	if json.Unmarshal(readOnly, &told) != nil || told.Types == nil {
		return recording.Audio{Place: recording.Managed, ContentType: kind}
	}
	for _, t := range *told.Types {
		if audio, ok := recording.AudioType(t); ok {
			kind = audio
			break
		}
	}
	address, _ := doc.Text("url")
	switch {
	case len(*told.Types) > 0:
		return recording.Audio{Place: recording.Managed, ContentType: kind}
	case address != "":
		return recording.Audio{Place: recording.External, ContentType: kind}
	}
	return recording.Audio{}
}

// day shows a time in errors.
func day(at recording.Seconds) string { return at.Time().Format("2006-01-02") }

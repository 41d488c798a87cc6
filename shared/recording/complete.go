package recording

import "strconv"

// unknownParty is the address of an unknown side of a call.
const unknownParty = "unknown@unknown"

// recordingID is the member of custom_channel_vars in which interfaces look for
// the ID.
const recordingID = "Media-Recording-ID"

// Complete adds the fields that existing interfaces read without checking for
// them, with the neutral values of the contract (The document). It is for
// recordings that this service creates; copies from a Kazoo stay as they were.
// It replaces no field, whatever its type; [Document.Validate] checks types.
func Complete(d Document, id string, created Seconds) Document {
	for _, f := range []struct{ name, value string }{
		{"call_id", Quote(id)},
		{"from", Quote(unknownParty)},
		{"to", Quote(unknownParty)},
		{"start", strconv.FormatInt(int64(created), 10)},
		{"duration", "0"},
		{"duration_ms", "0"},
		{"direction", `"inbound"`},
		{"origin", `"inbound from offnet to account"`},
	} {
		if _, ok := d.Raw(f.name); !ok {
			d = d.with(f.name, f.value)
		}
	}
	if _, ok := d.Raw("custom_channel_vars", recordingID); ok {
		return d
	}
	vars, ok := d.Raw("custom_channel_vars")
	if ok && vars[0] != '{' {
		return d
	}
	return d.with("custom_channel_vars", merge(vars, `{"`+recordingID+`":`+Quote(id)+`}`))
}

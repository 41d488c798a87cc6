package recording

import "strconv"

// unknownParty stands for a side of the call that is not known.
const unknownParty = "unknown@unknown"

// recordingID is where deployed interfaces look for the id, among
// custom_channel_vars.
const recordingID = "Media-Recording-ID"

// Complete fills in what deployed interfaces read without looking, with the
// neutral values of the contract (The document) where d says nothing. It is
// for recordings that this service creates; copies from a Kazoo stay as they
// were. What is there is never replaced, whatever its type: see
// [Document.Validate] for that.
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

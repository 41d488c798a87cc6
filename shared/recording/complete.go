package recording

import (
	"strconv"
	"strings"
)

// unknownParty is the address of an unknown side of a call.
const unknownParty = "unknown@unknown"

// recordingID is the member of custom_channel_vars in which interfaces look for
// the ID.
const recordingID = "Media-Recording-ID"

// Complete adds the fields that existing interfaces read without checking for
// them, with the neutral values of the contract (The document). It is for
// recordings that this service creates; copies from a Kazoo stay unchanged. It
// never replaces a field, regardless of its type; [Document.Validate] checks types.
func Complete(d Document, id string, created Seconds) Document {
	for _, f := range []struct{ name, value string }{
		{"call_id", Quote(id)},
		{"from", Quote(unknownParty)},
		{"to", Quote(unknownParty)},
		{"caller_id_name", `""`},
		{"caller_id_number", d.number("from")},
		{"callee_id_name", `""`},
		{"callee_id_number", d.number("to")},
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

// number returns the number in an address as JSON text: 1001 for 1001@realm, and ""
// if the address has no number.
func (d Document) number(field string) string {
	address, _ := d.Text(field)
	user, _, _ := strings.Cut(address, "@")
	digits := strings.TrimPrefix(user, "+")
	if strings.Trim(digits, "0123456789*#") != "" || !strings.ContainsAny(digits, "0123456789") {
		return `""`
	}
	return Quote(user)
}

// sides are the fields of the two sides of a call, each with the default value that
// Complete sets. A number is derived from its address.
var sides = []struct{ name, unknown, address string }{
	{"from", unknownParty, ""},
	{"to", unknownParty, ""},
	{"caller_id_name", "", ""},
	{"caller_id_number", "", "from"},
	{"callee_id_name", "", ""},
	{"callee_id_number", "", "to"},
}

// Enrich returns d with the missing fields taken from the report. The neutral
// values of the two sides of the call count as missing.
func (d Document) Enrich(reported Document) Document {
	var unknown []string
	for _, f := range sides {
		if value, ok := d.Text(f.name); ok && value == f.unknown {
			unknown = append(unknown, f.name)
		}
	}
	return d.Under(reported, unknown...).Renumber(d)
}

// Renumber returns d, a later version of before. If Complete derived a number from
// an address in before, Renumber derives it again from the current address.
func (d Document) Renumber(before Document) Document {
	for _, f := range sides {
		if f.address == "" {
			continue
		}
		was, _ := before.Raw(f.name)
		is, _ := d.Raw(f.name)
		if derived := d.number(f.address); is == was && was == before.number(f.address) && is != derived {
			d = d.with(f.name, derived)
		}
	}
	return d
}

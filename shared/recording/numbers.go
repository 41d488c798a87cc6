package recording

// numberFields are the public fields that carry the numbers of a call. Kazoo puts the
// number into the name of a party that has none (kazoo.md 2.3).
var numberFields = [...]string{
	"callee_id_name", "callee_id_number", "caller_id_name", "caller_id_number", "from", "request", "to",
}

// Numbers returns the texts of the fields that carry the numbers of a call, in any
// spelling (package phone). Some are names or empty.
func (d Document) Numbers() []string {
	var all []string
	for name, raw := range d.Fields() {
		for _, field := range numberFields {
			if name == field && raw[0] == '"' {
				all = append(all, unquote(raw))
			}
		}
	}
	return all
}

// Start returns when the call of the recording started: the document's start, or Created
// without one.
func (r *Recording) Start() Seconds {
	if at, ok := r.Document.Int("start"); ok && at > 0 {
		return Seconds(at)
	}
	return r.Created
}

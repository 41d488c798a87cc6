package recording

import (
	"slices"
	"strconv"
	"strings"
)

// MaxChoice is the maximum number of fields in a [Choice].
const MaxChoice = 64

// readOnlyField is the name of the object with the members that the service itself adds to a
// document.
const readOnlyField = "_read_only"

// Choice is a set of top-level members of a document that a client asks for. The zero
// value chooses all of them.
type Choice struct {
	names []string // sorted; nil chooses all
}

// ParseChoice parses names that are joined by commas, such as "id,from,to,start". Spaces
// around a name and empty names are ignored. A name that no document has is allowed.
// Error: [FieldError] without a Field, for more than [MaxChoice] names.
func ParseChoice(s string) (Choice, error) {
	var names []string
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > MaxChoice {
		return Choice{}, FieldError{
			Code: "maxItems", Message: "A list shows at most " + strconv.Itoa(MaxChoice) + " chosen fields", Target: MaxChoice,
		}
	}
	return Choice{names: names}, nil
}

// IsZero reports whether c chooses all members.
func (c Choice) IsZero() bool { return len(c.names) == 0 }

// Names returns the chosen names, sorted.
func (c Choice) Names() []string { return slices.Clone(c.names) }

// has reports whether c contains the name.
func (c Choice) has(name string) bool {
	_, found := slices.BinarySearch(c.names, name)
	return found
}

// AppendChosen appends the members of r that c chooses as a JSON object, in the order of
// [Recording.AppendJSON]. The ID is always among them, because clients identify the
// recording by it (contract, List).
func (r *Recording) AppendChosen(dst []byte, c Choice) []byte {
	if c.IsZero() {
		return r.AppendJSON(dst, false)
	}
	dst = quote(append(dst, `{"id":`...), r.ID)
	for name, value := range r.Document.Fields() {
		if c.has(name) {
			dst = append(append(quote(append(dst, ','), name), ':'), value...)
		}
	}
	if c.has(readOnlyField) {
		dst = r.appendReadOnly(append(dst, ','), "")
	}
	return append(dst, '}')
}

package httpfield

import (
	"iter"
	"strings"
)

// entityTags yields the tags of an If-Match or If-None-Match field, with their
// quotes, and "*". A bare word stands for the same word in quotes: some clients
// send a revision from a response body as it is. Malformed tags are skipped, so
// they match nothing.
func entityTags(value string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := value; ; {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				return
			}
			var tag string
			tag, rest = cutTag(rest)
			if tag != "" && !yield(tag) {
				return
			}
		}
	}
}

// cutTag cuts one tag off the front of value, which must not be empty. The tag
// is "" if it is malformed. Entity tags have no escapes: a backslash stands for
// itself (RFC 9110, 8.8.3), so [Elements] does not fit here.
func cutTag(value string) (tag, rest string) {
	opaque := strings.TrimPrefix(value, "W/")
	if strings.HasPrefix(opaque, `"`) {
		end := strings.IndexByte(opaque[1:], '"')
		if end < 0 {
			return "", ""
		}
		length := len(value) - len(opaque) + end + 2
		tag, rest = value[:length], strings.TrimLeft(value[length:], " \t")
		if rest == "" || rest[0] == ',' {
			return tag, rest
		}
		_, rest, _ = strings.Cut(rest, ",")
		return "", rest
	}
	word, rest, _ := strings.Cut(value, ",")
	switch word = strings.TrimRight(word, " \t"); {
	case word == "*":
		return word, rest
	case strings.ContainsAny(word, "\" \t"):
		return "", rest
	}
	return `"` + word + `"`, rest
}

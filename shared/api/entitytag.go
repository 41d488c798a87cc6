package api

import (
	"iter"
	"strings"
)

// entityTags gives the tags of an If-Match or If-None-Match, with their
// quotes, and "*". A bare word stands for the tag with quotes around it: some
// clients send the revision of the envelope as they found it. What is no tag
// is passed over; it matches nothing.
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

// cutTag takes one tag off the front of value, which is not empty; "" if there
// is none. A backslash in a tag is nothing but a backslash (RFC 9110, 8.8.3),
// so [fieldsOf] does not fit here.
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

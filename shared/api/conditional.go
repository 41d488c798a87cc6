package api

import (
	"net/http"
	"strings"
	"time"
)

// verdict is what the conditions of a request come to.
type verdict int

const (
	proceed     verdict = iota // answer as if there were no conditions
	notModified                // 304
	failed                     // 412
)

// validators identify a representation. A zero time means that it has none.
type validators struct {
	etag     string // strong, with its quotes
	modified time.Time
}

// judge evaluates the conditions of a GET or HEAD in the order of RFC 9110,
// 13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else
// If-Modified-Since. Dates that cannot be read count as absent.
func (v validators) judge(h http.Header) verdict {
	if tags := h.Values("If-Match"); len(tags) > 0 {
		if !v.matches(tags, strong) {
			return failed
		}
	} else if t, ok := v.date(h, "If-Unmodified-Since"); ok && v.modified.After(t) {
		return failed
	}
	if tags := h.Values("If-None-Match"); len(tags) > 0 {
		if v.matches(tags, weak) {
			return notModified
		}
	} else if t, ok := v.date(h, "If-Modified-Since"); ok && !v.modified.After(t) {
		return notModified
	}
	return proceed
}

// mayWrite reports whether If-Match lets a change of v through.
func (v validators) mayWrite(h http.Header) bool {
	tags := h.Values("If-Match")
	return len(tags) == 0 || v.matches(tags, strong)
}

// resumes reports whether If-Range lets a Range through (RFC 9110, 13.1.5):
// the tag compares strongly, a date must be the very one of Last-Modified.
func (v validators) resumes(h http.Header) bool {
	text := strings.Trim(h.Get("If-Range"), " \t")
	if text == "" {
		return true
	}
	if t, err := http.ParseTime(text); err == nil {
		return !v.modified.IsZero() && v.modified.Truncate(time.Second).Equal(t)
	}
	return strong(text, v.etag)
}

// date reads the date of a condition, if there is one to hold against v.
func (v validators) date(h http.Header, name string) (time.Time, bool) {
	text := h.Get(name)
	if text == "" || v.modified.IsZero() {
		return time.Time{}, false
	}
	// Dates have whole seconds; what was modified within one is of it.
	t, err := http.ParseTime(text)
	return t.Add(time.Second - time.Nanosecond), err == nil
}

// matches reports whether one of the listed tags is v's, or "*".
func (v validators) matches(values []string, same func(tag, etag string) bool) bool {
	for _, value := range values {
		for tag := range entityTags(value) {
			if tag == "*" || same(tag, v.etag) {
				return true
			}
		}
	}
	return false
}

// strong is the strong comparison of RFC 9110, 8.8.3.2; etag is not weak.
func strong(tag, etag string) bool { return tag == etag }

// weak is the weak comparison.
func weak(tag, etag string) bool { return strings.TrimPrefix(tag, "W/") == etag }

package httpfield

import (
	"net/http"
	"strings"
	"time"
)

// Outcome is the result of evaluating the conditions of a GET or HEAD request.
type Outcome int

// The outcomes of [Validators.Evaluate].
const (
	Proceed            Outcome = iota // answer as if there were no conditions
	NotModified                       // answer 304
	PreconditionFailed                // answer 412
)

// Validators identify one version of a representation (RFC 9110, 8.8).
type Validators struct {
	// ETag is a strong entity tag, with its quotes.
	ETag string
	// Modified is the time of the last change. If it is zero, conditions on
	// dates are ignored.
	Modified time.Time
}

// Evaluate checks the conditions of a GET or HEAD request in the order of
// RFC 9110, 13.2.2: If-Match, or If-Unmodified-Since without it; then
// If-None-Match, or If-Modified-Since without it. It ignores malformed dates.
func (v Validators) Evaluate(h http.Header) Outcome {
	if tags := h.Values("If-Match"); len(tags) > 0 {
		if !v.matches(tags, equalStrong) {
			return PreconditionFailed
		}
	} else if t, ok := v.date(h, "If-Unmodified-Since"); ok && v.Modified.After(t) {
		return PreconditionFailed
	}
	if tags := h.Values("If-None-Match"); len(tags) > 0 {
		if v.matches(tags, equalWeak) {
			return NotModified
		}
	} else if t, ok := v.date(h, "If-Modified-Since"); ok && !v.Modified.After(t) {
		return NotModified
	}
	return Proceed
}

// HasConditions reports whether [Validators.Evaluate] has a condition to check.
func HasConditions(h http.Header) bool {
	for _, name := range []string{"If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"} {
		if len(h.Values(name)) > 0 {
			return true
		}
	}
	return false
}

// AllowsWrite reports whether If-Match permits a change of this version. A
// request without If-Match may change any version.
func (v Validators) AllowsWrite(h http.Header) bool {
	tags := h.Values("If-Match")
	return len(tags) == 0 || v.matches(tags, equalStrong)
}

// AllowsRange reports whether If-Range permits answering with a range of this
// version (RFC 9110, 13.1.5). Tags compare strongly; a date must equal
// Last-Modified.
func (v Validators) AllowsRange(h http.Header) bool {
	text := strings.Trim(h.Get("If-Range"), " \t")
	if text == "" {
		return true
	}
	if t, err := http.ParseTime(text); err == nil {
		return !v.Modified.IsZero() && v.Modified.Truncate(time.Second).Equal(t)
	}
	return equalStrong(text, v.ETag)
}

// date parses the date of a condition. ok is false if it is absent or
// malformed, or if v has no date to compare it with.
func (v Validators) date(h http.Header, name string) (t time.Time, ok bool) {
	text := h.Get(name)
	if text == "" || v.Modified.IsZero() {
		return time.Time{}, false
	}
	// HTTP dates have whole seconds. Round up, so that a change within the same second
	// does not count as newer.
	t, err := http.ParseTime(text)
	return t.Add(time.Second - time.Nanosecond), err == nil
}

// matches reports whether values list the tag of v, or "*".
func (v Validators) matches(values []string, equal func(tag, etag string) bool) bool {
	for _, value := range values {
		for tag := range entityTags(value) {
			if tag == "*" || equal(tag, v.ETag) {
				return true
			}
		}
	}
	return false
}

// equalStrong is the strong comparison of RFC 9110, 8.8.3.2. etag is strong.
func equalStrong(tag, etag string) bool { return tag == etag }

// equalWeak is the weak comparison of RFC 9110, 8.8.3.2. etag is strong.
func equalWeak(tag, etag string) bool { return strings.TrimPrefix(tag, "W/") == etag }

package httpfield

import (
	"strconv"
	"strings"
	"time"
)

// MaxWait is the longest wait that [PreferredWait] returns.
const MaxWait = time.Hour

// PreferredWait returns the time that a client is willing to wait for an answer
// (Prefer: wait, RFC 7240, 4.3). It returns 0 if the preference is absent or
// malformed. If there are several, the first one counts (RFC 7240, 2).
func PreferredWait(values []string) time.Duration {
	for preference := range Elements(strings.Join(values, ","), ',') {
		first, _, _ := strings.Cut(preference, ";") // wait defines no parameters
		name, value, _ := strings.Cut(first, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		text := strings.Trim(strings.TrimSpace(value), `"`)
		seconds, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return 0
		}
		return min(time.Duration(seconds)*time.Second, MaxWait)
	}
	return 0
}

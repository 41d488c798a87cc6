package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
)

// maxReason is the maximum length of a reason, in bytes.
const maxReason = 500

// demandReason checks the reason that the client gives, and that it gives one if the
// operator demands it for a (contract, Reasons).
func (r *request) demandReason(a access.Action) error {
	reason := r.Header.Get("X-Reason")
	if recording.IsAbsent(reason) && strings.Contains(r.URL.RawQuery, "reason") {
		reason = r.URL.Query().Get("reason")
	}
	if reason = strings.TrimSpace(reason); recording.IsAbsent(reason) {
		reason = ""
	}
	required := r.env.RequireReason[a]
	if len(reason) > maxReason || !utf8.ValidString(reason) || strings.ContainsFunc(reason, isControl) {
		if !required {
			return nil // an unknown parameter, as everywhere
		}
		return invalid("reason", "wrong_format", "Field is not in the correct format",
			map[string]any{"format": "at most " + strconv.Itoa(maxReason) + " bytes of text without control characters"})
	}
	if reason == "" && required {
		return &publicError{
			status: http.StatusForbidden, code: "reason_required",
			data:  map[string]any{"message": "a reason is required", "cause": string(a)},
			cause: fmt.Errorf("REQUIRE_REASON demands a reason for %s", a),
		}
	}
	r.reason = reason
	return nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

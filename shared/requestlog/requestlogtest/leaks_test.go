package requestlogtest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/requestlog/requestlogtest"
)

func TestLeaksFindsEverySpelling(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{"number": "+15559998877", "name": "Marceline Marked", "path": "marked/path"}
	for name, secret := range secrets {
		for _, s := range requestlogtest.Spellings(secret) {
			log := `{"cause":"it was ` + s + `"}`
			if got := requestlogtest.Leaks(log, secrets); len(got) != 1 || !strings.HasPrefix(got[0], name+" as ") {
				t.Errorf("Leaks(%s) = %q, want the %s", log, got, name)
			}
		}
	}
	if got := requestlogtest.Leaks(`{"cause":"not found"}`, secrets); len(got) != 0 {
		t.Errorf("Leaks of a log without secrets = %q, want none", got)
	}
	both := "+15559998877 marked/path"
	if got, want := requestlogtest.Leaks(both, secrets), []string{"number as +15559998877", "path as marked/path"}; !slices.Equal(got, want) {
		t.Errorf("Leaks(%s) = %q, want %q", both, got, want)
	}
}

func TestQuoteKeyQuotesTheKey(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/bucket/inbox/A/%2B1555.mp3", http.NoBody)
	r.Header.Set("X-Amz-Copy-Source", "bucket/inbox/A/1666.mp3")
	requestlogtest.QuoteKey(w, r)
	for _, want := range []string{"<Code>AccessDenied</Code>", "s3:PUT", "/inbox/A/+1555.mp3", "/inbox/A/%2B1555.mp3", "inbox/A/1666.mp3"} {
		if body := w.Body.String(); w.Code != http.StatusForbidden || !strings.Contains(body, want) {
			t.Errorf("%d %s, want 403 with %s", w.Code, body, want)
		}
	}
}

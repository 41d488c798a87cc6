package incoming

import (
	"context"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// claimed remembers claims by their keys.
type claimed map[string]store.Claim

func (m claimed) Claim(_ context.Context, account, key string, c store.Claim) (store.Claim, error) {
	key = account + "\x00" + key
	if earlier, ok := m[key]; ok {
		return earlier, nil
	}
	m[key] = c
	return c, nil
}

// An idempotency key must not reach the claim of a file in an inbox, or of a
// storage request: its client would then own that file's recording.
func TestNoClientReachesAClaimOfAnotherKind(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		taken := claimed{}
		stem := rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "stem")
		_, err := ClaimName(t.Context(), taken, "a", stem, 63937071000)
		_, err2 := ClaimCall(t.Context(), taken, "a", stem, "sum", 63937071000, 0)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for full := range taken {
			_, key, _ := strings.Cut(full, "\x00")
			for _, key := range []string{key, "client/" + key} {
				s := maps.Clone(taken)
				want := store.Claim{ID: "202601-client", Made: key}
				if got, err := ClaimRequest(t.Context(), s, "a", key, want); err != nil || got != want {
					t.Fatalf("ClaimRequest(%q) = %+v, %v, want %+v", key, got, err, want)
				}
			}
		}
	})
}

// Two idempotency keys never share a claim.
func TestEachIdempotencyKeyHasItsOwnClaim(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`(client/){0,2}[a-c/]{1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		s := claimed{}
		for _, key := range []string{text.Draw(t, "a"), text.Draw(t, "b")} {
			if got, err := ClaimRequest(t.Context(), s, "a", key, store.Claim{Made: key}); err != nil || got.Made != key {
				t.Fatalf("ClaimRequest(%q) = %+v, %v", key, got, err)
			}
		}
	})
}

// Claims that were made before each kind had its own prefix stay valid.
func TestEarlierClaimsHold(t *testing.T) {
	t.Parallel()
	id := store.Claim{ID: "202601-x"}
	s := claimed{"a\x00inbox/2026/call": id, "a\x007b1c-key": id}
	if got, err := ClaimName(t.Context(), s, "a", "2026/call", 63937071000); err != nil || got != id.ID {
		t.Errorf("ClaimName = %s, %v, want %s", got, err, id.ID)
	}
	if got, err := ClaimRequest(t.Context(), s, "a", "7b1c-key", store.Claim{ID: "202601-y"}); err != nil || got != id {
		t.Errorf("ClaimRequest = %+v, %v, want %+v", got, err, id)
	}
}

// The claim of a call lasts if its ID depends on the time of the request: another request in
// a later month would get another ID.
func TestClaimsOfCallsWithoutAStartLast(t *testing.T) {
	t.Parallel()
	const march, january = 63939931200, 63937071000
	for start, lasting := range map[recording.Seconds]bool{0: true, january: false} {
		s := claimed{}
		if _, err := ClaimCall(t.Context(), s, "a", "call", "00ff", start, march); err != nil || len(s) != 1 {
			t.Fatalf("ClaimCall = %v, %d claims, want one", err, len(s))
		}
		for _, c := range s {
			if c.Lasting != lasting {
				t.Errorf("a call that starts at %d: claim %+v, want it lasting: %t", start, c, lasting)
			}
		}
	}
}

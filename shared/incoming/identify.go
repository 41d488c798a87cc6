package incoming

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Contradictions between reports about one file.
var (
	// ErrOtherAccount means that a report names another account.
	ErrOtherAccount = errors.New("it names another account")
	// ErrTwoIDs means that two reports name different recordings.
	ErrTwoIDs = errors.New("it names two different recording IDs")
)

// Agree checks that all reports about one file describe one recording of the
// account, and returns the ID that they name, or "". Errors: ErrOtherAccount,
// ErrTwoIDs, recording.ErrBadID; recording.FieldError for a report that
// contradicts itself.
func Agree(account string, reports ...recording.Call) (string, error) {
	agreed := ""
	for _, report := range reports {
		if err := report.Contradiction(); err != nil {
			return "", err
		}
		id, err := report.ID()
		switch named := report["account_id"]; {
		case named != "" && named != account:
			return "", ErrOtherAccount
		case err != nil:
			return "", err
		case agreed != "" && id != "" && agreed != id:
			return "", ErrTwoIDs
		case id != "":
			agreed = id
		}
	}
	return agreed, nil
}

// NewID makes an ID for a recording that has none. Its month is that of the call's
// start, or of now if the start is 0, for unknown (contract, List). Errors: those
// of random; recording.ErrBadID for a year after 9999.
func NewID(start, now recording.Seconds, random io.Reader) (string, error) {
	if start <= 0 || start > recording.MaxSeconds {
		start = now
	}
	return recording.NewID(start, random)
}

// Each kind of claim has its own prefix, which ends in a slash, because all kinds
// share the key space of an account.
const (
	nameClaims    = "inbox/" // + the stem of a file in an inbox
	callClaims    = "storage/"
	requestClaims = "client/" // + an idempotency key with a slash
)

// ClaimRequest claims the idempotency key of a client's request; see
// [store.Claimer]. The key may be any text. A key with a slash gets a prefix:
// otherwise a client could use the claim of a file in an inbox, and take over the
// file. A key without a slash cannot collide with other claims. Errors:
// store.ErrUnavailable.
func ClaimRequest(ctx context.Context, s store.Claimer, account, key string, c store.Claim) (store.Claim, error) {
	if strings.Contains(key, "/") {
		key = requestClaims + key
	}
	c, err := s.Claim(ctx, account, key, c)
	if err != nil {
		return c, fmt.Errorf("claim an idempotency key: %w", err)
	}
	return c, nil
}

// ClaimName returns the ID for a file name without its extension, in an account.
// The ID is permanent: later facts about the call do not change it (docs/reference/inbox.md).
// A new name gets an ID in the month of at, which is the call's start if known.
// Errors: store.ErrUnavailable.
func ClaimName(ctx context.Context, s store.Claimer, account, stem string, at recording.Seconds) (string, error) {
	c := store.Claim{ID: recording.StemID(account, stem, at), Made: recording.MadeOfAudio, Lasting: true}
	c, err := s.Claim(ctx, account, nameClaims+stem, c)
	if err != nil {
		return "", fmt.Errorf("claim an ID for a file name: %w", err)
	}
	return c.ID, nil
}

// ClaimedName returns the ID that ClaimName has given to a file name. Errors:
// store.ErrNotFound if there is none, store.ErrUnavailable.
func ClaimedName(ctx context.Context, s store.ClaimReader, account, stem string) (string, error) {
	c, err := s.Claimed(ctx, account, nameClaims+stem)
	if err != nil {
		return "", fmt.Errorf("find the ID of a file name: %w", err)
	}
	return c.ID, nil
}

// ClaimCall returns the ID for the audio of a call that was sent without an ID. The
// ID depends on the call, the audio's checksum and the month of the call's start, so
// that a retry finds the same recording. If the start is 0, for unknown, the month is
// that of now, and the claim is permanent: otherwise a PBX that goes on sending a
// deleted recording would restore it in another month. Errors: store.ErrUnavailable.
func ClaimCall(ctx context.Context, s store.Claimer, account, call, sha256Hex string, start, now recording.Seconds) (string, error) {
	sum := sha256.Sum256([]byte(call + "\x00" + sha256Hex))
	name := hex.EncodeToString(sum[:16])
	c := store.Claim{ID: recording.MonthID(cmp.Or(start, now), name), Made: sha256Hex, Lasting: start == 0}
	c, err := s.Claim(ctx, account, callClaims+name, c)
	if err != nil {
		return "", fmt.Errorf("claim an ID for a call: %w", err)
	}
	return c.ID, nil
}

package store

import (
	"context"

	"github.com/callrecordings/api/shared/recording"
)

// GuardedCorrector changes recordings under guards.
type GuardedCorrector interface {
	// CorrectGuarded is Corrector.Correct, but stores the change only if the guards hold;
	// at most MaxGuards. Without guards it is Correct. Errors: also ErrGuard.
	CorrectGuarded(ctx context.Context, account, id string, change func(*recording.Recording) error, guards ...Guard) (*recording.Recording, error)
}

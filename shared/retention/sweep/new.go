package sweep

import (
	"context"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// Store lists the methods of a driver that a sweep needs.
type Store interface {
	store.Store
	store.Restorer
	store.Entries
}

// New returns a sweeper of a store. limit bounds one run; 0 means no limit.
func New(s Store, now func() time.Time, limit time.Duration) *Sweeper {
	d := deletion.New(s, 0, now)
	sweeper := &Sweeper{
		Entries: s, Recordings: s, Now: now, Time: limit,
		Remove: FromStore{Book: retention.Book{Entries: s}, Recordings: s},
	}
	sweeper.Restorable = func(ctx context.Context, at recording.Seconds) (int, error) {
		swept, err := d.Sweep(ctx, s, at, sweeper.Parallel)
		return swept.Purging, err
	}
	return sweeper
}

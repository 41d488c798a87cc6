package sweep

import (
	"time"

	"github.com/callrecordings/api/shared/deletion"
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
	return &Sweeper{
		Entries: s, Recordings: s, Now: now, Time: limit,
		Remove:     FromStore{Book: retention.Book{Entries: s}, Recordings: s},
		Restorable: deletion.New(s, 0, now).Ender(s),
	}
}

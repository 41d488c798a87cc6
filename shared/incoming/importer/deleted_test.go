package importer_test

import (
	"context"
	"slices"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/store"
)

// renewals records the renewed tombstones.
type renewals struct {
	importer.Store
	ids []string
}

func (r *renewals) Renew(ctx context.Context, account, id string) error {
	r.ids = append(r.ids, id)
	return r.Store.Renew(ctx, account, id)
}

// An import that runs every night does not restore a deleted recording once its
// tombstone expires.
func TestRunRenewsTombstones(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": demo(t, "03-wrong-number.mp3")}}
	watched := &renewals{Store: p.store}
	for _, want := range [][]string{nil, {"202610-a"}} {
		o := options()
		check(t, importer.Run(t.Context(), s, importer.Target{Store: watched, Audio: p.bucket}, o))
		if !slices.Equal(watched.ids, want) {
			t.Errorf("renewed %q, want %q", watched.ids, want)
		}
		if want == nil {
			_, err := p.store.Delete(t.Context(), account, "202610-a", store.Deletion{})
			check(t, err)
		}
	}
}

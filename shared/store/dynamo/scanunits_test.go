package dynamo

import (
	"context"
	"testing"

	"github.com/callrecordings/api/shared/requestlog"
)

// TestUnitsOfAScan measures the read units of a reconciliation that docs/reference/cost.md
// states, for each million recordings.
func TestUnitsOfAScan(t *testing.T) {
	t.Parallel()
	s := live(t)
	const n = 1200
	recordings := samples(0, n)
	for i := n / 2; i < n; i++ { // of a Kazoo, in an account of its own
		recordings[i].Account, recordings[i].Document = "kazoo", kazooDocument
	}
	fill(t, s, recordings)
	rows := func(account string) func(context.Context) (int, error) {
		return func(ctx context.Context) (read int, err error) {
			for after := ""; ; {
				p, err := s.Rows(ctx, account, after, 1000)
				if read += len(p.Rows); err != nil || p.Next == "" {
					return read, err
				}
				after = p.Next
			}
		}
	}
	accounts := func(deep bool) func(context.Context) (int, error) {
		return func(ctx context.Context) (read int, err error) {
			for cursor := ""; ; {
				_, next, err := s.Accounts(ctx, cursor, deep)
				if err != nil || next == "" {
					return n, err
				}
				cursor = next
			}
		}
	}
	for _, tt := range []struct {
		name string
		call func(ctx context.Context) (int, error)
		rows int
		most float64 // units for each million rows
	}{
		{"rows", rows(account), n / 2, 85_000},
		{"rows of a Kazoo", rows("kazoo"), n / 2, 125_000},
		{"accounts", accounts(false), n, 1000},
		{"accounts, with the whole table", accounts(true), n, 110_000},
	} {
		entry := new(requestlog.Entry)
		read, err := tt.call(requestlog.With(t.Context(), entry))
		million := entry.ReadUnits / float64(read) * 1e6
		if err != nil || read != tt.rows || million > tt.most {
			t.Errorf("%s: %d rows, %v, %.0f units a million, want %d rows and at most %.0f", tt.name, read, err, million, tt.rows, tt.most)
		}
		t.Logf("%s: %d rows, %d calls, %.0f units a million", tt.name, read, entry.Calls, million)
	}
}

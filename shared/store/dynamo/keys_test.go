package dynamo

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

func TestCreatedID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		created recording.Seconds
		id      string
		want    string
	}{
		{63866880062, "202311-1", "63866880062#202311-1"},
		{0, "a", "00000000000#a"},
		{7, "a#b", "00000000007#a#b"},
		{maxCreated, "a", "99999999999#a"},
	} {
		got := createdID(tt.created, tt.id)
		if got != tt.want {
			t.Errorf("createdID(%d, %q) = %q, want %q", tt.created, tt.id, got, tt.want)
		}
		if back, ok := createdOf(got); !ok || back != tt.created {
			t.Errorf("createdOf(%q) = %d, %v, want %d", got, back, ok, tt.created)
		}
	}
}

func TestCreatedOfMalformedKeys(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "#", "6386688006#a", "63866880062", "63866880062-a", "6386688006x#a", "-6386688006#a"} {
		if at, ok := createdOf(key); ok {
			t.Errorf("createdOf(%q) = %d, want none", key, at)
		}
	}
	if at, ok := createdOf("63866880062#"); !ok || at != 63866880062 {
		t.Errorf("createdOf of a key without an ID = %d, %t", at, ok)
	}
}

// place is the position of a row in the order.
type place struct {
	created recording.Seconds
	id      string
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.created, q.created), cmp.Compare(p.id, q.id))
}

var (
	anyCreated = rapid.OneOf(
		rapid.Map(rapid.Int64Range(0, 9), func(n int64) recording.Seconds { return recording.Seconds(n) }),
		rapid.SampledFrom([]recording.Seconds{63866880062, 63866880063, maxCreated - 1, maxCreated}),
	)
	anyBound = rapid.OneOf(
		anyCreated, rapid.Just(recording.Seconds(0)),
		rapid.Map(rapid.Int64(), func(n int64) recording.Seconds { return recording.Seconds(n) }),
	)
	anyID = rapid.StringMatching(`(000001|202311)-[-0-9a-zA-Z_.@]{1,2}`)
)

// wanted returns the rows that q lists, as store.Query defines it.
func wanted(rows []place, q store.Query) []place {
	var out []place
	for _, p := range rows {
		c := p.compare(place{q.Start.Created, q.Start.ID})
		if !q.Ascending {
			c = -c
		}
		switch {
		case q.From != 0 && p.created < q.From, q.To != 0 && p.created > q.To:
		case !q.Start.IsZero() && (c < 0 || c == 0 && q.Start.After):
		default:
			out = append(out, p)
		}
	}
	return sorted(out, q.Ascending)
}

func sorted(rows []place, ascending bool) []place {
	slices.SortFunc(rows, func(a, b place) int {
		if ascending {
			return a.compare(b)
		}
		return b.compare(a)
	})
	return rows
}

// queried returns the rows that DynamoDB finds for the range, and applies
// DynamoDB's own checks.
func queried(t *rapid.T, rows []place, q store.Query, k keyRange) []place {
	if k.low > k.high {
		t.Fatalf("BETWEEN %q AND %q: DynamoDB rejects bounds that are out of order", k.low, k.high)
	}
	after := ""
	if k.after.ID != "" {
		after = createdID(k.after.Created, k.after.ID)
		if after < k.low || after > k.high {
			t.Fatalf("start %q not in %q to %q: DynamoDB rejects a start outside the range", after, k.low, k.high)
		}
	}
	var out []place
	for _, p := range rows {
		key := createdID(p.created, p.id)
		if key < k.low || key > k.high || after != "" && (q.Ascending && key <= after || !q.Ascending && key >= after) {
			continue
		}
		out = append(out, p)
	}
	return sorted(out, q.Ascending)
}

func TestRangeMatchesTheQuery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) place {
			return place{anyCreated.Draw(t, "created"), anyID.Draw(t, "id")}
		}), 0, 12, func(p place) place { return p }).Draw(t, "rows")
		q := store.Query{
			Account: account, Ascending: rapid.Bool().Draw(t, "ascending"),
			From: anyBound.Draw(t, "from"), To: anyBound.Draw(t, "to"),
		}
		switch {
		case len(rows) > 0 && rapid.Bool().Draw(t, "start at a row"):
			p := rapid.SampledFrom(rows).Draw(t, "start")
			q.Start = store.Position{Created: p.created, ID: p.id, After: rapid.Bool().Draw(t, "after")}
		case rapid.Bool().Draw(t, "start between rows"):
			q.Start = store.Position{
				Created: anyBound.Draw(t, "start"), ID: rapid.OneOf(rapid.Just(""), anyID).Draw(t, "id"),
				After: rapid.Bool().Draw(t, "after"),
			}
		}
		want := wanted(rows, q)
		k, ok := rangeOf(q)
		if !ok {
			if len(want) > 0 {
				t.Fatalf("rangeOf(%+v) is empty, want %v", q, want)
			}
			return
		}
		if got := queried(t, rows, q, k); !slices.Equal(got, want) {
			t.Errorf("rangeOf(%+v) = %+v, which finds %v, want %v", q, k, got, want)
		}
	})
}

func TestEmptyRangeNeedsNoQuery(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]store.Query{
		"from past to":                {From: 20, To: 10},
		"start after the range":       {From: 10, To: 20, Start: store.Position{Created: 9, ID: "x"}},
		"start after it, ascending":   {From: 10, To: 20, Ascending: true, Start: store.Position{Created: 21, ID: "x", After: true}},
		"start before time":           {Start: store.Position{Created: -1}},
		"start after time, ascending": {Ascending: true, Start: store.Position{Created: maxCreated + 1}},
		"from after time":             {From: maxCreated + 1},
		"to before time":              {To: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, respondError(400, "ValidationException", "no"))
			q.Account, q.Limit = account, 50
			p, err := openAt(t, f.url, fastLimits()).Page(t.Context(), q)
			if diff := gocmp.Diff(store.Page{}, p); err != nil || diff != "" || len(f.calls()) != 0 {
				t.Errorf("Page: error %v, %d calls, -want +got: %s", err, len(f.calls()), diff)
			}
		})
	}
}

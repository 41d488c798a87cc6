package hold_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func openStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Now: func() time.Time { return noon }, Random: rand.Reader})
	check(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newBook(entries store.Entries) *hold.Book {
	return hold.NewBook(entries, func() time.Time { return noon }, rand.Reader, false)
}

// place places a hold in the account acc and returns it.
func place(t testing.TB, b *hold.Book, name string, scope hold.Scope) hold.Hold {
	t.Helper()
	return placeIn(t, b, "acc", name, scope)
}

func placeIn(t testing.TB, b *hold.Book, account, name string, scope hold.Scope) hold.Hold {
	t.Helper()
	h, err := b.Draft(hold.Hold{Case: name, Reason: "ordered by the court", By: "root", Scope: scope})
	check(t, err)
	check(t, b.Place(t.Context(), account, h))
	return h
}

// A new hold on a recording needs one that exists, or that can be restored.
func TestCheckRecording(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for _, id := range []string{"live", "deleted", "purged"} {
		check(t, s.Put(t.Context(), held(id)))
	}
	for id, until := range map[string]recording.Seconds{"deleted": recording.SecondsOf(noon) + 1e6, "purged": 0} {
		_, err := s.Delete(t.Context(), "acc", "202601-"+id, store.Deletion{Until: until})
		check(t, err)
	}
	for id, want := range map[string]error{
		"202601-live": nil, "202601-deleted": nil, "": nil, "202601-purged": hold.ErrNoRecording, "202601-none": hold.ErrNoRecording,
	} {
		scope := hold.Scope{Recording: id}
		if err := scope.CheckRecording(t.Context(), s, "acc"); !errors.Is(err, want) {
			t.Errorf("CheckRecording of %q = %v, want %v", id, err, want)
		}
	}
	if err := (&hold.Scope{Recording: "202601-live"}).CheckRecording(t.Context(), s, "other"); !errors.Is(err, hold.ErrNoRecording) {
		t.Errorf("CheckRecording in another account = %v", err)
	}
}

func TestPlaceAndRelease(t *testing.T) {
	t.Parallel()
	b := newBook(openStore(t))
	first := place(t, b, "Case 1", hold.Scope{Owner: "anna"})
	second := place(t, b, "Case 2", hold.Scope{})
	check(t, b.Place(t.Context(), "acc", second)) // a retry
	active, err := b.Active(t.Context(), "acc")
	check(t, err)
	if got := active.Holds(); !slices.Equal(got, []hold.Hold{first, second}) {
		t.Errorf("active: %+v", got)
	}
	if twin, ok := active.Twin(hold.Hold{Case: "Case 1", Reason: first.Reason, By: "root", Scope: first.Scope}); !ok || twin != first {
		t.Errorf("Twin = %+v, %v", twin, ok)
	}
	if _, ok := active.Twin(hold.Hold{Case: "Case 1", Reason: first.Reason, By: "root"}); ok {
		t.Error("Twin found a hold with another scope")
	}
	done, err := b.Release(t.Context(), "acc", first.ID, hold.Release{By: "boss", Reason: "settled"})
	check(t, err)
	want := hold.Release{At: recording.SecondsOf(noon), By: "boss", Reason: "settled"}
	if done.Case != "Case 1" || done.Released == nil || *done.Released != want {
		t.Errorf("Release = %+v, %+v", done, done.Released)
	}
	again, err := b.Release(t.Context(), "acc", first.ID, hold.Release{By: "other", Reason: "again"})
	if err != nil || *again.Released != want {
		t.Errorf("the second Release = %+v, %v, want the first", again, err)
	}
	found, err := b.Find(t.Context(), "acc", first.ID)
	if err != nil || *found.Released != want {
		t.Errorf("Find of a released hold = %+v, %v", found, err)
	}
	if found, err := b.Find(t.Context(), "acc", second.ID); err != nil || found != second {
		t.Errorf("Find = %+v, %v, want %+v", found, err, second)
	}
	page, next, err := b.Released(t.Context(), "acc", "", 10)
	if err != nil || len(page) != 1 || page[0].ID != first.ID || next != "" {
		t.Errorf("Released = %+v, %q, %v", page, next, err)
	}
	for _, id := range []string{"", "0000000000000000", strings.Repeat("x", 2000)} {
		if _, err := b.Find(t.Context(), "acc", id); !errors.Is(err, hold.ErrNotFound) {
			t.Errorf("Find(%.20q) = %v, want ErrNotFound", id, err)
		}
		if _, err := b.Release(t.Context(), "acc", id, hold.Release{Reason: "x"}); !errors.Is(err, hold.ErrNotFound) {
			t.Errorf("Release(%.20q) = %v, want ErrNotFound", id, err)
		}
	}
	if _, err := b.Find(t.Context(), "other", second.ID); !errors.Is(err, hold.ErrNotFound) {
		t.Errorf("Find in another account = %v, want ErrNotFound", err)
	}
}

func TestDraftChecksFields(t *testing.T) {
	t.Parallel()
	b := newBook(openStore(t))
	good := hold.Hold{Case: "c", Reason: "r"}
	for want, change := range map[string]func(*hold.Hold){
		"case: Field is required":           func(h *hold.Hold) { h.Case = " " },
		"reason: Field is required":         func(h *hold.Hold) { h.Reason = "" },
		"case: Field is not in the correct": func(h *hold.Hold) { h.Case = strings.Repeat("x", hold.MaxCase+1) },
		"reason: Field is not in the":       func(h *hold.Hold) { h.Reason = "a\nb" },
		"number: Field is not in the":       func(h *hold.Hold) { h.Scope.Number = "anonymous" },
		"from: Field is not in the":         func(h *hold.Hold) { h.Scope.From = -1 },
		"to: Field is not in the":           func(h *hold.Hold) { h.Scope.From, h.Scope.To = 2, 1 },
	} {
		h := good
		change(&h)
		if _, err := b.Draft(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Draft(%+v) = %v, want %q", h, err, want)
		}
	}
}

func TestTooManyHolds(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	b := newBook(s)
	many := make([]string, hold.MaxActive-1)
	for i := range many {
		many[i] = fmt.Sprintf(`{"id":"%016x","case":"c","reason":"r","placed":1,"scope":{}}`, i)
	}
	check(t, s.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{
		EntryKey: hold.Key("acc"), Value: []byte(`{"holds":[` + strings.Join(many, ",") + `]}`),
	}}))
	place(t, b, "the last", hold.Scope{})
	h, err := b.Draft(hold.Hold{Case: "c", Reason: "one too many"})
	check(t, err)
	if err := b.Place(t.Context(), "acc", h); !errors.Is(err, hold.ErrTooMany) {
		t.Errorf("Place = %v, want ErrTooMany", err)
	}
	if _, err := b.Release(t.Context(), "acc", fmt.Sprintf("%016x", 7), hold.Release{Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	check(t, b.Place(t.Context(), "acc", h))
}

// Holds that together exceed the size of an entry are too many, too.
func TestHoldsThatDoNotFit(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	text := `{"holds":[{"id":"0","case":"c","reason":"` + strings.Repeat("r", store.MaxEntry-100) + `","placed":1,"scope":{}}]}`
	check(t, s.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: hold.Key("acc"), Value: []byte(text)}}))
	b := newBook(s)
	h, err := b.Draft(hold.Hold{Case: "c", Reason: "r"})
	check(t, err)
	if err := b.Place(t.Context(), "acc", h); !errors.Is(err, hold.ErrTooMany) {
		t.Errorf("Place = %v, want ErrTooMany", err)
	}
}

// Holds that are placed at the same time are all kept.
func TestPlaceAtTheSameTime(t *testing.T) {
	t.Parallel()
	b := newBook(openStore(t))
	var wg sync.WaitGroup
	const n = 6
	for i := range n {
		wg.Go(func() {
			h, err := b.Draft(hold.Hold{Case: strconv.Itoa(i), Reason: "r"})
			if err == nil {
				err = b.Place(context.WithoutCancel(t.Context()), "acc", h)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	active, err := b.Active(t.Context(), "acc")
	if err != nil || len(active.Holds()) != n {
		t.Errorf("%d holds, %v, want %d", len(active.Holds()), err, n)
	}
}

// Several holds are placed together or not at all, and each once.
func TestPlaceAll(t *testing.T) {
	t.Parallel()
	b := newBook(openStore(t))
	draft := func(n int) hold.Hold {
		h, err := b.Draft(hold.Hold{Case: strconv.Itoa(n), Reason: "r", Scope: hold.Scope{Owner: "anna"}})
		check(t, err)
		return h
	}
	var all []hold.Hold
	for n := range hold.MaxActive - 1 {
		all = append(all, draft(n))
	}
	for some := range slices.Chunk(all, store.MaxEntries-1) {
		_, err := b.PlaceAll(t.Context(), "acc", some)
		check(t, err)
	}
	if _, err := b.PlaceAll(t.Context(), "acc", []hold.Hold{draft(hold.MaxActive), draft(hold.MaxActive + 1)}); !errors.Is(err, hold.ErrTooMany) {
		t.Errorf("two holds for one place: %v", err)
	}
	last := draft(hold.MaxActive)
	for range 2 { // the second one is a retry
		_, err := b.PlaceAll(t.Context(), "acc", []hold.Hold{all[0], last})
		check(t, err)
	}
	active, err := b.Active(t.Context(), "acc")
	check(t, err)
	if len(active.Holds()) != hold.MaxActive || active.Holds()[hold.MaxActive-1] != last {
		t.Errorf("%d holds", len(active.Holds()))
	}
}

// Two workers with the same batch place each hold once, also if both have read the holds before.
func TestPlaceTwins(t *testing.T) {
	t.Parallel()
	b := newBook(openStore(t))
	drafts := func(n int) []hold.Hold {
		all := make([]hold.Hold, n)
		for i := range all {
			var err error
			all[i], err = b.Draft(hold.Hold{Case: "case", Reason: "r", By: "anna", Scope: hold.Scope{Recording: "202601-" + strconv.Itoa(i)}})
			check(t, err)
		}
		return all
	}
	first := drafts(2)
	_, err := b.PlaceAll(t.Context(), "acc", first)
	check(t, err)
	second := drafts(3)
	stored, err := b.PlaceAll(t.Context(), "acc", append(second, second[2]))
	want := []hold.Hold{first[0], first[1], second[2], second[2]}
	if err != nil || !slices.Equal(stored, want) {
		t.Errorf("PlaceAll = %+v, %v, want %+v", stored, err, want)
	}
	var twin *hold.TwinError
	if err := b.Place(t.Context(), "acc", drafts(1)[0]); !errors.As(err, &twin) || twin.Hold != first[0] {
		t.Errorf("Place = %v, want the twin %s", err, first[0].ID)
	}
	active, err := b.Active(t.Context(), "acc")
	if err != nil || !slices.Equal(active.Holds(), want[:3]) {
		t.Errorf("the holds are %+v, %v, want %+v", active.Holds(), err, want[:3])
	}
}

// contested are entries that another client changes before each write.
type contested struct {
	*sqlite.Store

	writes int
}

func (c *contested) WriteEntries(context.Context, ...store.EntryWrite) error {
	c.writes++
	return store.ErrConflict
}

// A hold that cannot be placed because the holds keep changing may be placed later.
func TestPlaceAgainstManyChanges(t *testing.T) {
	t.Parallel()
	c := &contested{Store: openStore(t)}
	b := newBook(c)
	h, err := b.Draft(hold.Hold{Case: "case", Reason: "r"})
	check(t, err)
	if err := b.Place(t.Context(), "acc", h); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrConflict) || c.writes != 10 {
		t.Errorf("Place = %v after %d writes, want %v after 10", err, c.writes, store.ErrUnavailable)
	}
}

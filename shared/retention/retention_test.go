package retention_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// start is an hour before daylight saving time begins in Europe.
var start = time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)

type fixture struct {
	*testing.T
	store *sqlite.Store
	now   time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, now: start}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: f.clock, Random: rand.Reader})
	f.check(err)
	t.Cleanup(func() { f.check(s.Close()) })
	f.store = s
	return f
}

func (f *fixture) clock() time.Time { return f.now }

func (f *fixture) check(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// settings stores the settings of an account.
func (f *fixture) settings(account string, s retention.Settings) {
	f.Helper()
	_, revision, err := retention.Book{Entries: f.store}.Own(f.Context(), account)
	f.check(err)
	f.check(retention.Save(f.Context(), f.store, account, revision, s))
}

func rules(all ...retention.Rule) retention.Settings {
	return retention.Settings{Policy: &retention.Policy{Rules: all}}
}

// put stores a recording of that age.
func (f *fixture) put(account, id string, age time.Duration, document string) *recording.Recording {
	f.Helper()
	d, err := recording.ParseDocument([]byte(document))
	f.check(err)
	r := &recording.Recording{Account: account, ID: id, Owner: d.Owner(), Document: d, Created: recording.SecondsOf(f.now.Add(-age))}
	f.check(f.store.Put(f.Context(), r))
	return r
}

const day = 24 * time.Hour

// Policies are checked as they are saved, with all errors at once.
func TestValidate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rule   retention.Rule
		bounds retention.Bounds
		want   string // the fields and the rules that they break
	}{
		{name: "a day", rule: retention.Rule{Name: "x", Days: 1}},
		{name: "for good", rule: retention.Rule{Name: "x", Forever: true}},
		{name: "0 days", rule: retention.Rule{Name: "x"}, want: "rules.1.days minimum"},
		{name: "fewer than 0 days", rule: retention.Rule{Name: "x", Days: -1}, want: "rules.1.days minimum"},
		{name: "100,000 days", rule: retention.Rule{Name: "x", Days: 100_000}, want: "rules.1.days maximum"},
		{name: "days and forever", rule: retention.Rule{Name: "x", Days: 1, Forever: true}, want: "rules.1.forever forbidden"},
		{name: "less than the operator allows", rule: retention.Rule{Name: "x", Days: 29}, bounds: retention.Bounds{Min: 30}, want: "rules.1.days minimum"},
		{name: "more than the operator allows", rule: retention.Rule{Name: "x", Days: 31}, bounds: retention.Bounds{Max: 30}, want: "rules.1.days maximum"},
		{name: "forever against a limit", rule: retention.Rule{Name: "x", Forever: true}, bounds: retention.Bounds{Max: 30}, want: "rules.1.forever forbidden"},
		{name: "no name", rule: retention.Rule{Days: 1}, want: "rules.1.name wrong_format"},
		{name: "a line break", rule: retention.Rule{Name: "a\nb", Days: 1}, want: "rules.1.name wrong_format"},
		{name: "a reserved name", rule: retention.Rule{Name: "maximum", Days: 1}, want: "rules.1.name forbidden"},
		{
			name: "wrong conditions", rule: retention.Rule{
				Name: "x", Days: 1, Direction: "up", Owner: "a/b", Group: "a b", Tag: "a.b", MinSeconds: 5, MaxSeconds: 4,
			},
			want: "rules.1.direction enum, rules.1.group wrong_format, rules.1.max_seconds minimum, rules.1.owner_id wrong_format, rules.1.tag wrong_format",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := retention.Policy{Rules: []retention.Rule{tt.rule}}
			if got := broken(p.Validate(tt.bounds)); got != tt.want {
				t.Errorf("Validate(%+v) = %q, want %q", tt.rule, got, tt.want)
			}
		})
	}
	p := retention.Policy{Rules: slices.Repeat([]retention.Rule{{Name: "x", Days: 1}}, retention.MaxRules+1)}
	if got := broken(p.Validate(retention.Bounds{})); !strings.HasPrefix(got, "rules maxItems, rules.10.name uniqueItems") {
		t.Errorf("too many rules with one name: %q", got)
	}
	if got := broken(retention.Bounds{Min: 5, Max: 4}.Validate()); got != "max_days minimum" {
		t.Errorf("bounds that exclude each other: %q", got)
	}
}

func broken(err error) string {
	var errs recording.FieldErrors
	if !errors.As(err, &errs) {
		return ""
	}
	var all []string
	for _, e := range errs {
		all = append(all, e.Field+" "+e.Code)
	}
	return strings.Join(all, ", ")
}

// The first matching rule decides.
func TestExpires(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	people := access.NewDirectory(f.store)
	_, err := people.SetGroup(t.Context(), "A", "sales", access.Group{})
	f.check(err)
	f.check(people.AddMembers(t.Context(), "A", "sales", "ben"))
	f.settings("A", rules(
		retention.Rule{Name: "claims", Forever: true, Tag: "claim"},
		retention.Rule{Name: "anna in", Days: 1, Owner: "anna", Direction: "inbound"},
		retention.Rule{Name: "sales", Days: 2, Group: "sales"},
		retention.Rule{Name: "short", Days: 3, MinSeconds: 1, MaxSeconds: 10},
		retention.Rule{Name: "long", Days: 4, MinSeconds: 600},
	))
	e, err := retention.Book{Entries: f.store}.Effective(t.Context(), "A")
	f.check(err)
	for _, tt := range []struct {
		document, rule string
		days           recording.Seconds
	}{
		{`{}`, "", 0},
		{`{"direction":"inbound"}`, "", 0},
		{`{"owner_id":"anna"}`, "", 0},
		{`{"owner_id":"anna","direction":"inbound"}`, "anna in", 1},
		{`{"owner_id":"anna","direction":"inbound","user_metadata":{"tags":{"claim":true}}}`, "", 0},
		{`{"owner_id":"ben","direction":"inbound"}`, "sales", 2},
		{`{"duration":0}`, "", 0},
		{`{"duration":1}`, "short", 3},
		{`{"duration":10}`, "short", 3},
		{`{"duration":11}`, "", 0},
		{`{"duration":600}`, "long", 4},
	} {
		d, err := recording.ParseDocument([]byte(tt.document))
		f.check(err)
		r := recording.Recording{Account: "A", Owner: d.Owner(), Document: d, Created: 1000}
		want := recording.Seconds(0)
		if tt.days > 0 {
			want = 1000 + tt.days*86400
		}
		if at, rule := e.Expires(&r); at != want || rule != tt.rule {
			t.Errorf("Expires(%s) = %d, %q, want %d, %q", tt.document, at, rule, want, tt.rule)
		}
	}
	if got := e.Days(); !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Errorf("Days() = %v", got)
	}
}

// Bounds of the accounts above count, the strictest of them, and a floor beats a ceiling.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		top, own retention.Bounds
		rule     int // days, 0 for good
		days     int
		by       string
	}{
		{name: "none", rule: 10, days: 10, by: "r"},
		{name: "a floor above", top: retention.Bounds{Min: 20}, rule: 10, days: 20, by: "r"},
		{name: "the higher floor", top: retention.Bounds{Min: 20}, own: retention.Bounds{Min: 15}, rule: 10, days: 20, by: "r"},
		{name: "a ceiling", top: retention.Bounds{Max: 5}, rule: 10, days: 5, by: "r"},
		{name: "the lower ceiling", top: retention.Bounds{Max: 5}, own: retention.Bounds{Max: 3}, rule: 10, days: 3, by: "r"},
		{name: "a ceiling for what is kept for good", own: retention.Bounds{Max: 3}, rule: 0, days: 3, by: "r"},
		{name: "a floor over a ceiling", top: retention.Bounds{Min: 30}, own: retention.Bounds{Max: 3}, rule: 10, days: 30, by: "r"},
		{name: "no rule matches", own: retention.Bounds{Max: 3}, rule: -1, days: 3, by: "maximum"},
		{name: "no rule matches, and a floor", own: retention.Bounds{Min: 3}, rule: -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tree := access.NewTree(f.store)
			f.check(tree.Add(t.Context(), "top", "", ""))
			f.check(tree.Add(t.Context(), "own", "top", ""))
			f.settings("top", retention.Settings{Bounds: tt.top})
			own := rules()
			if tt.rule >= 0 {
				own = rules(retention.Rule{Name: "r", Days: tt.rule, Forever: tt.rule == 0})
			}
			own.Bounds = tt.own
			f.settings("own", own)
			e, err := retention.Book{Entries: f.store}.Effective(t.Context(), "own")
			f.check(err)
			at, rule := e.Expires(&recording.Recording{Created: 1})
			if tt.days == 0 {
				tt.days, at = 0, at+1
			}
			if at != recording.Seconds(1+tt.days*86400) || rule != tt.by {
				t.Errorf("Expires = %d days, %q, want %d, %q", (at-1)/86400, rule, tt.days, tt.by)
			}
		})
	}
}

// The account itself, its settings and those of every account above guard a removal.
func TestGuards(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tree := access.NewTree(f.store)
	f.check(tree.Add(t.Context(), "top", "", ""))
	f.check(tree.Add(t.Context(), "own", "top", ""))
	f.settings("top", rules(retention.Rule{Name: "all", Days: 1}))
	book := retention.Book{Entries: f.store}
	for i, change := range []func(){
		func() { f.settings("top", rules()) },
		func() { f.settings("own", rules()) },
		func() { f.check(tree.Move(t.Context(), "own", "")) },
	} {
		r := f.put("own", fmt.Sprintf("202601-%d", i), day, `{}`)
		e, err := book.Effective(t.Context(), "own")
		f.check(err)
		change()
		if _, err := f.store.Delete(t.Context(), "own", r.ID, store.Deletion{Guards: e.Guards()}); !errors.Is(err, store.ErrGuard) {
			t.Errorf("a deletion after change %d = %v, want %v", i, err, store.ErrGuard)
		}
	}
}

func (brokenEntries) Entries(context.Context, ...store.EntryKey) ([]store.Entry, error) {
	return nil, store.ErrUnavailable
}

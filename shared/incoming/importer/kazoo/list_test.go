package kazoo_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
	"github.com/callrecordings/api/shared/recording"
)

// Every recording is listed exactly once, in spite of Kazoo's limits and faults.
func TestPagesListAll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		n    int
		o    kazootest.Options
	}{
		{"a few", 30, kazootest.Options{}},
		{"many pages a month", 2500, kazootest.Options{}},
		{"windows of a week", 400, kazootest.Options{MaximumRange: 7 * 24 * 3600}},
		{"windows of a day and many", 1500, kazootest.Options{MaximumRange: 24 * 3600}},
		{"all faults", 1500, kazootest.Options{Seed: 7, TokenUses: 9, Faults: kazootest.Faults{
			Slow: .05, Delay: time.Millisecond, TooMany: .1, Broken: .1, Cut: .1, Truncated: .1, Duplicates: .1,
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := start(t, c.o)
			want := kazootest.Account(1, upper, c.n, from, to)
			k.Add(upper, want...)
			k.Add(lower, kazootest.Account(2, lower, 10, from, to)...)
			o := k.options(t)
			var twice atomic.Int64
			o.Duplicate = func() { twice.Add(1) }
			got, errs := items(t.Context(), open(t, o))
			if len(errs) > 0 {
				t.Errorf("errors: %v", errs)
			}
			if diff := cmp.Diff(idsOf(want), ids(got)); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			for _, it := range got {
				if it.Fault != nil || it.Account != upper || !it.Exact {
					t.Errorf("%+v, want an exact item of %s without a fault", it, upper)
				}
			}
			if c.o.TokenUses > 0 && k.Renewals() < 3 {
				t.Errorf("%d tokens were created, want at least 3", k.Renewals())
			}
			t.Logf("%d requests, %d duplicate rows", k.Requests(), twice.Load())
		})
	}
}

// A recording that started before the end of a month and was saved in the next month
// appears in no window of a single month. The list still finds every such recording.
func TestPagesAtTheTurnOfAMonth(t *testing.T) {
	t.Parallel()
	turn := recording.SecondsOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	for _, late := range []recording.Seconds{0, 1, 600, 3 * 3600, 5 * 24 * 3600, 30 * 24 * 3600} {
		k := start(t, kazootest.Options{})
		var all []kazootest.Recording
		for i := range 250 { // before the new month, and after it in both databases
			for _, r := range []struct {
				month string
				saved recording.Seconds
			}{{"202602", turn - 1 - recording.Seconds(i)}, {"202602", turn + late + recording.Seconds(i)}, {"202603", turn + recording.Seconds(2*i)}} {
				all = append(all, kazootest.Recording{
					ID: fmt.Sprintf("%s-%032d", r.month, len(all)), Created: int64(r.saved), Document: `{}`,
				})
			}
		}
		k.Add(upper, all...)
		got, errs := items(t.Context(), open(t, k.options(t)))
		if len(errs) > 0 {
			t.Errorf("saved %d s later: %v", late, errs)
		}
		if diff := cmp.Diff(idsOf(all), ids(got)); diff != "" {
			t.Errorf("saved %d s later (-want +got):\n%s", late, diff)
		}
	}
}

// Since and Until limit the time when recordings were saved.
func TestPagesBounds(t *testing.T) {
	t.Parallel()
	k := start(t, kazootest.Options{})
	all := kazootest.Account(1, upper, 500, from, to)
	k.Add(upper, all...)
	for _, c := range []struct{ since, until time.Time }{
		{from, to},
		{time.Date(2026, 2, 14, 0, 0, 0, 0, time.UTC), time.Date(2026, 5, 14, 0, 0, 0, 0, time.UTC)},
		{time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)},
		{to.AddDate(0, 1, 0), to.AddDate(0, 2, 0)},
	} {
		o := k.options(t)
		o.Since, o.Until = recording.SecondsOf(c.since), recording.SecondsOf(c.until)
		var want []kazootest.Recording
		for _, r := range all {
			if r.Created >= int64(o.Since) && r.Created <= int64(o.Until) {
				want = append(want, r)
			}
		}
		got, errs := items(t.Context(), open(t, o))
		if diff := cmp.Diff(idsOf(want), ids(got)); diff != "" || len(errs) > 0 {
			t.Errorf("from %v to %v: %v (-want +got):\n%s", c.since, c.until, errs, diff)
		}
	}
}

// Rows that are removed between two pages do not hide other rows.
func TestPagesWhileRowsAreRemoved(t *testing.T) {
	t.Parallel()
	all := kazootest.Account(1, upper, 600, from, from.AddDate(0, 0, 10))
	gone := map[string]bool{}
	k := start(t, kazootest.Options{Faults: kazootest.Faults{BeforePage: func(s *kazootest.Server, n int) {
		if n > 2 && n < 12 {
			id := all[n*50].ID
			gone[id] = true
			s.Remove(upper, id)
		}
	}}})
	k.Add(upper, all...)
	got, errs := items(t.Context(), open(t, k.options(t)))
	seen := ids(got)
	for _, id := range idsOf(all) {
		if !gone[id] && !slices.Contains(seen, id) {
			t.Errorf("%s is missing", id)
		}
	}
	if len(errs) > 0 || len(gone) < 3 {
		t.Errorf("%d were removed, want at least 3; errors %v", len(gone), errs)
	}
}

// Items of descendant accounts have the IDs of those accounts.
func TestPagesOfDescendants(t *testing.T) {
	t.Parallel()
	k := start(t, kazootest.Options{})
	k.Add(upper, kazootest.Account(1, upper, 20, from, to)...)
	k.Add(lower, kazootest.Account(2, lower, 30, from, to)...)
	k.Add(other, kazootest.Account(3, other, 40, from, to)...)
	o := k.options(t)
	o.Descendants = true
	got, errs := items(t.Context(), open(t, o))
	count := map[string]int{}
	for _, it := range got {
		count[it.Account]++
	}
	if diff := cmp.Diff(map[string]int{upper: 20, lower: 30}, count); diff != "" || len(errs) > 0 {
		t.Errorf("%v (-want +got):\n%s", errs, diff)
	}
}

// A list that cannot be read is reported, and the later windows are still listed.
func TestPagesWithInvalidAnswers(t *testing.T) {
	t.Parallel()
	row := `{"id":"202602-a","_read_only":{"content_types":[]}}`
	for _, c := range []struct{ name, february, text string }{
		{"circular cursors", `{"status":"success","data":[` + row + `],"next_start_key":"k"}`, "cursors loop"},
		{"HTML page", "<html></html>", "envelope"},
		{"error with status 200", `{"status":"error","data":{}}`, "envelope"},
		{"object as data", `{"status":"success","data":{"id":"x"}}`, "envelope"},
		{"number as cursor", `{"status":"success","data":[],"next_start_key":7}`, "envelope"},
		{"truncated", `{"status":"success","data":[` + row, "envelope"},
		{"too long", `{"status":"success","data":["` + strings.Repeat("x", 32<<20) + `"]}`, "32 MB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			february := recording.SecondsOf(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
			url := handler(t, func(w http.ResponseWriter, r *http.Request) {
				var begins recording.Seconds
				_, _ = fmt.Sscan(r.URL.Query().Get("created_from"), &begins)
				w.Header().Set("Content-Type", "application/json")
				switch {
				case begins >= february && begins < february+28*24*3600-1800:
					_, _ = w.Write([]byte(c.february))
				case begins > february+20*24*3600 && begins <= february+28*24*3600:
					_, _ = w.Write([]byte(`{"status":"success","data":[{"id":"202603-b"}]}`))
				default:
					_, _ = w.Write([]byte(`{"status":"success","data":[],"next_start_key":"` + fmt.Sprint(begins) + `"}`))
				}
			})
			o := standIn{url: url}.options(t)
			o.APIKey, o.Token = "", "token"
			o.Since, o.Until = february+5*24*3600, february+40*24*3600
			got, errs := items(t.Context(), open(t, o))
			if len(errs) == 0 || !strings.Contains(errs[0].Error(), c.text) {
				t.Errorf("errors: %v, want %q", errs, c.text)
			}
			if !slices.Contains(ids(got), "202603-b") {
				t.Errorf("listed %v, want 202603-b among them", ids(got))
			}
		})
	}
}

// The rate limit holds in every second.
func TestPace(t *testing.T) {
	t.Parallel()
	k := start(t, kazootest.Options{})
	k.Add(upper, kazootest.Account(1, upper, 60, from, to)...)
	o := k.options(t)
	o.Rate = 20
	items(t.Context(), open(t, o))
	if got := k.PeakRate(); got > 21 {
		t.Errorf("%d requests in a second, want 20", got)
	}
}

// The list ends with its context.
func TestPagesEnd(t *testing.T) {
	t.Parallel()
	k := start(t, kazootest.Options{})
	k.Add(upper, kazootest.Account(1, upper, 500, from, to)...)
	s := open(t, k.options(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range s.Pages(ctx) {
		if err != nil {
			t.Error(err)
		}
		n++
		cancel()
	}
	if n != 1 {
		t.Errorf("%d pages came after the end", n-1)
	}
}

// The newest month is listed first, so an import without a Since copies after a few
// requests, and a killed one has made progress.
func TestPagesBeginWithTheNewestMonth(t *testing.T) {
	t.Parallel()
	k := start(t, kazootest.Options{})
	all := kazootest.Account(1, upper, 200, from, to)
	k.Add(upper, all...)
	o := k.options(t)
	o.Since, o.Until, o.Rate = 0, recording.SecondsOf(to), 0
	first, months := 0, []string(nil)
	for page, err := range open(t, o).Pages(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		if first == 0 {
			first = k.Requests()
		}
		for i := range page {
			if month := page[i].ID[:6]; !slices.Contains(months, month) {
				months = append(months, month)
			}
		}
	}
	if first > 6 || k.Requests() < 100 {
		t.Errorf("the first page came with request %d of %d, want it among the first", first, k.Requests())
	}
	// A month also shows rows of the month before it that were saved late.
	newest, oldest := slices.Max(months), slices.Min(months)
	if len(months) < 4 || slices.Index(months, newest) > 1 || months[len(months)-1] != oldest {
		t.Errorf("months in the order %v, want the newest first", months)
	}
}

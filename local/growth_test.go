package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/webhook"
)

// days, hours and such write a duration as the guide does.
func days(d time.Duration) string  { return plural(d, 24*time.Hour, "day") }
func hours(d time.Duration) string { return plural(d, time.Hour, "hour") }

func plural(d, unit time.Duration, name string) string {
	if d == unit {
		return "1 " + name
	}
	return strconv.Itoa(int(d/unit)) + " " + name + "s"
}

// bounds has the numbers that the row of the guide must name.
func bounds(t *testing.T) map[string][]string {
	t.Helper()
	s, err := config.Load(func(string) string { return "" }, config.Local)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	megabytes := func(n int64) string { return strconv.FormatInt(n>>20, 10) + " MB" }
	return map[string][]string{
		"`events.jsonl`":                     {"(" + strconv.Itoa(s.EventsKeep) + ")", megabytes(s.EventsMaxBytes)},
		"`recordings.db`":                    {"never shrinks"},
		"`recordings.db-wal`":                {megabytes(sqlite.LogLimit), megabytes(longLog)},
		"copies of deleted rows":             {"an " + strings.TrimPrefix(hours(scrubEvery), "1 ")},
		"tombstones":                         {days(store.TombstoneDays * day)},
		"idempotency keys":                   {days(store.ClaimTTL)},
		"feed of changes":                    {days(feed.Days * day), days(feed.MarkDays * day)},
		"audit trail":                        {strconv.Itoa(s.AuditDays), strconv.Itoa(audit.DefaultDays)},
		"jobs and their results":             {days(job.KeepAge), days(job.PlanAge)},
		"files of jobs":                      {days(ages.Export)},
		"links to recordings":                {strconv.Itoa(link.MaxLive), days(link.MaxAge)},
		"legal holds":                        {strconv.Itoa(hold.MaxActive)},
		"webhooks":                           {strconv.Itoa(webhook.MaxPerAccount)},
		"queue of arrivals":                  {strconv.Itoa(maxTries) + " tries", strconv.Itoa(parkedTries) + " tries"},
		"arrivals in memory":                 {strconv.Itoa(maxUnqueued)},
		"queue of changes":                   {"once a minute"},
		"queue of the index":                 {strconv.Itoa(maxIndexTries), "one in 5 minutes"},
		"rejected audio":                     {days(ages.SetAside)},
		"test files of PBXs":                 {days(ages.Probe)},
		"unfinished multipart uploads":       {hours(s3server.UploadTime)},
		"unfinished files":                   {plural(s3server.TemporaryTime, time.Minute, "minute")},
		"temporary files of the data folder": {hours(temporaryTime)},
		"reports of `recordings fsck`":       {days(reconcile.ReportDays * day)},
		"`import-report.jsonl`":              {"one import"},
		"log (standard error)":               {"none"},
	}
}

// The table of the guide names everything that grows in a data folder, with the bounds of
// the code.
func TestGuideNamesTheBounds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/how-to/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## What grows, and what bounds it\n")
	_, section, _ = strings.Cut(section, "### On a single machine\n")
	section, _, _ = strings.Cut(section, "\n#")
	left := bounds(t)
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| What grows") {
			continue
		}
		name := ""
		for prefix := range left {
			if rest, ok := strings.CutPrefix(line, "| "+prefix); ok && strings.IndexAny(rest, " ,") == 0 {
				name = prefix
			}
		}
		if name == "" {
			t.Errorf("the row %q has no bounds in this test", line)
			continue
		}
		for _, bound := range left[name] {
			if !strings.Contains(line, bound) {
				t.Errorf("the row %q does not name %q", line, bound)
			}
		}
		delete(left, name)
	}
	for name := range left {
		t.Errorf("no row begins with %q", name)
	}
}

// The guide to a single machine names how far a file of events may exceed its limit.
func TestGuideNamesTheBatch(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/how-to/run-on-one-machine.md")
	if want := "(" + strconv.Itoa(batch) + " at most)"; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("the guide does not have %q, %v", want, err)
	}
}

// While the database cannot be written, the memory for events is bounded, and the oldest
// events stay.
func TestUnqueuedEventsAreBounded(t *testing.T) {
	t.Parallel()
	var u unqueued
	for i := range maxUnqueued + 10 {
		u.add([]byte(strconv.Itoa(i)))
	}
	all := u.take()
	if len(all) != maxUnqueued || string(all[0]) != "0" || len(u.take()) != 0 {
		t.Errorf("%d events are kept, from %s, want the first %d", len(all), all[0], maxUnqueued)
	}
}

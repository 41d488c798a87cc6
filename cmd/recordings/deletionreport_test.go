package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// fakeS3 lists one old version of audio under its delete marker, one current version of
// another upload, and an object of another recording.
func fakeS3(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	body := `<LifecycleConfiguration><Rule><ID>x</ID><Status>Enabled</Status><Filter/>` +
		`<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration></Rule>` +
		`<Rule><ID>y</ID><Status>Enabled</Status><Filter><Prefix>exports/</Prefix></Filter><Expiration><Days>7</Days></Expiration></Rule>` +
		`<Rule><ID>z</ID><Status>Enabled</Status><Filter><Prefix>probes/</Prefix></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>`
	if r.URL.Query().Has("uploads") {
		body = `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>` +
			`<Upload><Key>exports/A/J3.zip</Key><UploadId>u</UploadId><Initiated>2026-03-05T10:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>`
	}
	if query := r.URL.Query(); query.Has("versions") {
		version := func(kind, key, id, latest, at string) string {
			return "<" + kind + "><Key>" + key + "</Key><VersionId>" + id + "</VersionId><IsLatest>" + latest + "</IsLatest>" +
				"<LastModified>" + at + "</LastModified><Size>5</Size></" + kind + ">"
		}
		body = `<ListVersionsResult><IsTruncated>false</IsTruncated>`
		if query.Get("prefix") == "recordings/A/202601/202601-a" {
			body += version("DeleteMarker", "recordings/A/202601/202601-a", "2", "true", "2026-03-05T10:00:00.000Z") +
				version("Version", "recordings/A/202601/202601-a", "1", "false", "2026-03-01T10:00:00.000Z") +
				version("Version", "recordings/A/202601/202601-a-other", "1", "true", "2026-03-01T10:00:00.000Z") +
				version("Version", "recordings/A/202601/202601-a~1f", "1", "true", "2026-03-02T10:00:00.000Z")
		}
		if query.Get("prefix") == "exports/A/" {
			body += version("DeleteMarker", "exports/A/J1.zip", "2", "true", "2026-03-05T10:00:00.000Z") +
				version("Version", "exports/A/J1.zip", "1", "false", "2026-02-26T10:00:00.000Z") +
				version("Version", "exports/A/J2.jsonl", "1", "true", "2026-03-04T10:00:00.000Z") +
				version("Version", "exports/A/J2.zip", "1", "true", "2026-03-04T10:00:00.000Z") +
				version("Version", "exports/A/J4.zip", "1", "true", "2026-03-04T10:00:00.000Z") +
				version("Version", "exports/A/J5.zip", "1", "true", "2026-03-04T10:00:00.000Z")
		}
		body += `</ListVersionsResult>`
	}
	_, _ = w.Write([]byte(body))
}

// fakeDynamo has point-in-time recovery for 35 days, and one backup from before the
// deletion.
func fakeDynamo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	body := `{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"ENABLED","RecoveryPeriodInDays":35}}}`
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "ListBackups") {
		body = `{"BackupSummaries":[{"BackupName":"old","BackupCreationDateTime":1767225600},{"BackupName":"new","BackupCreationDateTime":1798761600}]}`
	}
	_, _ = w.Write([]byte(body))
}

// fakeEvents has a bus with an archive for three days, and one for good.
func fakeEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	body := `{"Name":"stack","Arn":"arn:aws:events:us-east-1:1:event-bus/stack"}`
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "ListArchives") {
		body = `{"Archives":[{"ArchiveName":"days","RetentionDays":3},{"ArchiveName":"good","RetentionDays":0}]}`
	}
	_, _ = w.Write([]byte(body))
}

// entries opens a store with entries that have these values.
func entries(t *testing.T, values map[store.EntryKey]string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for key, value := range values {
		if err := s.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: key, Value: []byte(value), Expires: store.MaxTime}}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// jobEntries are the plans and reports of jobs: J1 has exported the recording, J2 has left it out, J3
// is exporting it, and J4 is about another one. Nothing is left of J5.
var jobEntries = map[store.EntryKey]string{
	{Partition: "jobs/A", Key: "J1"}:             `{"action":"export","state":"done"}`,
	{Partition: "jobs/A", Key: "J3"}:             `{"action":"export","state":"running"}`,
	{Partition: "jobplan/A/J1", Key: "00000000"}: `{"items":[{"id":"202601-x"},{"id":"202601-a"}]}`,
	{Partition: "jobdone/A/J1", Key: "00000000"}: `{"items":[{"id":"202601-a","outcome":"done"}]}`,
	{Partition: "jobplan/A/J2", Key: "00000000"}: `{"items":[{"id":"202601-a"}]}`,
	{Partition: "jobdone/A/J2", Key: "00000000"}: `{"items":[{"id":"202601-a","outcome":"skipped"}]}`,
	{Partition: "jobplan/A/J3", Key: "00000000"}: `{"items":[{"id":"202601-a"}]}`,
	{Partition: "jobplan/A/J4", Key: "00000000"}: `{"items":[{"id":"202601-x"}]}`,
}

// What AWS keeps is reported with its end.
func TestDeletionReportOfADeployment(t *testing.T) {
	t.Parallel()
	deleted := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	now := deleted.Add(time.Hour)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.HasPrefix(target, "AWSEvents."):
			fakeEvents(w, r)
		case target != "":
			fakeDynamo(w, r)
		default:
			fakeS3(w, r)
		}
	}))
	t.Cleanup(server.Close)
	e := env{getenv: func(string) string { return "" }, now: func() time.Time { return now }}
	o := deletionReport{
		env: e, target: &target{env: e, table: "table", bucket: "bucket", endpoint: server.URL}, account: "A", id: "202601-a",
		tombstone: store.Tombstone{Account: "A", ID: "202601-a", Deleted: recording.SecondsOf(deleted), PurgePending: true},
		namer:     &job.Namer{Entries: entries(t, jobEntries), Account: "A", Recording: "202601-a"},
	}
	settings := aws.Config{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "x", SecretAccessKey: "x"}, nil
	})}
	withStack, weeksLater := o, o
	withStack.stack = "stack"
	weeksLater.stack, weeksLater.now = "stack", func() time.Time { return now.AddDate(0, 0, 21) }
	for name, c := range map[string]struct {
		examine func(context.Context, aws.Config) ([]trace, error)
		want    []trace
	}{
		"exports": {o.exports, []trace{
			{Exists: true, Until: "2026-03-13T00:00:00Z", Note: "exports/A/J1.zip: the document and the audio"},
			{Exists: true, Until: "2026-03-20T00:00:00Z", Note: "exports/A/J2.jsonl: the ID and what became of it"},
			{Exists: true, Until: "2026-03-20T00:00:00Z", Note: "exports/A/J2.zip: the ID; the recording itself was left out"},
			{Exists: true, Until: "2026-03-20T00:00:00Z", Note: "exports/A/J5.zip", Cause: "the plan of its job has expired"},
			{Exists: true, Until: "2026-03-08T00:00:00Z", Note: "exports/A/J3.zip: the document and the audio, in parts that are not joined"},
		}},
		"queues":         {o.queues, []trace{{Exists: true, AtMost: true, Until: "2026-03-20T11:00:00Z"}}},
		"archives now":   {withStack.archives, []trace{{}, {Exists: true, Until: "2026-03-08T10:00:00Z"}, {Exists: true}}},
		"archives later": {weeksLater.archives, []trace{{}, {Until: "2026-03-08T10:00:00Z"}, {Exists: true}}},
		"versions": {o.versions, []trace{
			{Exists: true, Until: "2026-03-13T00:00:00Z", Note: "recordings/A/202601/202601-a, 5 bytes"},
			{Exists: true, Note: "recordings/A/202601/202601-a~1f, 5 bytes"},
		}},
		"recovery": {o.recovery, []trace{{Exists: true, Until: "2026-04-09T10:00:00Z"}}},
		"backups":  {o.backups, []trace{{Exists: true, Note: "1 were made before the deletion"}}},
		"stream":   {o.stream, []trace{{Exists: true, Until: "2026-03-06T10:00:00Z"}}},
		"logs":     {o.logs, []trace{{}}}, // without a stack
		"archives": {o.archives, []trace{{}}},
	} {
		got, err := c.examine(t.Context(), settings)
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s = %+v, %v, want %+v", name, got, err, c.want)
			continue
		}
		for i, want := range c.want {
			if got[i].Exists != want.Exists || got[i].Until != want.Until || got[i].AtMost != want.AtMost ||
				want.Cause != "" && !strings.HasPrefix(got[i].Cause, want.Cause) || !strings.HasPrefix(got[i].Note, want.Note) {
				t.Errorf("%s[%d] = %+v, want %+v", name, i, got[i], want)
			}
		}
	}
}

// The jobs that name the recording are reported, and those that have expired with their latest end.
func TestJobsInADeletionReport(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 6, 10, 0, 0, 0, time.UTC)
	o := deletionReport{env: env{now: func() time.Time { return now }}, account: "A", id: "202601-a", tombstone: store.Tombstone{
		Deleted: recording.SecondsOf(now.AddDate(0, 0, -2)), Expires: recording.SecondsOf(now.AddDate(0, 0, store.TombstoneDays-1)),
	}}
	if err := o.addJobs(t.Context(), entries(t, jobEntries)); err != nil {
		t.Fatal(err)
	}
	end := clock(store.MaxTime.Time())
	want := []trace{
		{What: "job J3", Exists: true, Until: end, Note: "export, running; it has the ID"},
		{What: "job J1", Exists: true, Until: end, Note: "export, done; it has the ID, and what became of it: done"},
		{What: "plans and reports of jobs that have expired", Exists: true, AtMost: true, Until: "2026-05-11T10:00:00Z"},
	}
	if len(o.traces) != len(want) {
		t.Fatalf("traces = %+v, want %+v", o.traces, want)
	}
	for i, got := range o.traces {
		if want[i].Note == "" {
			got.Note = ""
		}
		if got != want[i] {
			t.Errorf("trace %d = %+v, want %+v", i, got, want[i])
		}
	}
}

// What was sent is reported with its latest end, as long as the recording can be restored, is being
// purged, and is purged.
func TestSentInADeletionReport(t *testing.T) {
	t.Parallel()
	deleted := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	at := recording.SecondsOf
	for name, c := range map[string]struct {
		now                time.Time
		tombstone          store.Tombstone
		feed, urls, queues string
	}{
		"restorable":            {deleted, store.Tombstone{Deleted: at(deleted), Until: at(deleted.AddDate(0, 0, 30))}, "2027-04-10T10:00:00Z", "2026-03-12T10:00:00Z", "2026-04-19T10:00:00Z"},
		"on hold past its time": {deleted.AddDate(0, 0, 40), store.Tombstone{Deleted: at(deleted), Until: at(deleted.AddDate(0, 0, 30))}, "2027-04-10T10:00:00Z", "gone", "2026-04-29T10:00:00Z"},
		"purging":               {deleted.AddDate(0, 0, 1), store.Tombstone{Deleted: at(deleted), PurgePending: true}, "2027-04-10T10:00:00Z", "2026-03-12T10:00:00Z", "2026-03-21T10:00:00Z"},
		"purged":                {deleted.AddDate(0, 0, 1), store.Tombstone{Deleted: at(deleted), Expires: at(deleted.AddDate(0, 0, store.TombstoneDays))}, "2027-04-10T10:00:00Z", "gone", "2026-03-20T10:00:00Z"},
		"arrived again":         {deleted.AddDate(0, 0, 100), store.Tombstone{Deleted: at(deleted), Expires: at(deleted.AddDate(0, 0, 90+store.TombstoneDays))}, "2027-04-10T10:00:00Z", "gone", "2026-06-18T10:00:00Z"},
		"long ago":              {deleted.AddDate(2, 0, 0), store.Tombstone{Deleted: at(deleted), Expires: at(deleted.AddDate(0, 0, store.TombstoneDays))}, "gone", "gone", "gone"},
		"unknown":               {deleted, store.Tombstone{}, "unknown", "gone", "unknown"},
	} {
		o := deletionReport{env: env{now: func() time.Time { return c.now }}, tombstone: c.tombstone}
		o.addSent()
		queues, err := o.queues(t.Context(), aws.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range append(o.traces, queues...) {
			state := "gone"
			if got.Cause != "" {
				state = "unknown"
			} else if got.Exists {
				state = got.Until
			}
			if want := []string{c.feed, c.urls, c.queues}[i]; state != want || got.Exists && !got.AtMost {
				t.Errorf("%s: %+v, want %s", name, got, want)
			}
		}
	}
}

// Holds that name the recording, active and released, and links are looked up.
func TestHoldsAndLinksInADeletionReport(t *testing.T) {
	t.Parallel()
	s := entries(t, nil)
	place := func(scope hold.Scope) hold.Hold {
		t.Helper()
		book := hold.NewBook(s, time.Now, rand.Reader, false)
		h, err := book.Draft(hold.Hold{Case: "case", Reason: "why", Scope: scope})
		if err == nil {
			err = book.Place(t.Context(), "A", h)
		}
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	report := func(restorable *recording.Recording) []trace {
		t.Helper()
		o := deletionReport{env: env{now: time.Now}, account: "A", id: "202601-a", tombstone: store.Tombstone{Recording: restorable}}
		if err := errors.Join(o.addHolds(t.Context(), s), o.addLinks(t.Context(), s)); err != nil {
			t.Fatal(err)
		}
		return o.traces
	}
	other := place(hold.Scope{Recording: "202601-b"})
	if got := report(nil); len(got) != 2 || got[0].Exists || got[1].Exists {
		t.Errorf("traces = %+v, want neither holds nor links", got)
	}
	released, active := place(hold.Scope{Recording: "202601-a"}), place(hold.Scope{Owner: "anna"})
	if _, err := hold.NewBook(s, time.Now, rand.Reader, false).Release(t.Context(), "A", released.ID, hold.Release{Reason: "over"}); err != nil {
		t.Fatal(err)
	}
	links := link.New(s, time.Now, rand.Reader)
	end := recording.SecondsOf(time.Now().Add(time.Hour))
	l, secret, err := links.Draft(link.Link{Account: "A", Recording: "202601-a", Expires: end})
	if err == nil {
		err = links.Make(t.Context(), l, secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := report(&recording.Recording{Account: "A", ID: "202601-a", Owner: "anna", Document: "{}"})
	if len(got) != 3 || !strings.Contains(got[0].Note, released.ID) || strings.Contains(got[0].Note, other.ID) ||
		!strings.Contains(got[1].Note, active.ID) || !got[2].Exists || got[2].Until != clock(end.Time()) {
		t.Errorf("traces = %+v, want the hold %s, the cover of %s and a link until %s", got, released.ID, active.ID, clock(end.Time()))
	}
}

// The report looks at every key that may have audio, including the keys of audio that was set
// aside.
func TestKeysOfADeletionReport(t *testing.T) {
	t.Parallel()
	o := deletionReport{account: "A", id: "202601-a", tombstone: store.Tombstone{Audio: recording.Audio{Key: "inbox/A/x.wav"}}}
	want := []string{
		"recordings/A/202601/202601-a", "imported/A/202601/202601-a", "set-aside/A/202601/202601-a",
		"inbox/A/x.wav", "set-aside/inbox/A/x.wav",
	}
	if got := o.keys(); !slices.Equal(got, want) {
		t.Errorf("keys = %q, want %q", got, want)
	}
}

// The report shows whether the account has totals that name an owner or a tag but count nothing.
func TestTotalsInADeletionReport(t *testing.T) {
	t.Parallel()
	s := entries(t, nil)
	report := func(want bool) {
		t.Helper()
		o := deletionReport{account: "A", id: "202601-a"}
		if err := o.addTotals(t.Context(), s); err != nil || len(o.traces) != 1 || o.traces[0].Exists != want {
			t.Errorf("addTotals = %+v, %v, want a trace that exists: %v", o.traces, err, want)
		}
	}
	count := func(n int64) {
		t.Helper()
		w := store.EntryWrite{
			Entry: store.Entry{EntryKey: store.EntryKey{Partition: "totals/A", Key: "t/2026-01-31/Jane Roe"}},
			Add:   map[string]int64{"in": n},
		}
		if err := s.WriteEntries(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	report(false)
	count(1)
	report(false)
	count(-1)
	report(true)
}

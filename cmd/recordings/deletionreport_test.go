package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// fakeS3 lists one old version of audio under its delete marker, one current version of
// another upload, and an object of another recording.
func fakeS3(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	body := `<LifecycleConfiguration><Rule><ID>x</ID><Status>Enabled</Status><Filter/>` +
		`<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>`
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

// What AWS keeps is reported with its end.
func TestDeletionReportOfADeployment(t *testing.T) {
	t.Parallel()
	deleted := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "" {
			fakeDynamo(w, r)
			return
		}
		fakeS3(w, r)
	}))
	t.Cleanup(server.Close)
	e := env{getenv: func(string) string { return "" }, now: func() time.Time { return deleted.Add(time.Hour) }}
	o := deletionReport{
		env: e, target: &target{env: e, table: "table", bucket: "bucket", endpoint: server.URL}, account: "A", id: "202601-a",
		tombstone: store.Tombstone{Account: "A", ID: "202601-a", Deleted: recording.SecondsOf(deleted), PurgePending: true},
	}
	settings := aws.Config{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "x", SecretAccessKey: "x"}, nil
	})}
	for name, c := range map[string]struct {
		examine func(context.Context, aws.Config) ([]trace, error)
		want    []trace
	}{
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
			if got[i].Exists != want.Exists || got[i].Until != want.Until || !strings.HasPrefix(got[i].Note, want.Note) {
				t.Errorf("%s[%d] = %+v, want %+v", name, i, got[i], want)
			}
		}
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
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
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

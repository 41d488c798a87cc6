//go:build e2e

package deployed_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// invoke runs a scheduled function of the deployment, as its schedule does, and waits for
// its end.
func invoke(t *testing.T, function string) {
	t.Helper()
	name := strings.TrimSpace(awsCLI(t, "cloudformation", "describe-stack-resource", "--stack-name", given.Variable(t, "RECORDINGS_STACK"),
		"--logical-resource-id", function, "--query", "StackResourceDetail.PhysicalResourceId", "--output", "text"))
	begun := time.Now()
	answer := awsCLI(t, "lambda", "invoke", "--cli-read-timeout", "300", "--function-name", name, filepath.Join(t.TempDir(), "answer"))
	if strings.Contains(answer, "FunctionError") {
		t.Fatalf("%s failed: %s", function, answer)
	}
	t.Logf("%s ran for %v", function, time.Since(begun).Round(10*time.Millisecond))
}

// awsCLI runs the AWS CLI and returns its output.
func awsCLI(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "aws", append([]string{"--endpoint-url", given.Variable(t, "AWS_ENDPOINT_URL")}, args...)...)
	var faults bytes.Buffer
	c.Stderr = &faults
	out, err := c.Output()
	if err != nil {
		t.Fatalf("aws %s: %v: %s", strings.Join(args, " "), err, faults.String())
	}
	return string(out)
}

// newAccount returns the ID of an account that no other test uses.
func newAccount() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// imported stores a recording with audio as an import does, which causes no events of the
// bucket.
func imported(t *testing.T, table *dynamo.Store, bucket *s3media.Bucket, account, id string, created recording.Seconds) *recording.Recording {
	t.Helper()
	audio := silence()
	r := &recording.Recording{
		Account: account, ID: id, Created: created, Modified: created, Document: recording.Complete("{}", id, created),
		Audio: recording.Audio{
			Place: recording.Managed, ContentType: "audio/wav", Size: int64(len(audio)), Key: recording.ImportedKey(account, id),
		},
	}
	err := bucket.Put(t.Context(), r.AudioKey(), "audio/wav", bytes.NewReader(audio), int64(len(audio)))
	if err == nil {
		err = table.Put(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantAudio checks whether the audio of a recording is in the bucket.
func wantAudio(t *testing.T, bucket *s3media.Bucket, r *recording.Recording, want bool) {
	t.Helper()
	if _, err := bucket.Stat(t.Context(), r.AudioKey()); (err == nil) != want || err != nil && !errors.Is(err, media.ErrNotFound) {
		t.Errorf("the audio of %s is there: %t (%v), want %t", r.ID, err == nil, err, want)
	}
}

// The function expire removes expired recordings, unless they are on hold, and the purge then
// removes their audio.
func TestExpireRemovesWhatHasExpired(t *testing.T) {
	table, bucket := open(t)
	account, now := newAccount(), recording.SecondsOf(time.Now())
	policy := retention.Settings{Policy: &retention.Policy{Rules: []retention.Rule{{Name: "all", Days: 30}}}}
	if err := retention.Save(t.Context(), table, account, "", policy); err != nil {
		t.Fatal(err)
	}
	old := imported(t, table, bucket, account, "202601-old", now-31*recording.Day)
	held := imported(t, table, bucket, account, "202601-held", now-32*recording.Day)
	recent := imported(t, table, bucket, account, "202601-new", now-29*recording.Day)
	place(t, table, account, held.ID, false)
	invoke(t, "ExpireFunction")
	waitForPurge(t, table, account, old.ID)
	wantAudio(t, bucket, old, false)
	for _, r := range []*recording.Recording{held, recent} {
		if _, err := table.Get(t.Context(), account, r.ID); err != nil {
			t.Errorf("Get of %s = %v, want it kept", r.ID, err)
		}
		wantAudio(t, bucket, r, true)
	}
}

// place places a hold on a recording. It returns the function that releases it.
func place(t *testing.T, table *dynamo.Store, account, id string, lock bool) (release func()) {
	t.Helper()
	book := hold.NewBook(table, time.Now, rand.Reader, lock)
	h, err := book.Draft(hold.Hold{Case: "case", Reason: "reason", Scope: hold.Scope{Recording: id}})
	if err == nil {
		err = book.Place(t.Context(), account, h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := book.Release(t.Context(), account, h.ID, hold.Release{Reason: "over"}); err != nil {
			t.Fatal(err)
		}
	}
}

// The function reconcile ends an overdue time for a restore, and leaves another one.
func TestReconcileEndsWhatIsOverdue(t *testing.T) {
	table, bucket := open(t)
	account, now := newAccount(), recording.SecondsOf(time.Now())
	overdue := imported(t, table, bucket, account, "202601-overdue", now-40*recording.Day)
	other := imported(t, table, bucket, account, "202601-other", now-40*recording.Day)
	for r, until := range map[*recording.Recording]recording.Seconds{overdue: now - 3*recording.Day, other: now + recording.Day} {
		if _, err := table.Delete(t.Context(), account, r.ID, store.Deletion{Until: until}); err != nil {
			t.Fatal(err)
		}
	}
	// A run of the last day would be enough for the function.
	current := store.Entry{EntryKey: store.EntryKey{Partition: "reconcile", Key: "current"}}
	if err := table.WriteEntries(t.Context(), store.EntryWrite{Entry: current, Delete: true}); err != nil {
		t.Fatal(err)
	}
	begun := recording.SecondsOf(time.Now())
	invoke(t, "ReconcileFunction")
	waitForPurge(t, table, account, overdue.ID)
	wantAudio(t, bucket, overdue, false)
	wantAudio(t, bucket, other, true)
	if left, err := table.Tombstone(t.Context(), account, other.ID); err != nil || left.Until != now+recording.Day {
		t.Errorf("the other recording has the tombstone %+v, %v, want it restorable", left, err)
	}
	report, err := reconcile.Last(t.Context(), table)
	if err != nil || report.Started < begun || report.Finished == 0 {
		t.Fatalf("the last report is %+v, %v, want one of this run", report, err)
	}
	if c := report.Findings[reconcile.OverdueRestore]; c == nil || c.Repaired == 0 {
		t.Errorf("the report has %+v overdue restores, want one that was repaired", c)
	}
}

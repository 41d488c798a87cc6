package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// fill stores healthy recordings and one of each repairable finding among them, and lets
// them age.
func (f *fixture) fill() {
	f.Helper()
	for i := range 10 {
		id := fmt.Sprintf("202601-h%d", i)
		f.put(id, ready(""), audioKey(id))
	}
	f.put("202601-h3-purge", ready(""), audioKey("202601-h3-purge"))
	f.remove("202601-h3-purge", store.Deletion{})
	f.object(audioKey("202601-h4")+"~0a", 5)
	f.object(recording.ImportedKey(tenant, "202601-h5"), 5)
	f.object("set-aside/acc/202601/202601-x", 5)
	f.put("202601-h6-event", recording.Audio{}, "")
	f.Objects.Put(audioKey("202601-h6-event"), "audio/wav", sample(f.T), nil)
	for i := range 4 {
		key := fmt.Sprintf("inbox/acc/100%dto1.wav", i)
		f.put(fmt.Sprintf("202601-i%d", i), ready(key), key)
	}
	f.Objects.Put("inbox/acc/1009to1.wav", "audio/wav", sample(f.T), nil)
	f.Time = f.Time.Add(40 * day)
}

// A run that dies at any call of the bucket leaves work that the next call finishes.
func TestInterruptedRunsContinue(t *testing.T) {
	t.Parallel()
	whole := open(t)
	whole.fill()
	whole.run(map[Kind][2]int{StuckPurge: {1, 1}, OrphanAudio: {2, 2}, OverdueSetAside: {1, 1}, UnreadAudio: {1, 1}, UnreadFile: {1, 1}})
	deaths := 0
	for n := 1; ; n += 3 {
		f := open(t)
		f.fill()
		k := &incomingtest.Killer{N: n}
		f.Objects.Fault = k.Fault
		report, err := f.Run(t.Context())
		if !k.Dead && err == nil {
			break
		}
		deaths++
		k.Revive()
		if report.Finished != 0 && err == nil {
			t.Fatalf("killed at call %d: Run = %+v, want an incomplete run", n, report)
		}
		if report, err = f.Run(t.Context()); err != nil || report.Finished == 0 {
			t.Fatalf("killed at call %d: the next Run = %+v, %v, want it complete", n, report, err)
		}
		f.Objects.Fault = nil
		for _, c := range report.Findings {
			if c.Failed > 0 { // a repair died, and the next run tries it again
				if _, err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		f.run(nil)
		if got, want := len(f.Objects.Objects), len(whole.Objects.Objects); got != want {
			t.Errorf("killed at call %d: %d objects remain, want %d", n, got, want)
		}
	}
	if deaths < 5 {
		t.Errorf("the runs were killed at %d calls, want more", deaths)
	}
}

// A run stops before the deadline of its context, and the next one continues.
func TestRunStopsBeforeItsDeadline(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill()
	ctx, cancel := context.WithTimeout(t.Context(), reserve/2)
	defer cancel()
	started := recording.SecondsOf(f.Time)
	if report, err := f.Run(ctx); err != nil || report.Finished != 0 || report.Started != started {
		t.Fatalf("Run near its deadline = %+v, %v, want an incomplete run", report, err)
	}
	f.Time = f.Time.Add(time.Hour)
	if report, err := f.Run(t.Context()); err != nil || report.Finished == 0 || report.Started != started {
		t.Errorf("the next Run = %+v, %v, want the same run, complete", report, err)
	}
}

// A large account does not hold up a small one.
func TestAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	f := open(t)
	for i := range 5 * windowsOfTurn * f.page {
		id := fmt.Sprintf("202601-%04d", i)
		f.put(id, recording.Audio{Place: recording.External}, "")
	}
	r := &recording.Recording{Account: "small", ID: "202601-a", Created: recording.SecondsOf(f.Time), Document: "{}", Audio: ready("")}
	if err := f.Records.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Records.Delete(t.Context(), "small", r.ID, store.Deletion{Until: r.Created + 1}); err != nil {
		t.Fatal(err)
	}
	f.Time = f.Time.Add(2 * day)
	row := ""
	ending := deletion.New(f.Records, 30, f.Clock).Ending
	f.EndRestores = func(ctx context.Context, account string, at recording.Seconds) (*deletion.Ending, error) {
		found, err := f.Records.Entries(ctx, store.EntryKey{Partition: accountsPartition, Key: tenant})
		if err != nil {
			return nil, err
		}
		large, err := decodeAccount(&found[0])
		if err != nil {
			return nil, err
		}
		row = large.Row
		return ending(ctx, account, at)
	}
	f.run(map[Kind][2]int{OverdueRestore: {1, 1}})
	if row == "" || row > "202601-0200" {
		t.Errorf("the large account was at row %q when the small one had its turn, want less than half of it", row)
	}
}

// Two invocations of the same run do not both work on it.
func TestASecondInvocationStops(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill()
	other := *f.Reconciler
	once := false
	f.Pace = func(ctx context.Context) error {
		if !once {
			once = true
			if _, err := other.Run(ctx); err != nil {
				t.Errorf("the other Run = %v", err)
			}
		}
		return nil
	}
	if _, err := f.Run(t.Context()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Run = %v, want %v", err, store.ErrConflict)
	}
}

// A service that calls Daily every hour makes one run a day, and completes one that was
// interrupted.
func TestDaily(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill()
	runs := 0
	for range 3 * 24 {
		_, ran, err := f.Daily(t.Context(), day)
		if err != nil {
			t.Fatal(err)
		}
		if ran {
			runs++
		}
		f.Time = f.Time.Add(time.Hour + time.Minute) // schedules drift
	}
	if runs != 4 {
		t.Errorf("%d runs in 73 hours, want 4", runs)
	}
	if last, err := Last(t.Context(), f.Records); err != nil || last.Finished == 0 || last.Recordings == 0 {
		t.Errorf("Last = %+v, %v, want the report of the last run", last, err)
	}
}

// Without a complete run there is no report.
func TestNoReport(t *testing.T) {
	t.Parallel()
	f := open(t)
	if _, err := Last(t.Context(), f.Records); !errors.Is(err, ErrNoReport) {
		t.Errorf("Last = %v, want %v", err, ErrNoReport)
	}
}

// An inbox that is too large for one pass is compared in several.
func TestInboxInPasses(t *testing.T) {
	t.Parallel()
	f := open(t)
	for i := range 40 {
		key := fmt.Sprintf("inbox/acc/1%03dto1.wav", i)
		f.put(fmt.Sprintf("202601-i%02d", i), ready(key), key)
		f.Objects.Put(recording.Stem(key)+".json", "application/json", []byte("{}"), nil)
	}
	delete(f.Objects.Objects, "inbox/acc/1007to1.wav")
	f.Objects.Put("inbox/acc/2000to1.wav", "audio/wav", sample(t), nil)
	f.dropped = 7
	f.Time = f.Time.Add(2 * day)
	f.Repair = false
	f.run(map[Kind][2]int{MissingAudio: {1, 0}, UnreadFile: {1, 0}})
	found, err := f.Records.Entries(t.Context(), store.EntryKey{Partition: accountsPartition, Key: tenant})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := decodeAccount(&found[0]); err != nil || a.Passes < 8 {
		t.Errorf("%+v, %v, want at least 8 passes", a, err)
	}
}

// A run for one account looks at no other, and one in memory leaves nothing in the store.
func TestOneAccountInMemory(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill()
	f.object("recordings/other/202601/202601-a~0a", 5)
	f.object("set-aside/other/202601/202601-a", 5)
	f.Account, f.Book, f.Repair = tenant, Memory(), false
	f.run(map[Kind][2]int{StuckPurge: {1, 0}, OrphanAudio: {2, 0}, OverdueSetAside: {1, 0}, UnreadAudio: {1, 0}, UnreadFile: {1, 0}})
	for _, p := range []string{partition, accountsPartition} {
		if page, err := f.Records.PageEntries(t.Context(), store.EntryQuery{Partition: p, Limit: 10}); err != nil || len(page.Entries) > 0 {
			t.Errorf("the store has entries %+v, %v, want none", page.Entries, err)
		}
	}
}

// Accounts without anything left are forgotten, so that a run does not list them forever.
func TestEmptyAccountsAreForgotten(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.object(audioKey("202601-a")+"~0a", 5)
	f.Time = f.Time.Add(day)
	f.run(map[Kind][2]int{OrphanAudio: {1, 1}})
	f.run(nil)
	if page, err := f.Records.PageEntries(t.Context(), store.EntryQuery{Partition: accountsPartition, Limit: 10}); err != nil || len(page.Entries) > 0 {
		t.Errorf("accounts %+v, %v, want none", page.Entries, err)
	}
}

// brokenAccounts is a table that cannot read the rows of some accounts.
type brokenAccounts struct {
	Store
	prefix string
}

func (s brokenAccounts) Rows(ctx context.Context, account, after string, limit int) (store.RowPage, error) {
	if strings.HasPrefix(account, s.prefix) {
		return store.RowPage{}, errors.New("a damaged row")
	}
	return s.Store.Rows(ctx, account, after, limit)
}

// An account that fails does not keep the others from their turns. If it works again before
// the run gives it up, nothing is reported.
func TestOthersGoOnAfterAFailure(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put("202601-a", ready(""), audioKey("202601-a"))
	f.object(audioKey("202601-b")+"~0a", 5)
	f.object("recordings/aaa/202601/202601-c", 5) // the account aaa comes first
	f.Time = f.Time.Add(40 * day)
	whole := f.Store
	f.Store = brokenAccounts{whole, "aaa"}
	if _, err := f.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Run = %v, want the failure of one account", err)
	}
	if _, left := f.Objects.Objects[audioKey("202601-b")+"~0a"]; left {
		t.Error("the orphan of the other account is still there")
	}
	f.Store = whole
	f.Time = f.Time.Add(f.Ages.Failure)
	report, err := f.Run(t.Context())
	if err != nil || report.Finished == 0 || report.Findings[FailedAccount] != nil || report.Accounts != 2 {
		t.Errorf("the next Run = %+v, %v, want it complete, with two accounts and without a failed one", report, err)
	}
}

// An account that always fails delays the end of a run by some hours. Then its report names
// the account, the later phases have been, and the next run begins in time.
func TestAnAccountThatAlwaysFails(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put("202601-a", ready(""), audioKey("202601-a"))
	f.object("recordings/aaa/202601/202601-c", 5)
	f.object("set-aside/acc/202601/202601-x", 5)
	f.Time = f.Time.Add(40 * day)
	f.Store = brokenAccounts{f.Store, "aaa"}
	runs, failures := map[recording.Seconds]Report{}, 0
	for range 3 * 23 { // a daily run begins an hour early
		report, ran, err := f.Daily(t.Context(), day)
		if err != nil {
			failures++
		}
		if ran && report.Finished > 0 {
			runs[report.Started] = report
		}
		f.Time = f.Time.Add(time.Hour)
	}
	if len(runs) != 3 || failures != 3*6 {
		t.Errorf("%d complete runs and %d failures in three days, want 3 runs that end after 6 failures each", len(runs), failures)
	}
	for _, report := range runs {
		if c := report.Findings[FailedAccount]; c == nil || c.Found != 1 || report.Open() != 1 || report.Accounts != 2 {
			t.Errorf("a report is %+v, want one failed account of two, as an open finding", report)
		}
	}
	f.Exists("set-aside/acc/202601/202601-x", false)
}

// Many accounts that always fail keep no other from its turn for long.
func TestManyAccountsThatAlwaysFail(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.Ages.Failure = 3 * time.Hour
	for i := range 2*maxFailed + 1 {
		f.object(fmt.Sprintf("recordings/aa%02d/202601/202601-c", i), 5)
	}
	f.put("202601-a", ready(""), audioKey("202601-a"))
	f.object(audioKey("202601-b")+"~0a", 5) // the account acc comes last
	f.Time = f.Time.Add(day)
	f.Store = brokenAccounts{f.Store, "aa"}
	for range 3 {
		if _, err := f.Run(t.Context()); err == nil {
			t.Error("Run succeeds, want failures")
		}
		f.Time = f.Time.Add(time.Hour)
	}
	f.Exists(audioKey("202601-b")+"~0a", false)
	for range 3 {
		_, _ = f.Run(t.Context())
		f.Time = f.Time.Add(time.Hour)
	}
	if report, err := Last(t.Context(), f.Records); err != nil || report.Findings[FailedAccount].Found != 2*maxFailed+1 {
		t.Errorf("Last = %+v, %v, want the report of a run that has given up all broken accounts", report, err)
	}
}

// A run for one account in one go ends at once, with the finding.
func TestOneBrokenAccountInOneGo(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put("202601-a", ready(""), audioKey("202601-a"))
	f.Store = brokenAccounts{f.Store, tenant}
	f.Account, f.Book, f.Ages.Failure = tenant, Memory(), 0
	f.run(map[Kind][2]int{FailedAccount: {1, 0}})
}

// Progress that cannot be read begins again, and stops nothing.
func TestDamagedProgress(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put("202601-a", ready(""), "")
	damaged := []byte(`{"phase":"x","stage":"x"}`)
	for _, key := range []store.EntryKey{{Partition: partition, Key: currentKey}, {Partition: accountsPartition, Key: tenant}} {
		if err := f.Records.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: key, Value: damaged}}); err != nil {
			t.Fatal(err)
		}
	}
	f.run(map[Kind][2]int{MissingAudio: {1, 0}})
}

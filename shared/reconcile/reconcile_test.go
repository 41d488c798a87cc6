package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

const tenant = "acc"

// listed is a bucket in memory with pages of a chosen length.
type listed struct {
	*incomingtest.Bucket
	page int
}

// Objects implements media.Inventory.
func (b listed) Objects(_ context.Context, prefix, after string) (found []media.Listed, err error) {
	for key, o := range b.Bucket.Objects {
		if strings.HasPrefix(key, prefix) && key > after {
			found = append(found, media.Listed{Key: key, Size: o.Size, Modified: o.Modified})
		}
	}
	slices.SortFunc(found, func(x, y media.Listed) int { return strings.Compare(x.Key, y.Key) })
	if b.Fault != nil {
		err = b.Fault(false)
	}
	return found[:min(len(found), b.page)], err
}

// Folders implements media.Inventory.
func (b listed) Folders(_ context.Context, prefix, after string) (folders []string, more bool, err error) {
	set := map[string]bool{}
	for key := range b.Bucket.Objects {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			if folder, _, ok := strings.Cut(rest, "/"); ok && prefix+folder+"/" > after {
				set[prefix+folder+"/"] = true
			}
		}
	}
	for folder := range set {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	return folders[:min(len(folders), b.page)], len(folders) > b.page, nil
}

// fixture is a store and a bucket with a reconciler.
type fixture struct {
	*incomingtest.Place
	*Reconciler
	bucket listed
}

func open(t *testing.T) *fixture {
	t.Helper()
	p := incomingtest.NewPlace(t)
	f := &fixture{Place: p, bucket: listed{p.Objects, 3}}
	g := bucket.Ingester{Store: p.Records, Audio: p.Objects, Names: p.Names, MaxBytes: 1 << 20, Now: p.Clock}
	f.Reconciler = &Reconciler{
		Store: p.Records, Bucket: f.bucket, Book: p.Records, Repair: true, Ages: CloudAges(30), Now: p.Clock, page: f.bucket.page,
		Log: slog.New(slog.DiscardHandler), Deep: true, Index: &search.Indexer{Store: p.Records, Now: p.Clock, Random: rand.Reader},
		Arrive: func(ctx context.Context, key string) error {
			_, err := g.Ingest(ctx, incoming.Arrival{Key: key})
			return err
		},
	}
	return f
}

// put stores a recording with audio of so many bytes, and the audio unless its key is "".
func (f *fixture) put(id string, audio recording.Audio, key string) *recording.Recording {
	f.Helper()
	now := recording.SecondsOf(f.Time)
	r := &recording.Recording{Account: tenant, ID: id, Created: now, Modified: now, Audio: audio, Document: "{}"}
	if err := f.Records.Put(f.Context(), r); err != nil {
		f.Fatal(err)
	}
	if key != "" {
		f.object(key, int(max(audio.Size, 1)))
	}
	return r
}

// ready is audio of ten bytes under a key, "" for the default one.
func ready(key string) recording.Audio {
	return recording.Audio{Place: recording.Managed, Key: key, ContentType: "audio/wav", Size: 10}
}

// index brings the index up to date with a recording.
func (f *fixture) index(id string) {
	f.Helper()
	if err := f.Index.Index(f.Context(), tenant, id); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) object(key string, size int) {
	f.Objects.Put(key, "audio/wav", make([]byte, size), nil)
}

func (f *fixture) remove(id string, d store.Deletion) {
	f.Helper()
	if _, err := f.Records.Delete(f.Context(), tenant, id, d); err != nil {
		f.Fatal(err)
	}
}

// run makes a complete run, and checks the number of findings and of repairs of each kind.
func (f *fixture) run(want map[Kind][2]int) Report {
	f.Helper()
	f.Time = f.Time.Add(time.Second) // a run is identified by its start
	report, err := f.Run(f.Context())
	if err != nil || report.Finished == 0 {
		f.Fatalf("Run = %+v, %v, want a complete run", report, err)
	}
	got := map[Kind][2]int{}
	for kind, c := range report.Findings {
		got[kind] = [2]int{c.Found, c.Repaired}
	}
	if want == nil {
		want = map[Kind][2]int{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.Errorf("findings and repairs (-want +got):\n%s\n%+v", diff, report.Examples)
	}
	return report
}

// sample returns audio that ingest accepts.
func sample(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../audiofile/testdata/alaw.wav")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func audioKey(id string) string { return recording.AudioKey(tenant, id) }

// scenarios are all kinds of findings: how each comes about, how old it must be, and how
// the repair leaves the bucket.
var scenarios = map[string]struct {
	make  func(f *fixture)
	after time.Duration
	want  Kind
	// repaired is whether a run repairs it; otherwise it is found again.
	repaired bool
	// gone are the keys that no longer exist after the repair, and kept those that do.
	gone, kept []string
}{
	"a stuck purge": {func(f *fixture) {
		f.put("202601-a", ready(""), audioKey("202601-a"))
		f.remove("202601-a", store.Deletion{})
	}, time.Hour, StuckPurge, true, []string{audioKey("202601-a")}, nil},
	"a stuck purge of imported audio": {func(f *fixture) {
		key := recording.ImportedKey(tenant, "202601-a")
		f.put("202601-a", ready(key), key)
		f.remove("202601-a", store.Deletion{})
	}, time.Hour, StuckPurge, true, []string{recording.ImportedKey(tenant, "202601-a")}, nil},
	"a stuck purge whose audio is gone": {func(f *fixture) {
		f.put("202601-a", ready(""), "")
		f.remove("202601-a", store.Deletion{})
	}, time.Hour, StuckPurge, true, nil, nil},
	"audio whose event was lost": {func(f *fixture) {
		f.put("202601-a", recording.Audio{}, "")
		f.Objects.Put(audioKey("202601-a"), "audio/wav", sample(f.T), nil)
	}, time.Hour, UnreadAudio, true, nil, []string{audioKey("202601-a")}},
	"audio without a recording": {func(f *fixture) {
		f.Objects.Put(audioKey("202601-a"), "audio/wav", sample(f.T), nil)
	}, time.Hour, UnreadAudio, true, nil, []string{audioKey("202601-a")}},
	"a late upload of a deleted recording": {func(f *fixture) {
		f.put("202601-a", recording.Audio{}, "")
		f.remove("202601-a", store.Deletion{})
		if err := f.Records.Purged(f.Context(), tenant, "202601-a", ""); err != nil {
			f.Fatal(err)
		}
		f.object(audioKey("202601-a"), 5)
	}, time.Hour, UnreadAudio, true, []string{audioKey("202601-a")}, nil},
	"an upload of the command line that died": {func(f *fixture) {
		f.object(audioKey("202601-a")+"~0a", 5)
	}, time.Hour, OrphanAudio, true, []string{audioKey("202601-a") + "~0a"}, nil},
	"an import that died": {func(f *fixture) {
		f.object(recording.ImportedKey(tenant, "202601-a"), 5)
	}, day, OrphanAudio, true, []string{recording.ImportedKey(tenant, "202601-a")}, nil},
	"audio that other audio has replaced": {func(f *fixture) {
		key := recording.ImportedKey(tenant, "202601-a")
		f.put("202601-a", ready(key), key)
		f.object(audioKey("202601-a"), 5)
	}, day, OrphanAudio, true, []string{audioKey("202601-a")}, []string{recording.ImportedKey(tenant, "202601-a")}},
	"missing audio":          {func(f *fixture) { f.put("202601-a", ready(""), "") }, 0, MissingAudio, false, nil, nil},
	"missing imported audio": {func(f *fixture) { f.put("202601-a", ready(recording.ImportedKey(tenant, "202601-a")), "") }, 0, MissingAudio, false, nil, nil},
	"missing audio with a suffix": {func(f *fixture) {
		f.put("202601-a", ready(audioKey("202601-a")+"~0a"), "")
	}, 0, MissingAudio, false, nil, nil},
	"a missing file in an inbox": {func(f *fixture) {
		f.put("202601-a", ready("inbox/acc/x.wav"), "")
	}, 0, MissingAudio, false, nil, nil},
	"truncated audio": {func(f *fixture) {
		f.put("202601-a", ready(""), "")
		f.object(audioKey("202601-a"), 9)
	}, 0, OtherSize, false, nil, []string{audioKey("202601-a")}},
	"an upload that never came": {func(f *fixture) { f.put("202601-a", recording.Audio{}, "") }, 8 * day, OverdueUpload, false, nil, nil},
	"a file in an inbox": {func(f *fixture) {
		f.Objects.Put("inbox/acc/1001to1002.wav", "audio/wav", sample(f.T), nil)
	}, day, UnreadFile, true, nil, []string{"inbox/acc/1001to1002.wav"}},
	"rejected audio": {func(f *fixture) {
		f.object("set-aside/acc/202601/202601-a", 5)
	}, 32 * day, OverdueSetAside, true, []string{"set-aside/acc/202601/202601-a"}, nil},
	"a test file":     {func(f *fixture) { f.object("probes/acc/0a", 5) }, 3 * day, OverdueProbe, true, []string{"probes/acc/0a"}, nil},
	"a file of a job": {func(f *fixture) { f.object("exports/acc/0a.zip", 5) }, 9 * day, OverdueExport, true, []string{"exports/acc/0a.zip"}, nil},
	"a link to a deleted recording": {func(f *fixture) {
		f.put("202601-a", ready(""), "")
		f.remove("202601-a", store.Deletion{})
		e := store.Entry{EntryKey: store.EntryKey{Partition: access.Partition(tenant), Key: "link/202601-a/0a"}, Value: []byte("{}")}
		if err := f.Records.WriteEntries(f.Context(), store.EntryWrite{Entry: e}); err != nil {
			f.Fatal(err)
		}
	}, 0, DeadLink, true, nil, nil},
	"words of a deleted recording": {func(f *fixture) {
		f.put("202601-a", ready(""), "")
		f.index("202601-a")
		f.remove("202601-a", store.Deletion{})
		if err := f.Records.Purged(f.Context(), tenant, "202601-a", ""); err != nil {
			f.Fatal(err)
		}
	}, time.Hour, IndexedDeletion, true, nil, nil},
	"a total that counts nothing": {func(f *fixture) {
		w := store.EntryWrite{
			Entry: store.Entry{EntryKey: store.EntryKey{Partition: "totals/" + tenant, Key: "o/2026-01-31/anna"}},
			Set:   map[string]int64{"in": 0, "at": int64(recording.SecondsOf(f.Time))},
		}
		if err := f.Records.WriteEntries(f.Context(), w); err != nil {
			f.Fatal(err)
		}
	}, time.Hour, EmptyCounter, true, nil, nil},
	"a foreign object": {func(f *fixture) { f.object("recordings/acc/notes.txt", 5) }, 0, ForeignObject, false, nil, []string{"recordings/acc/notes.txt"}},
	"a foreign folder": {func(f *fixture) { f.object("backup/x", 5) }, 0, ForeignObject, false, nil, []string{"backup/x"}},
}

// Each kind is found once it is old enough, not before, and a repair leaves nothing to
// find. Without Repair nothing changes.
func TestEachKind(t *testing.T) {
	t.Parallel()
	kinds := map[Kind]bool{OverdueRestore: true, UnusedClaim: true, FailedAccount: true} // have tests of their own
	for name, c := range scenarios {
		kinds[c.want] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			for _, id := range []string{"202512-z", "202601-0", "202601-A", "202601-a-x", "202601-b", "202602-a"} { // healthy neighbors
				f.put(id, ready(""), audioKey(id))
			}
			c.make(f)
			if c.after > 0 {
				f.Time = f.Time.Add(c.after - 2*time.Second)
				f.run(nil)
				f.Time = f.Time.Add(time.Second)
			}
			f.Repair = false
			before := fmt.Sprint(f.Objects.Objects)
			f.run(map[Kind][2]int{c.want: {1, 0}})
			if after := fmt.Sprint(f.Objects.Objects); after != before {
				t.Errorf("a run without repairs changed the bucket:\n%s\n%s", before, after)
			}
			f.Repair = true
			repaired := 0
			if c.repaired {
				repaired = 1
			}
			report := f.run(map[Kind][2]int{c.want: {1, repaired}})
			if quiet := kindInfo(c.want).Quiet; report.Open() != 1-repaired && !quiet || quiet && report.Open() != 0 {
				t.Errorf("Open = %d after %d repairs", report.Open(), repaired)
			}
			again := map[Kind][2]int{}
			if !c.repaired {
				again[c.want] = [2]int{1, 0}
			}
			f.run(again)
			for _, key := range c.gone {
				f.Exists(key, false)
			}
			for _, key := range c.kept {
				f.Exists(key, true)
			}
		})
	}
	for _, k := range Kinds {
		if !kinds[k.Kind] {
			t.Errorf("no scenario has the kind %s", k.Kind)
		}
	}
}

func kindInfo(kind Kind) KindInfo {
	return Kinds[slices.IndexFunc(Kinds, func(k KindInfo) bool { return k.Kind == kind })]
}

// An unused claim is released by the second run that finds it, a day later, and one that
// came into use meanwhile stays.
func TestUnusedClaims(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, id := range []string{"202601-a", "202601-b", "202601-c"} {
		if _, err := f.Records.Claim(f.Context(), tenant, id, store.Claim{ID: id, Lasting: true}); err != nil {
			t.Fatal(err)
		}
	}
	f.put("202601-c", ready(""), audioKey("202601-c"))
	f.run(map[Kind][2]int{UnusedClaim: {2, 0}})
	f.Time = f.Time.Add(23 * time.Hour)
	f.run(map[Kind][2]int{UnusedClaim: {2, 0}})
	f.put("202601-b", ready(""), audioKey("202601-b"))
	f.Time = f.Time.Add(2 * time.Hour)
	f.run(map[Kind][2]int{UnusedClaim: {1, 1}})
	f.run(nil)
	for id, want := range map[string]bool{"202601-a": false, "202601-b": true, "202601-c": true} {
		if _, err := f.Records.Claimed(f.Context(), tenant, id); (err == nil) != want {
			t.Errorf("Claimed(%s) = %v, want it kept: %t", id, err, want)
		}
	}
}

// A file that is waiting in a queue is not a finding.
func TestQueuedArrivals(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.object(audioKey("202601-a"), 5)
	f.Queued = func(key string) bool { return key == audioKey("202601-a") }
	f.Time = f.Time.Add(day)
	f.run(nil)
}

var _ Store = (*sqlite.Store)(nil)

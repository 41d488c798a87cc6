package simulate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// Options of a run.
type Options struct {
	// Days is the length of the simulated time.
	Days int
	// Seed decides everything that is random.
	Seed uint64
	// Dir is an empty folder for the database and the bucket.
	Dir string
	// RestoreDays is how long a deleted recording can be restored.
	RestoreDays int
	// Audio is a small audio file.
	Audio []byte
	// Rough makes the clock jump, or the service fail, every other day.
	Rough bool
	// Hours, if not 0, is for how many hours a day the service is on.
	Hours int
	// Progress, if not nil, is called after each simulated year.
	Progress func(day int, c Counts)

	// Deliberate mistakes, for tests. CondemnAlways: a jump of the clock does not keep the
	// sweep of deleted recordings from removing them. AudioFirst: a request to delete removes
	// the audio before it writes the tombstone. NoReconcile: the table and the bucket are not
	// compared.
	CondemnAlways, AudioFirst, NoReconcile bool
}

// Counts are what happened in a run.
type Counts struct {
	Created, Imported, Tagged, Deleted, Restored, Erased, Expired, Purged int
	Policies, Holds, Releases                                             int
	// Moves are those of accounts to another place, and Pauses the times without a policy between
	// two sweeps.
	Moves, Pauses  int
	Jumps, Outages int
	// Meanwhile are holds that were placed while their recordings were being deleted.
	Meanwhile int
	// Late are uploads some hours after the creation, Lost those without an event, and
	// Again imports of recordings that were purged, of which Revived came back.
	Late, Lost, Again, Revived int
	// Kills are the processes that died, at so many different Points.
	Kills, Points int
	// Reconciled is the number of runs of the reconciliation, and Findings has their findings.
	Reconciled int
	Findings   map[reconcile.Kind]int
	// Most is the largest number of recordings at a time, and Left that at the end.
	Most, Left int
}

// accounts are the accounts of the simulation, each after the one above it.
var accounts = []string{"root", "left", "right", "low"}

// places are where they belong: each below another one. At times an account is at the top.
var places = map[string]string{"left": "root", "right": "root", "low": "left"}

// world is the service with its users.
type world struct {
	Options
	Counts
	rnd   *rand.Rand
	bytes *rand.ChaCha8
	// now is the true time, and skew how far the clock of the service is ahead of it.
	now  time.Time
	skew time.Duration
	// off is true while the service does not run. calm is when the next disturbance may
	// begin, and over when the present one ends.
	off        bool
	calm, over time.Time
	// runs are the true times of the last hours when the service was on.
	runs []recording.Seconds

	raw    *sqlite.Store
	rows   *touching
	plain  dated
	server *s3server.Server
	kill   killer
	oracle
	// events are the keys of objects that ingest has not handled yet.
	events []string
	// uploads are those that clients will make later. ghosts were purged a while ago.
	uploads []upload
	ghosts  []*truth

	// app may be killed at every call; aside acts at the same time and is not.
	app, aside application
}

// application is the code of the service.
type application struct {
	store  retention.Watched
	bucket realBucket
	// requests deletes and restores for clients, which do not see expired recordings. deleter
	// erases.
	requests *deletion.Deleter
	deleter  *deletion.Deleter
	ingest   bucket.Ingester
	sweeper  *sweep.Sweeper
}

// driver is a store driver for a process that may be killed.
type driver struct {
	*faultstore.Store
	secretWriter
}

type secretWriter interface {
	AddSecret(ctx context.Context, s store.Secret) error
	ListSecrets(ctx context.Context, account string) ([]store.Secret, error)
	RevokeSecret(ctx context.Context, account, id string) error
}

// start is the true time at the beginning.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// open makes a world with the accounts and nothing in them.
func open(ctx context.Context, o Options) (*world, error) {
	w := &world{Options: o, rnd: rand.New(rand.NewPCG(o.Seed, 1)), now: start, calm: start.Add(48 * time.Hour)} //nolint:gosec // repeatable
	w.oracle = oracle{truths: map[string]*truth{}, settings: map[string]settings{}, parents: maps.Clone(places)}
	w.kill = killer{longest: map[string]int{}, points: map[point]int{}}
	w.plain, w.Findings = dated{stored: map[string]time.Time{}, now: w.clock}, map[reconcile.Kind]int{}
	w.bytes = rand.NewChaCha8([32]byte{byte(o.Seed)})
	var err error
	w.raw, err = sqlite.Open(ctx, filepath.Join(o.Dir, "r.db"), sqlite.Options{Now: w.clock, Random: w.bytes})
	if err != nil {
		return nil, err
	}
	w.server, err = s3server.Start(ctx, s3server.Options{
		Dir: filepath.Join(o.Dir, "bucket"), Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: "recordings",
	})
	if err != nil {
		return nil, errors.Join(err, w.raw.Close())
	}
	w.plain.Bucket, err = s3media.Open(s3media.Options{ //nolint:contextcheck // it sends nothing
		Region: "us-east-1", Endpoint: w.server.URL(), Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.rows = &touching{w.raw, map[string]bool{}}
	w.app = w.application(driver{faultstore.NewWith(w.rows, w.kill.choose), w.raw}, mortal{w.plain, &w.kill})
	w.aside = w.application(w.rows, w.plain)
	tree := access.NewTree(w.raw)
	for _, name := range accounts {
		if err := tree.Add(ctx, name, places[name], name); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, nil
}

// application wires the code of the service to a store and a bucket.
func (w *world) application(d retention.Driver, b realBucket) application {
	watched := retention.Watch(d, retention.NewRules(d, w.clock))
	return application{
		store: watched, bucket: b, deleter: deletion.New(watched, w.RestoreDays, w.clock),
		requests: deletion.New(retention.View{Watched: watched}, w.RestoreDays, w.clock),
		ingest:   bucket.Ingester{Store: watched, Audio: b, MaxBytes: 1 << 20, Now: w.clock},
		sweeper:  sweep.New(d, w.clock, 0),
	}
}

func (w *world) close() error { return errors.Join(w.server.Close(), w.raw.Close()) }

// clock is the clock of the service.
func (w *world) clock() time.Time { return w.now.Add(w.skew) }

// seconds is the true time.
func (w *world) seconds() recording.Seconds { return recording.SecondsOf(w.now) }

// Run simulates a service and returns the first violation as an error.
func Run(ctx context.Context, o Options) (Counts, error) {
	w, err := open(ctx, o)
	if err != nil {
		return Counts{}, err
	}
	for hour := 0; hour < o.Days*24 && err == nil && ctx.Err() == nil; hour++ {
		w.now = start.Add(time.Duration(hour)*time.Hour + time.Duration(w.rnd.IntN(600))*time.Second)
		if err = w.hour(ctx, hour); err != nil {
			err = fmt.Errorf("seed %d, %s: %w", o.Seed, w.now.Format(time.RFC3339), err)
		}
		if day := hour / 24; o.Progress != nil && hour%24 == 0 && day > 0 && day%365 == 0 {
			o.Progress(day, w.counts())
		}
	}
	if err == nil {
		err = errors.Join(w.inspect(ctx), w.survey(ctx))
	}
	return w.counts(), errors.Join(err, ctx.Err(), w.close())
}

// counts returns the counts so far.
func (w *world) counts() Counts {
	c := w.Counts
	c.Kills, c.Points, c.Left = w.kill.kills, len(w.kill.points), len(w.truths)
	return c
}

// hour simulates one hour: disturbances, users, background work, checks.
func (w *world) hour(ctx context.Context, hour int) error {
	if w.Hours != 0 && hour%24 >= w.Hours {
		return nil
	}
	w.disturb()
	if w.off {
		return nil
	}
	if w.runs = append(w.runs, w.seconds()); len(w.runs) > lateRuns {
		w.runs = w.runs[1:]
	}
	if err := w.uploadLate(ctx); err != nil {
		return err
	}
	for range w.rnd.IntN(3) {
		if err := w.act(ctx); err != nil {
			return err
		}
		w.now = w.now.Add(15 * time.Second) // longer than policies and holds are cached
	}
	w.judge(w.seconds())
	if err := w.background(ctx); err != nil {
		return err
	}
	w.Most = max(w.Most, len(w.order))
	if err := w.check(ctx, hour%24 == 0); err != nil || hour%24 != 0 {
		return err
	}
	if err := w.inspect(ctx); err != nil || hour%(24*7) != 0 {
		return err
	}
	return errors.Join(w.survey(ctx), w.raw.Sweep(ctx))
}

// disturb begins or ends a jump of the clock or an outage. One at a time, and each short
// enough for the promise of 24 hours: the sweep waits for ten hours before it believes a
// clock that has jumped forward.
func (w *world) disturb() {
	switch {
	case (w.skew != 0 || w.off) && w.now.After(w.over):
		w.skew, w.off = 0, false
		if w.calm = w.now.Add(48 * time.Hour); w.Hours != 0 {
			w.calm = w.now.Add(time.Duration(2*lateRuns/w.Hours) * 24 * time.Hour)
		}
	case w.now.Before(w.calm) || w.skew != 0 || w.off || !w.Rough && w.rnd.IntN(24*7) != 0:
	default:
		w.over = w.now.Add(time.Duration(1+w.rnd.IntN(8)) * time.Hour)
		switch w.rnd.IntN(3) {
		case 0:
			w.off = true
			w.Outages++
			return
		case 1:
			w.skew = -time.Duration(1+w.rnd.IntN(24)) * time.Hour
		default:
			w.skew = time.Duration(5+w.rnd.IntN(20)) * time.Hour
		}
		w.Jumps++
	}
}

// body returns the audio as a stream.
func (w *world) body() *bytes.Reader { return bytes.NewReader(w.Audio) }

package search_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

const account = "a"

// epoch is the creation time from which tests count.
const epoch = recording.Seconds(63_900_000_000)

func open(t testing.TB) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// emulated returns a table of DynamoDB in memory.
func emulated(t testing.TB) *dynamo.Store {
	t.Helper()
	s, err := dynamo.Open(dynamo.Options{
		Region: "eu-west-1", Endpoint: "http://table.test", Table: "recordings", Now: time.Now, Random: rand.Reader,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), HTTPClient: &http.Client{Transport: emulator.New()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// overBoth runs a test over SQLite and over DynamoDB.
func overBoth(t *testing.T, test func(t *testing.T, s faultstore.Driver)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, open(t))
	})
	t.Run("DynamoDB", func(t *testing.T) {
		t.Parallel()
		test(t, emulated(t))
	})
}

func indexer(s search.Store, atomic bool) *search.Indexer {
	return &search.Indexer{Store: s, Now: time.Now, Random: rand.Reader, Atomic: atomic}
}

// rec returns a recording that is not stored yet.
func rec(n int, created recording.Seconds, owner, name string) recording.Recording {
	return recording.Recording{
		Account: account, ID: fmt.Sprintf("202601-%04d", n), Created: epoch + created, Modified: epoch, Owner: owner,
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 100},
		Document: recording.Document(`{"caller_id_name":` + recording.Quote(name) + `,"caller_id_number":"+1555` +
			fmt.Sprintf("%07d", n%10) + `","direction":"inbound","duration":60}`),
	}
}

// tagged returns a recording with tags that is not stored yet.
func tagged(n int, owner string, tags ...string) recording.Recording {
	r := rec(n, 0, owner, "renate")
	all := map[string]bool{}
	for _, tag := range tags {
		all[tag] = true
	}
	text, err := json.Marshal(map[string]any{"direction": "inbound", "duration": 60, "user_metadata": map[string]any{"tags": all}})
	if err != nil {
		panic(err)
	}
	r.Document = recording.Document(text)
	return r
}

// put stores and indexes a recording. Only over SQLite, one transaction has all entries.
func put(t testing.TB, s faultstore.Driver, r recording.Recording) {
	t.Helper()
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	_, atomic := s.(*sqlite.Store)
	if err := indexer(s, atomic).Index(t.Context(), r.Account, r.ID); err != nil {
		t.Fatal(err)
	}
}

func parse(t rapid.TB, text string) search.Query {
	t.Helper()
	q, err := search.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// entriesOf returns all entries of the partitions of the index, by partition and key.
func entriesOf(t testing.TB, s store.EntryReader, partitions ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, partition := range partitions {
		for q := (store.EntryQuery{Partition: partition, Limit: 1000}); ; {
			p, err := s.PageEntries(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range p.Entries {
				all[e.Partition+" "+e.Key] = string(e.Value)
			}
			if q.After = p.Next; p.Next == "" {
				break
			}
		}
	}
	return all
}

// sound fails the test unless index, totals and recordings agree: the index is that of a
// new store with the same recordings.
func sound(t testing.TB, s search.Store) {
	t.Helper()
	fresh := open(t)
	p, err := s.Page(context.Background(), store.Query{Account: account, Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Recordings {
		put(t, fresh, p.Recordings[i])
	}
	for _, partition := range []string{"terms/" + account, "totals/" + account} {
		got, want := entriesOf(t, s, partition), entriesOf(t, fresh, partition)
		for _, totals := range []map[string]string{got, want} {
			maps.DeleteFunc(totals, func(key, value string) bool {
				totals[key] = withoutTime(value)
				// Only the counters of days may stay when they count nothing: they have the numbers for
				// bills.
				return totals[key] == "{}" && strings.HasPrefix(key, "totals/"+account+" d/")
			})
		}
		for _, key := range slices.Sorted(maps.Keys(got)) {
			if got[key] != want[key] {
				t.Errorf("%q is %s, want %q", key, got[key], want[key])
			}
		}
		for key := range want {
			if _, ok := got[key]; !ok {
				t.Errorf("%q is missing", key)
			}
		}
	}
	markers := entriesOf(t, s, "indexed/"+account)
	maps.DeleteFunc(markers, func(_, value string) bool { return strings.HasPrefix(value, `{"added":`) }) // of deleted recordings
	if got := len(markers); got != len(p.Recordings) {
		t.Errorf("%d markers for %d recordings", got, len(p.Recordings))
	}
	sum, err := search.Summarize(context.Background(), s, search.Range{Account: account, All: true}, search.ByNothing)
	if err != nil || sum.Stored != sum.Bytes {
		t.Errorf("%d bytes are stored, %v, want %d", sum.Stored, err, sum.Bytes)
	}
}

// withoutTime returns the value of a counter without zeros and without what depends on when
// it was counted.
func withoutTime(value string) string {
	var numbers map[string]int64
	if json.Unmarshal([]byte(value), &numbers) != nil {
		return value
	}
	for _, name := range []string{"at", "new", "newseconds", "newbytes", "stored"} {
		delete(numbers, name)
	}
	maps.DeleteFunc(numbers, func(_ string, n int64) bool { return n == 0 })
	text, _ := json.Marshal(numbers)
	return string(text)
}

package kazootest_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
)

// from is the start of the generated recordings.
var from = noon.AddDate(0, -14, 0)

// generated returns ten thousand recordings from fourteen months.
var generated = sync.OnceValue(func() []kazootest.Recording { return kazootest.Account(1, top, 10_000, from, noon) })

func TestAccount(t *testing.T) {
	t.Parallel()
	if !reflect.DeepEqual(kazootest.Account(2, top, 300, from, noon), kazootest.Account(2, top, 300, from, noon)) {
		t.Error("the same arguments produced different recordings")
	}
	all := generated()
	ids, audios, owners := map[string]bool{}, map[string]bool{}, map[string]int{}
	bare, linked, same := 0, 0, 0
	across := map[string]int{}
	for i, r := range all {
		var d struct {
			Start    int64
			Duration int64
			Owner    string `json:"owner_id"`
			URL      string
		}
		if err := json.Unmarshal([]byte(r.Document), &d); err != nil {
			t.Fatal(err)
		}
		month := func(at int64) string { return time.Unix(at-epoch, 0).UTC().Format("200601") }
		if d.Start < seconds(from) || r.Created > seconds(noon) || r.Created <= d.Start+d.Duration || r.ID[:6] != month(d.Start) {
			t.Errorf("%s began at %d, lasted %d s and was saved at %d", r.ID, d.Start, d.Duration, r.Created)
		}
		if i > 0 && r.Created == all[i-1].Created {
			same++
		}
		if saved := month(r.Created); saved != r.ID[:6] {
			across[saved]++
		}
		ids[r.ID] = true
		owners[d.Owner]++
		switch {
		case d.URL != "":
			linked++
		case r.AudioType == "":
			bare++
		default:
			audios[string(r.Audio)] = true
			wellFormed(t, r.Audio)
		}
	}
	crossing := 0
	for month, n := range across {
		if crossing += n; n < 3 {
			t.Errorf("%d recordings saved in %s began in an earlier month, want at least 3", n, month)
		}
	}
	if len(across) != 14 || crossing < 100 {
		t.Errorf("%d recordings crossed the turns of %d months, want at least 100 and 14", crossing, len(across))
	}
	if len(ids) != len(all) || len(audios) != len(all)-bare-linked || len(owners) != 6 || owners[""] == 0 || bare != 50 || linked != 50 || same < 50 {
		t.Errorf("%d IDs, %d different audios, owners %v, %d without audio, %d with a url, %d saved in the same second", len(ids), len(audios), owners, bare, linked, same)
	}
}

// wellFormed checks the header of a WAV file and the sizes in it.
func wellFormed(t *testing.T, b []byte) {
	t.Helper()
	if len(b) < 844 || len(b) > 1644 || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[36:40]) != "data" ||
		int(binary.LittleEndian.Uint32(b[4:])) != len(b)-8 || int(binary.LittleEndian.Uint32(b[40:])) != len(b)-44 {
		t.Errorf("not a valid WAV header: % x", b[:min(44, len(b))])
	}
}

// A client finds all recordings if it reads each month in pages, and the time around
// the start of each month in a single page. Reading only the months is not enough.
func TestAllRecordingsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	all := generated()
	s := open(t, kazootest.Options{})
	s.Add(top, all...)
	careful, careless := map[string]bool{}, map[string]bool{}
	start := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC)
	for turn := start; turn.Before(noon); turn = turn.AddDate(0, 1, 0) {
		first, last := seconds(turn), seconds(turn.AddDate(0, 1, 0))-1
		for _, page := range s.walk(t, recordings(top)+window(first, last)+"&page_size=50") {
			for _, id := range page {
				careful[id], careless[id] = true, true
			}
		}
		for _, id := range s.get(t, recordings(top)+window(first-1, first+7200)+"&paginate=false").ids(t) {
			careful[id] = true
		}
	}
	if len(careful) != len(all) {
		t.Errorf("found %d of %d recordings", len(careful), len(all))
	}
	if len(careless) == len(all) {
		t.Error("reading only the months found everything, so no recording crosses a turn")
	}
}

func BenchmarkPage(b *testing.B) {
	s := kazootest.New(kazootest.Options{
		Now: time.Now, Accounts: []kazootest.Tenant{{ID: top}}, Tokens: map[string]string{"tok": top},
	})
	s.Add(top, generated()...)
	now := seconds(noon)
	for b.Loop() {
		if got := outcome(s, recordings(top)+window(now-2_000_000, now)); got != "" {
			b.Fatal(fmt.Sprint("page: ", got))
		}
	}
}

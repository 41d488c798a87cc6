package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// memory is a store of one account's recordings in memory, newest first, for lists
// that take too long to write to SQLite in a test. It makes pages as the drivers
// do.
type memory []recording.Recording

func (m memory) Get(context.Context, string, string) (*recording.Recording, error) {
	return nil, store.ErrNotFound
}

func (m memory) Page(ctx context.Context, q store.Query) (store.Page, error) {
	i := 0
	if !q.Start.IsZero() {
		i, _ = slices.BinarySearchFunc(m, q.Start, func(r recording.Recording, p store.Position) int {
			if r.Created != p.Created {
				return int(p.Created - r.Created)
			}
			if r.ID == p.ID && !p.After {
				return 0
			}
			if r.ID >= p.ID {
				return -1
			}
			return 1
		})
	}
	for a := store.NewAssembler(q); ; {
		rows := m[i:min(i+a.Rows(), len(m))]
		i += len(rows)
		for k := range rows {
			if (q.From != 0 && rows[k].Created < q.From) || !a.Add(&rows[k], len(rows[k].Document)) {
				i = len(m)
				break
			}
		}
		if !a.More(ctx, i < len(m)) {
			return a.Page(), nil
		}
	}
}

// typicalRecordings returns n recordings like those of Kazoo's recorder (kazoo.md,
// 1.4), about a minute apart, with random IDs, numbers and names. Each has about
// 900 bytes.
func typicalRecordings(n int) memory {
	random := rand.New(rand.NewPCG(3, 5))
	hexes := func(n int) string {
		b := make([]byte, n/2)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return hex.EncodeToString(b)
	}
	names := []string{"Reception", "Ada Lovelace", "Zoë Müller", "Sales", "Support 2nd level", "+15550100"}
	owners := make([]string, 40)
	for i := range owners {
		owners[i] = hexes(32)
	}
	all := make(memory, n)
	for i := range all {
		created := recording.SecondsOf(today) - recording.Seconds(i*60+random.IntN(60))
		id, call, interaction, owner := "202602-"+hexes(32), hexes(32), hexes(8), owners[random.IntN(len(owners))]
		duration := random.IntN(600_000)
		caller, callee := fmt.Sprintf("+1555%07d", random.IntN(10_000_000)), strconv.Itoa(1000+random.IntN(100))
		media := hexes(32)
		all[i] = recording.Recording{
			Account: tenant, ID: id, Owner: owner, Created: created, Modified: created, Revision: hexes(32),
			Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: int64(duration)},
			Document: recording.Document(fmt.Sprintf(`{"call_id":"%[1]s@10.1.1.5","cdr_id":"202602-%[1]s@10.1.1.5","interaction_id":"%[2]d-%[3]s",`+
				`"name":"%[4]s.mp3","description":"recording %[4]s.mp3","content_type":"audio/mpeg","media_type":"mp3",`+
				`"media_source":"recorded","source_type":"kzc_recording","origin":"inbound from offnet to endpoint","direction":"inbound",`+
				`"start":%[2]d,"duration":%[5]d,"duration_ms":%[6]d,"from":"%[7]s@sip.example.com","to":"%[8]s@sip.example.com",`+
				`"request":"%[8]s@sip.example.com","caller_id_name":%[9]q,"caller_id_number":"%[7]s","callee_id_name":%[10]q,`+
				`"callee_id_number":"%[8]s","owner_id":"%[11]s","custom_channel_vars":{"Account-ID":"%[12]s","Authorizing-ID":"%[13]s",`+
				`"Authorizing-Type":"device","Owner-ID":"%[11]s","Media-Recording-ID":"%[14]s"}}`,
				call, created, interaction, media, duration/1000, duration, caller, callee, names[random.IntN(len(names))],
				names[random.IntN(len(names))], owner, tenant, hexes(32), id)),
		}
	}
	return all
}

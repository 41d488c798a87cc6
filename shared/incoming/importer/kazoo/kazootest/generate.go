package kazootest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Account generates n recordings of an account with five users, oldest first. They
// begin and are saved between from and to (1.4, 7.2). The same arguments produce
// the same recordings.
//
// One recording in two hundred never gets its audio, and one in two hundred is
// external and has only a url (7.1). About one in a hundred, and at least three at
// each turn of the month, begins before the turn and is saved after it. The same
// number begins right after the turn, so that the two databases interleave (2.1).
// Both groups together are at most half of the recordings. Some recordings are saved
// in the same second as another.
func Account(seed int64, account string, n int, from, to time.Time) []Recording {
	name := fnv.New64a()
	_, _ = name.Write([]byte(account)) // never fails
	g := generator{
		Rand:    rand.New(rand.NewPCG(uint64(seed), name.Sum64())), //nolint:gosec // the recordings must be the same every time
		account: account,
	}
	for i := range g.users {
		g.users[i] = g.hex(32)
	}
	moments := g.moments(n, from.Unix()+epoch, to.Unix()+epoch)
	out := make([]Recording, n)
	for i, m := range moments {
		out[i] = g.recording(i, m)
	}
	slices.SortFunc(out, func(a, b Recording) int { return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID)) })
	return out
}

// generator generates the recordings of one account.
type generator struct {
	*rand.Rand
	account string
	users   [5]string
}

// moment holds the times of a recording: start and saved in Gregorian seconds, and
// the duration in milliseconds.
type moment struct {
	start, milliseconds, saved int64
}

// moments chooses the times of n recordings between from and to.
func (g *generator) moments(n int, from, to int64) []moment {
	var turns []int64
	for m := monthOf(from).AddDate(0, 1, 0); m.Unix()+epoch < to-hour; m = m.AddDate(0, 1, 0) {
		if turn := m.Unix() + epoch; turn > from+hour {
			turns = append(turns, turn)
		}
	}
	out := make([]moment, 0, n)
	if len(turns) > 0 {
		for range max(3, n/100/len(turns)+1) {
			for _, turn := range turns {
				if len(out)+2 <= n/2 {
					out = append(out, g.across(turn), g.after(turn))
				}
			}
		}
	}
	for len(out) < n {
		if len(out)%50 == 49 {
			out = append(out, out[len(out)-1])
			continue
		}
		out = append(out, g.anywhere(from, to))
	}
	return out
}

// hour is the minimum distance in seconds between a turn of the month and the ends of
// the range. It keeps the recordings around the turn within the range.
const hour = 3600

// across returns a recording that begins before the turn and is saved after it.
func (g *generator) across(turn int64) moment {
	seconds := 30 + g.Int64N(900)
	return g.moment(turn-1-g.Int64N(seconds), seconds)
}

// after returns a recording that begins in the first ten minutes after the turn.
func (g *generator) after(turn int64) moment { return g.moment(turn+g.Int64N(600), 5+g.Int64N(60)) }

// anywhere returns a recording between from and to. Most are short; some are as long
// as a recorder allows (7.1).
func (g *generator) anywhere(from, to int64) moment {
	seconds := 3 + g.Int64N(400)
	if g.IntN(50) == 0 {
		seconds = 600 + g.Int64N(10_200)
	}
	seconds = max(0, min(seconds, (to-from)/2))
	return g.moment(from+g.Int64N(max(1, to-from-seconds-delay)), seconds)
}

// delay is the maximum time in seconds between the end of a recording and its
// saving.
const delay = 5

func (g *generator) moment(start, seconds int64) moment {
	return moment{start: start, milliseconds: seconds*1000 + g.Int64N(1000), saved: start + seconds + 1 + g.Int64N(delay)}
}

// document holds the public fields of a recording (1.4).
type document struct {
	CallID        string            `json:"call_id"`
	CDRID         string            `json:"cdr_id"`
	InteractionID string            `json:"interaction_id"`
	Name          string            `json:"name"`
	Description   string            `json:"description"`
	ContentType   string            `json:"content_type"`
	MediaType     string            `json:"media_type"`
	MediaSource   string            `json:"media_source"`
	SourceType    string            `json:"source_type"`
	Origin        string            `json:"origin"`
	Direction     string            `json:"direction"`
	Start         int64             `json:"start"`
	Duration      int64             `json:"duration"`
	DurationMS    int64             `json:"duration_ms"`
	From          string            `json:"from"`
	To            string            `json:"to"`
	Request       string            `json:"request"`
	CallerName    string            `json:"caller_id_name"`
	CallerNumber  string            `json:"caller_id_number"`
	CalleeName    string            `json:"callee_id_name"`
	CalleeNumber  string            `json:"callee_id_number"`
	OwnerID       string            `json:"owner_id,omitempty"`
	URL           string            `json:"url,omitempty"`
	Variables     map[string]string `json:"custom_channel_vars"`
}

// origins lists values of origin, each with its direction (7.2).
var origins = [][2]string{
	{"inbound from offnet to endpoint", "inbound"},
	{"inbound from onnet to account", "inbound"},
	{"outbound to offnet from endpoint", "outbound"},
	{"outbound to onnet from account", "outbound"},
	{"callflow : Reception", "inbound"},
	{"untracked : 1001", "outbound"},
}

// people lists names of callers and callees.
var people = []string{"Jane Doe", "Jürgen Müller", "O'Brien, \"Bob\"", "WIRELESS CALLER", "山田 太郎", "unknown"}

// recording returns the i-th recording.
func (g *generator) recording(i int, m moment) Recording {
	month := monthOf(m.start).Format("200601")
	r := Recording{ID: month + "-" + g.hex(32), Created: m.saved, AudioType: "audio/x-wav", Audio: g.wav()}
	name, call := g.hex(32)+".wav", g.hex(32)+"@10.1.1."+strconv.Itoa(1+g.IntN(9))
	origin := origins[g.IntN(len(origins))]
	d := document{
		CallID: call, CDRID: month + "-" + call, InteractionID: fmt.Sprintf("%d-%s", m.start, g.hex(8)),
		Name: name, Description: "recording " + name, ContentType: r.AudioType, MediaType: "wav",
		MediaSource: "recorded", SourceType: "kzc_recording", Origin: origin[0], Direction: origin[1],
		Start: m.start, Duration: m.milliseconds / 1000, DurationMS: m.milliseconds,
		From: "+1415555" + g.extension() + "@sip.example.com", To: g.extension() + "@sip.example.com",
		CallerName: people[g.IntN(len(people))], CallerNumber: "+1415555" + g.extension(),
		CalleeName: people[g.IntN(len(people))], CalleeNumber: g.extension(),
		Variables: map[string]string{
			"Account-ID": g.account, "Authorizing-Type": "device", "Authorizing-ID": g.hex(32),
			"Media-Recording-ID": r.ID, "Media-Name": name,
		},
	}
	d.Request, d.Variables["Call-Interaction-ID"] = d.To, d.InteractionID
	if user := g.IntN(len(g.users) + 1); user < len(g.users) {
		d.OwnerID, d.Variables["Owner-ID"] = g.users[user], g.users[user]
	}
	switch i % 200 {
	case 110:
		d.URL = "https://recorder:secret@files.example.com/recordings"
		fallthrough
	case 10:
		r.AudioType, r.Audio = "", nil
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("kazootest: cannot write a document: %v", err)) // cannot happen: it holds only strings and numbers
	}
	r.Document = string(b)
	return r
}

// hex returns n hexadecimal digits, and extension four decimal ones.
func (g *generator) hex(n int) string  { return g.of("0123456789abcdef", n) }
func (g *generator) extension() string { return g.of("0123456789", 4) }

func (g *generator) of(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[g.IntN(len(alphabet))]
	}
	return string(b)
}

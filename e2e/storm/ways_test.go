//go:build e2e

package storm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/callrecordings/api/e2e/pbx"
)

// begun is the start of the first call. Each call starts a minute after the
// previous one.
var begun = time.Date(2026, 10, 30, 9, 0, 0, 0, time.UTC)

// gregorian returns a time in Gregorian seconds.
func gregorian(at time.Time) int64 { return at.Unix() + 62167219200 }

// request builds a request. Each attempt needs a new one.
type request func(ctx context.Context) (*http.Request, error)

// upload is one recording to send, with the expected result.
type upload struct {
	call pbx.Call
	// audio sends the audio. before and after send the sidecar file before or after
	// the audio; both may be nil.
	audio         request
	before, after request
	// find reports whether a listed recording results from this upload.
	find func(r item) bool
	want map[string]string // expected fields of the recording
}

// parts returns the requests of an upload in order.
func (u upload) parts() []request {
	var all []request
	for _, r := range []request{u.before, u.audio, u.after} {
		if r != nil {
			all = append(all, r)
		}
	}
	return all
}

// route holds the i-th call and everything that a way needs to upload it.
type route struct {
	pbx.Call
	s3    pbx.S3
	base  string // URL for storage requests
	inbox string // prefix of the account's inbox
	i     int
	at    time.Time         // start of the call
	all   map[string]string // all fields of the recording
}

// way returns the upload that one kind of PBX makes for a call.
type way func(r route) upload

// ways lists all kinds of uploads except forms, which LocalStack's gateway cannot
// handle.
var (
	ways  = []way{recorder4, recorder5, plan, guideList, defaultList, freePBX, freeSWITCH, sidecar}
	forms = way(planForm)
)

func recorder4(r route) upload {
	want := r.allBut("direction", "inbound") // the recorder does not send it
	return upload{call: r.Call, audio: send(pbx.Recorder(r.base, r.Call, false)), find: r.byID, want: want}
}

func recorder5(r route) upload {
	return upload{call: r.Call, audio: send(pbx.Recorder(r.base, r.Call, true)), find: r.byCaller, want: r.only("from", "to", "call_id")}
}

func plan(r route) upload {
	return upload{call: r.Call, audio: send(pbx.Plan(r.base, r.Call)), find: r.byID, want: r.only("owner_id")}
}

func planForm(r route) upload {
	return upload{call: r.Call, audio: send(pbx.PlanForm(r.base, r.Call, r.i%2 == 1)), find: r.byID, want: r.all}
}

func guideList(r route) upload {
	return upload{call: r.Call, audio: r.put(pbx.Format(pbx.GuideList(), r.Call), r.Audio), find: r.byID, want: r.all}
}

func defaultList(r route) upload {
	return upload{call: r.Call, audio: r.put(pbx.Format(pbx.DefaultList(), r.Call), r.Audio), find: r.byID}
}

func freePBX(r route) upload {
	want := r.only("start")
	want["direction"], want["call_id"], want["from"], want["to"] = "outbound", strconv.Itoa(r.i), r.Caller+"@unknown", "15550100@unknown"
	name := pbx.FreePBX("out", "15550100", r.Caller, r.at, strconv.Itoa(r.i), "wav")
	return upload{call: r.Call, audio: r.put(name, r.Audio), find: r.byCaller, want: want}
}

func freeSWITCH(r route) upload {
	return upload{call: r.Call, audio: r.put(pbx.FreeSWITCH(r.Caller, r.at, "wav"), r.Audio), find: r.byCaller, want: r.only("start")}
}

// sidecar uploads audio under a name without metadata, and a sidecar file with all
// metadata, in either order. Only the audio may set the ID, so an ID in the sidecar
// file is ignored.
func sidecar(r route) upload {
	document, err := json.Marshal(r.Document())
	if err != nil { // cannot happen: the document holds only strings
		panic(err)
	}
	metadata := r.put(fmt.Sprintf("tape/%d.json", r.i), document)
	u := upload{call: r.Call, audio: r.put(fmt.Sprintf("tape/%d.wav", r.i), r.Audio), find: r.byCaller, want: r.all}
	if r.i%2 == 0 {
		u.before = metadata
	} else {
		u.after = metadata
	}
	return u
}

func (r route) byID(it item) bool     { return it.ID == r.ID }
func (r route) byCaller(it item) bool { return it.Caller == r.Caller }

// only returns the named fields of r.all.
func (r route) only(names ...string) map[string]string {
	some := map[string]string{}
	for _, name := range names {
		some[name] = r.all[name]
	}
	return some
}

// allBut returns r.all with the named field set to value.
func (r route) allBut(name, value string) map[string]string {
	all := maps.Clone(r.all)
	all[name] = value
	return all
}

// put returns a request that writes a file into the account's inbox.
func (r route) put(name string, body []byte) request {
	return func(ctx context.Context) (*http.Request, error) {
		return r.s3.Request(ctx, http.MethodPut, r.inbox+name, body)
	}
}

// send returns the HTTP request of an upload.
func send(u pbx.Upload) request {
	return func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, u.Method, u.URL, bytes.NewReader(u.Body))
		if err == nil {
			r.Header.Set("Content-Type", u.Type)
		}
		return r, err
	}
}

// upload returns the i-th upload. It cycles through the ways.
func (p place) upload(i int) upload {
	at := begun.Add(time.Duration(i) * time.Minute)
	account := fmt.Sprintf("%032x", 0xa0+i%accounts)
	c := pbx.Call{
		Account: account, ID: fmt.Sprintf("%s-%032x", at.Format("200601"), i), CallID: fmt.Sprintf("call-%d@10.0.0.1", i),
		Owner: "owner" + strconv.Itoa(i%5), Start: gregorian(at), DurationMS: 2000, Direction: []string{"inbound", "outbound"}[i%2],
		From: fmt.Sprintf("%d@pbx.example", 1000+i), To: "+15550100@pbx.example", Caller: strconv.Itoa(1000 + i), Callee: "+15550100",
		Attachment: fmt.Sprintf("%032x.wav", i), Type: "audio/x-wav", Audio: tone(i),
	}
	if i%5 == 4 { // a PBX that omits many fields
		c.Owner, c.To, c.Callee = "", "", ""
	}
	if i%42 >= 21 { // another leg of an earlier call in the same account
		c.CallID = fmt.Sprintf("call-%d@10.0.0.1", i-21)
	}
	r := route{Call: c, s3: p.s3, base: p.storage[account], inbox: "inbox/" + account + "/", i: i, at: at}
	r.all = map[string]string{
		"owner_id": c.Owner, "from": c.From, "to": c.To, "call_id": c.CallID, "start": strconv.FormatInt(c.Start, 10),
		"direction": c.Direction, "caller_id_number": c.Caller,
	}
	return p.ways[i/accounts%len(p.ways)](r)
}

// tone returns a WAV file of two seconds that is unique to i.
func tone(i int) []byte {
	const size = 2 * 2 * 8000
	b := append([]byte("RIFF\x24\x7d\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x7d\x00\x00"), make([]byte, size)...)
	copy(b[44:], fmt.Sprint("audio ", i))
	return b
}

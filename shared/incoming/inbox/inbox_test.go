package inbox_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	box      = "inbox/" + account + "/"
	kazoo    = box + "202601-6b3c/call_id=a1%4010.1.1.5/owner_id=u1/start=63937071000/direction=outbound/from=1001%40pbx/to=%2B1555%40pbx/x.mp3"
	freeform = box + "1001to1002.wav"
)

// drop puts a file into an inbox, with the metadata of its uploader.
func (d *fixture) drop(key string, body []byte, metadata map[string]string) {
	d.Objects.Put(key, "application/octet-stream", body, metadata)
}

// arrive ingests a file and expects an outcome or an error.
func (d *fixture) arrive(key, sequencer string, want any) {
	d.Helper()
	got, err := d.Ingest(d.Context(), incoming.Arrival{Key: key, Sequencer: sequencer})
	if wantErr, ok := want.(error); ok {
		if !errors.Is(err, wantErr) {
			d.Fatalf("Ingest(%s) = %q, %v, want %v", key, got, err, wantErr)
		}
	} else if err != nil || got != want {
		d.Fatalf("Ingest(%s) = %q, %v, want %q", key, got, err, want)
	}
}

// all returns the recordings of the account.
func (d *fixture) all() []recording.Recording {
	d.Helper()
	page, err := d.Records.Page(d.Context(), store.Query{Account: account, Limit: 10})
	if err != nil {
		d.Fatal(err)
	}
	return page.Recordings
}

// only returns the one recording of the account.
func (d *fixture) only() recording.Recording {
	d.Helper()
	all := d.all()
	if len(all) != 1 {
		d.Fatalf("%d recordings, want one: %+v", len(all), all)
	}
	return all[0]
}

// hasFields checks fields of a document.
func (d *fixture) hasFields(doc recording.Document, want map[string]string) {
	d.Helper()
	for field, text := range want {
		got, _ := doc.Raw(field)
		if got != text && got != recording.Quote(text) {
			d.Errorf("%s = %s, want %s in %s", field, got, text, doc)
		}
	}
}

func TestFileNamedByKazoo(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(kazoo, incomingtest.Sample(t, "vbr-16khz.mp3"), nil)
	d.arrive(kazoo, "0A", incoming.Adopted)
	r := d.only()
	d.hasFields(r.Document, map[string]string{
		"call_id": "a1@10.1.1.5", "owner_id": "u1", "from": "1001@pbx", "to": "+1555@pbx", "direction": "outbound",
		"origin": "outbound to offnet from account", "start": "63937071000", "name": "x.mp3", "media_type": "mp3", "content_type": "audio/mpeg",
	})
	ms := incomingtest.Number(t, &r, "duration_ms")
	if r.ID != "202601-6b3c" || r.Owner != "u1" || ms == 0 || r.Created != 63937071000+recording.Seconds(ms/1000) {
		t.Errorf("recording = %+v, want ID, owner and the end of the call from the name", r)
	}
	if r.AudioKey() != kazoo || r.Audio.Condition() != recording.Ready || r.Audio.Size == 0 {
		t.Errorf("audio = %+v, want it served from the inbox", r.Audio)
	}
	d.arrive(kazoo, "0A", incoming.Unchanged)
	d.arrive(kazoo, "09", incoming.Unchanged)
	if again := d.only(); again != r {
		t.Errorf("recording = %+v, want it unchanged", again)
	}
}

func TestFileThatGrows(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav")[:30], nil)
	d.arrive(freeform, "01", incoming.Refused)
	if r := d.only(); r.Audio.Condition() != recording.Failed || r.Audio.Reason != recording.Damaged {
		t.Errorf("recording = %+v, want it failed", r)
	}
	d.Exists(freeform, true)
	d.arrive(freeform, "01", incoming.Refused)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.Time = d.Time.Add(40 * 24 * time.Hour) // in another month
	d.arrive(freeform, "02", incoming.Completed)
	r := d.only()
	d.hasFields(r.Document, map[string]string{"caller_id_number": "1001", "callee_id_number": "1002", "from": "1001@unknown"})
	if r.Audio.Condition() != recording.Ready || !strings.HasPrefix(r.ID, "202603-") {
		t.Errorf("recording = %+v, want it ready, with the ID of its first day", r)
	}
}

// Name, object metadata and sidecar lead to the same recording in either order.
func TestMetadataInEitherOrder(t *testing.T) {
	t.Parallel()
	const sidecar = box + "1001to1002.json"
	audio, metadata := incomingtest.Sample(t, "alaw.wav"), map[string]string{"call-id": "7", "callee-id-name": "=?UTF-8?Q?Zo=C3=AB?="}
	text := []byte(`{"id":"202512-other","owner_id":"u2","caller_id_number":"1003","start":63937071000,"call_id":"8","user_metadata":{"a":1}}`)
	ends := map[string]recording.Recording{}
	for name, steps := range map[string]func(d *fixture){
		"audio first": func(d *fixture) {
			d.drop(freeform, audio, metadata)
			d.arrive(freeform, "01", incoming.Adopted)
			d.drop(sidecar, text, nil)
			d.arrive(sidecar, "02", incoming.Completed)
		},
		"metadata first": func(d *fixture) {
			d.drop(sidecar, text, nil)
			d.arrive(sidecar, "02", incoming.Awaiting)
			d.drop(freeform, audio, metadata)
			d.arrive(freeform, "01", incoming.Adopted)
			d.arrive(sidecar, "02", incoming.Unchanged)
		},
		"audio first, but its event late": func(d *fixture) {
			d.drop(freeform, audio, metadata)
			d.drop(sidecar, text, nil)
			d.arrive(sidecar, "02", incoming.Adopted)
			d.arrive(freeform, "01", incoming.Unchanged)
		},
	} {
		d := open(t)
		d.T = t
		steps(d)
		d.arrive(freeform, "01", incoming.Unchanged)
		r := d.only()
		d.hasFields(r.Document, map[string]string{
			"call_id": "8", "callee_id_name": "Zoë", "caller_id_number": "1003", "from": "1003@unknown", "to": "1002@unknown",
			"user_metadata": `{"a":1}`, "start": "63937071000",
		})
		if r.Owner != "u2" || r.Audio.Condition() != recording.Ready {
			t.Errorf("%s: recording = %+v, want it ready, with its owner", name, r)
		}
		r.ID, r.Revision, r.Created, r.Modified, r.Audio.Sequencer = r.ID[7:], "", 0, 0, ""
		r.Document, _ = r.Document.With("custom_channel_vars", "null") // it contains the ID
		ends[name] = r
	}
	for name, r := range ends {
		if a, b := fields(r), fields(ends["audio first"]); !maps.Equal(a, b) {
			t.Errorf("%s ends as %v, audio first as %v", name, a, b)
		}
	}
}

func fields(r recording.Recording) map[string]string {
	all := maps.Collect(r.Document.Fields())
	r.Document = ""
	all["-"] = fmt.Sprintf("%+v", r)
	return all
}

// A retry does not undo what users have written.
func TestRetryKeepsWhatUsersWrote(t *testing.T) {
	t.Parallel()
	d := open(t)
	const sidecar = box + "1001to1002.json"
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.drop(sidecar, []byte(`{"user_metadata":{"tag":"pbx"}}`), nil)
	d.arrive(sidecar, "02", incoming.Adopted)
	_, err := d.Records.Update(t.Context(), account, d.only().ID, func(r *recording.Recording) (err error) {
		r.Document, err = r.Document.With("user_metadata", `{"tag":"user"}`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d.arrive(sidecar, "02", incoming.Unchanged)
	d.hasFields(d.only().Document, map[string]string{"user_metadata": `{"tag":"user"}`})
}

func TestFilesThatStayInTheInbox(t *testing.T) {
	t.Parallel()
	audio := incomingtest.Sample(t, "alaw.wav")
	for name, c := range map[string]struct {
		key      string
		body     []byte
		metadata map[string]string
		before   func(d *fixture)
	}{
		"unmatched name":                     {key: box + "greeting.wav", body: audio},
		"name of another account":            {key: box + "other/u1/202601-a/x.mp3", body: audio},
		"object metadata of another account": {key: freeform, body: audio, metadata: map[string]string{"account-id": "other"}},
		"two IDs":                            {key: kazoo, body: audio, metadata: map[string]string{"id": "202601-other"}},
		"invalid ID":                         {key: freeform, body: audio, metadata: map[string]string{"recording-id": "../x"}},
		"faulty metadata":                    {key: box + "1001to1002.json", body: []byte(`{"from":1,"from":2}`)},
		"large metadata":                     {key: box + "1001to1002.json", body: []byte(`{"a":"` + strings.Repeat("x", 65<<10) + `"}`)},
		"metadata of another recording":      {key: strings.TrimSuffix(kazoo, "mp3") + "json", body: []byte(`{"id":"202601-other"}`)},
		"metadata of another account": {
			key: box + "1001to1002.json", body: []byte(`{"account_id":"other"}`),
			before: func(d *fixture) { d.drop(freeform, audio, nil) },
		},
		"recording with other audio": {key: box + "202601-call_x.wav", body: audio, before: func(d *fixture) {
			d.create(recording.Audio{Place: recording.Managed, ContentType: "audio/wav", Size: int64(len(audio))})
		}},
		"not audio, for a pending recording": {
			key: box + "202601-call_x.wav", body: []byte("not audio"),
			before: func(d *fixture) { d.create(recording.Audio{}) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			if c.before != nil {
				c.before(d)
			}
			d.drop(c.key, c.body, c.metadata)
			before := d.all()
			d.arrive(c.key, "0B", incoming.ErrKept)
			d.Exists(c.key, true)
			if after := d.all(); !slices.Equal(before, after) {
				t.Errorf("recordings = %+v, want them as before: %+v", after, before)
			}
		})
	}
}

// A recording that waits for its audio takes a file with its ID, and keeps the
// fields that its creator set.
func TestFileForAPendingRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Audio{})
	dropped := box + "202601-call_x.wav"
	d.drop(dropped, incomingtest.Sample(t, "alaw.wav"), map[string]string{"from": "z@z", "caller": "7"})
	d.arrive(dropped, "0A", incoming.Completed)
	r := d.only()
	d.hasFields(r.Document, map[string]string{"from": "a@b", "caller_id_number": "7", "owner_id": "u"})
	if r.AudioKey() != dropped || r.Audio.Condition() != recording.Ready || r.Made != "made" || r.Owner != "u" {
		t.Errorf("recording = %+v, want it completed", r)
	}
	d.arrive(dropped, "0A", incoming.Unchanged)
}

// A file with a name that no pattern matches is ingested once a sidecar describes the call.
func TestReplayOfAKeptFile(t *testing.T) {
	t.Parallel()
	d := open(t)
	greeting := box + "greeting.wav"
	d.drop(greeting, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(greeting, "0A", incoming.ErrKept)
	d.drop(box+"greeting.json", []byte(`{"to":"1002@pbx"}`), nil)
	d.arrive(box+"greeting.json", "0B", incoming.Adopted)
	d.arrive(greeting, "0A", incoming.Unchanged)
	d.hasFields(d.only().Document, map[string]string{"to": "1002@pbx"})
}

func TestKazoosTestFileMakesNoRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Grace = time.Minute
	for _, probe := range []string{box + "db/d0_0123_test_credentials_file.txt", box + "d0/call_id=/0123_test_credentials_file.txt"} {
		d.drop(probe, []byte("some random content: 0123"), nil)
		d.arrive(probe, "0A", incoming.ErrEarly)
		d.Exists(probe, true)
		d.Time = d.Time.Add(time.Minute)
		d.arrive(probe, "0A", incoming.Removed)
		d.Exists(probe, false)
		d.arrive(probe, "0A", incoming.Gone)
	}
	d.arrive(box+"folder/", "0A", incoming.Ignored)
	if all := d.all(); len(all) != 0 {
		t.Errorf("recordings = %+v, want none", all)
	}
}

// An invocation that is killed at any of its calls, and then retried, leaves
// exactly one correct recording.
func TestKilledAtAnyCall(t *testing.T) {
	t.Parallel()
	sidecar := recording.SidecarKeys(freeform)[0]
	for name, keys := range map[string][]string{"named after its call": {kazoo}, "with metadata": {freeform, sidecar}, "metadata first": {sidecar, freeform}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, calls := 1, 1; n <= calls; n++ {
				for _, after := range []bool{false, true} {
					d := open(t)
					for _, key := range keys {
						body := incomingtest.Sample(t, "alaw.wav")
						if key == sidecar {
							body = []byte(`{"owner_id":"u3"}`)
						}
						d.drop(key, body, nil)
					}
					k := &incomingtest.Killer{N: n, After: after}
					d.Objects.Fault, d.Store = k.Fault, incomingtest.Store{Store: d.Records, Killer: k}
					for range 3 {
						for _, key := range keys {
							if _, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"}); err != nil && !k.Dead {
								t.Fatalf("Ingest(%s) = %v", key, err)
							}
						}
						calls = max(calls, k.Calls)
						k.Revive()
					}
					r := d.only()
					if r.Audio.Condition() != recording.Ready || len(keys) > 1 && r.Owner != "u3" {
						t.Errorf("killed at call %d, after %v: %+v", n, after, r)
					}
				}
			}
		})
	}
}

// A base folder that ends in a slash puts an empty folder into the key.
func TestEmptyFolderInAKey(t *testing.T) {
	t.Parallel()
	d := open(t)
	key, beside := box+"/202601-call_x.wav", box+"/202601-call_x.json"
	d.drop(key, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(key, "01", incoming.Adopted)
	d.drop(beside, []byte(`{"owner_id":"u4"}`), nil)
	d.arrive(beside, "02", incoming.Completed)
	if r := d.only(); r.ID != id || r.Owner != "u4" || r.AudioKey() != key {
		t.Errorf("recording = %+v, want ID %s, with its owner", r, id)
	}
}

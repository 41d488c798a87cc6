package arrival_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"callrecordings/shared/arrival"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
	"callrecordings/shared/store/sqlite"
)

const (
	box      = "inbox/" + account + "/"
	kazoo    = box + "202601-6b3c/call_id=a1%4010.1.1.5/owner_id=u1/start=63937071000/direction=outbound/from=1001%40pbx/to=%2B1555%40pbx/x.mp3"
	freeform = box + "1001to1002.wav"
)

// drop puts an object into an inbox, with what its uploader says of it.
func (d *desk) drop(key string, body []byte, said map[string]string) {
	d.Helper()
	d.shelf.put(key, "application/octet-stream", body)
	o := d.shelf.objects[key]
	o.Metadata = said
	d.shelf.objects[key] = o
}

// arrive expects an outcome, or an error, of an object.
func (d *desk) arrive(key, sequencer string, want any) {
	d.Helper()
	got, err := d.Take(d.Context(), arrival.Arrival{Key: key, Sequencer: sequencer})
	if wantErr, ok := want.(error); ok {
		if !errors.Is(err, wantErr) {
			d.Fatalf("Take(%s) = %q, %v, want %v", key, got, err, wantErr)
		}
	} else if err != nil || got != want {
		d.Fatalf("Take(%s) = %q, %v, want %q", key, got, err, want)
	}
}

// all are the recordings of the account.
func (d *desk) all() []recording.Recording {
	d.Helper()
	page, err := d.store.Page(d.Context(), store.Query{Account: account, Limit: 10})
	if err != nil {
		d.Fatal(err)
	}
	return page.Recordings
}

// only is the one recording of the account.
func (d *desk) only() recording.Recording {
	d.Helper()
	all := d.all()
	if len(all) != 1 {
		d.Fatalf("%d recordings, want one: %+v", len(all), all)
	}
	return all[0]
}

// tells checks fields of a document.
func (d *desk) tells(doc recording.Document, want map[string]string) {
	d.Helper()
	for field, text := range want {
		got, _ := doc.Raw(field)
		if got != text && got != recording.Quote(text) {
			d.Errorf("%s = %s, want %s in %s", field, got, text, doc)
		}
	}
}

func TestKazooWritesIntoTheInbox(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.drop(kazoo, sound(t, "vbr-16khz.mp3"), nil)
	d.arrive(kazoo, "0A", arrival.Adopted)
	r := d.only()
	d.tells(r.Document, map[string]string{
		"call_id": "a1@10.1.1.5", "owner_id": "u1", "from": "1001@pbx", "to": "+1555@pbx", "direction": "outbound",
		"origin": "outbound to offnet from account", "start": "63937071000", "name": "x.mp3", "media_type": "mp3", "content_type": "audio/mpeg",
	})
	ms := number(t, &r, "duration_ms")
	if r.ID != "202601-6b3c" || r.Owner != "u1" || ms == 0 || r.Created != 63937071000+recording.Seconds(ms/1000) {
		t.Errorf("recording = %+v, want id, owner and the end of the call from the name", r)
	}
	if r.AudioKey() != kazoo || r.Audio.Condition() != recording.Ready || r.Audio.Size == 0 {
		t.Errorf("audio = %+v, want it served from where it is", r.Audio)
	}
	d.arrive(kazoo, "0A", arrival.Unchanged)
	d.arrive(kazoo, "09", arrival.Unchanged)
	if again := d.only(); again != r {
		t.Errorf("recording = %+v, want it unchanged", again)
	}
}

func TestAFileThatGrows(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.drop(freeform, sound(t, "alaw.wav")[:30], nil)
	d.arrive(freeform, "01", arrival.Refused)
	if r := d.only(); r.Audio.Condition() != recording.Failed || r.Audio.Reason != recording.Damaged {
		t.Errorf("recording = %+v, want it failed", r)
	}
	d.lies(freeform, true)
	d.arrive(freeform, "01", arrival.Refused)
	d.drop(freeform, sound(t, "alaw.wav"), nil)
	d.now = d.now.Add(40 * 24 * time.Hour) // in another month
	d.arrive(freeform, "02", arrival.Completed)
	r := d.only()
	d.tells(r.Document, map[string]string{"caller_id_number": "1001", "callee_id_number": "1002", "from": "1001@unknown"})
	if r.Audio.Condition() != recording.Ready || !strings.HasPrefix(r.ID, "202603-") {
		t.Errorf("recording = %+v, want it ready, under the id of its first day", r)
	}
}

// Name, headers and a file beside the audio, in either order, end the same way.
func TestMetadataInEitherOrder(t *testing.T) {
	t.Parallel()
	const beside = box + "1001to1002.json"
	audio, said := sound(t, "alaw.wav"), map[string]string{"call-id": "7", "callee-id-name": "=?UTF-8?Q?Zo=C3=AB?="}
	text := []byte(`{"id":"202512-other","owner_id":"u2","caller_id_number":"1003","start":63937071000,"call_id":"8","user_metadata":{"a":1}}`)
	ends := map[string]recording.Recording{}
	for name, steps := range map[string]func(d *desk){
		"audio first": func(d *desk) {
			d.drop(freeform, audio, said)
			d.arrive(freeform, "01", arrival.Adopted)
			d.drop(beside, text, nil)
			d.arrive(beside, "02", arrival.Completed)
		},
		"metadata first": func(d *desk) {
			d.drop(beside, text, nil)
			d.arrive(beside, "02", arrival.Awaiting)
			d.drop(freeform, audio, said)
			d.arrive(freeform, "01", arrival.Adopted)
			d.arrive(beside, "02", arrival.Unchanged)
		},
		"audio, but its event late": func(d *desk) {
			d.drop(freeform, audio, said)
			d.drop(beside, text, nil)
			d.arrive(beside, "02", arrival.Adopted)
			d.arrive(freeform, "01", arrival.Unchanged)
		},
	} {
		d := newDesk(t)
		d.T = t
		steps(d)
		d.arrive(freeform, "01", arrival.Unchanged)
		r := d.only()
		d.tells(r.Document, map[string]string{
			"call_id": "8", "callee_id_name": "Zoë", "caller_id_number": "1003", "from": "1003@unknown", "to": "1002@unknown",
			"user_metadata": `{"a":1}`, "start": "63937071000",
		})
		if r.Owner != "u2" || r.Audio.Condition() != recording.Ready {
			t.Errorf("%s: recording = %+v, want the owner's, ready", name, r)
		}
		r.ID, r.Revision, r.Created, r.Modified, r.Audio.Sequencer = r.ID[7:], "", 0, 0, ""
		r.Document, _ = r.Document.With("custom_channel_vars", "null") // it has the id
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

// What users have written is not undone by a repeat.
func TestARepeatKeepsWhatUsersWrote(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const beside = box + "1001to1002.json"
	d.drop(freeform, sound(t, "alaw.wav"), nil)
	d.drop(beside, []byte(`{"user_metadata":{"tag":"pbx"}}`), nil)
	d.arrive(beside, "02", arrival.Adopted)
	_, err := d.store.Update(t.Context(), account, d.only().ID, func(r *recording.Recording) (err error) {
		r.Document, err = r.Document.With("user_metadata", `{"tag":"user"}`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d.arrive(beside, "02", arrival.Unchanged)
	d.tells(d.only().Document, map[string]string{"user_metadata": `{"tag":"user"}`})
}

func TestWhatCannotBeTakenIsKept(t *testing.T) {
	t.Parallel()
	audio := sound(t, "alaw.wav")
	for name, c := range map[string]struct {
		key    string
		body   []byte
		said   map[string]string
		before func(d *desk)
	}{
		"no pattern":               {key: box + "greeting.wav", body: audio},
		"another account's name":   {key: box + "other/u1/202601-a/x.mp3", body: audio},
		"another account's header": {key: freeform, body: audio, said: map[string]string{"account-id": "other"}},
		"two ids":                  {key: kazoo, body: audio, said: map[string]string{"id": "202601-other"}},
		"no id":                    {key: freeform, body: audio, said: map[string]string{"recording-id": "../x"}},
		"no metadata":              {key: box + "1001to1002.json", body: []byte(`{"from":1,"from":2}`)},
		"large metadata":           {key: box + "1001to1002.json", body: []byte(`{"a":"` + strings.Repeat("x", 65<<10) + `"}`)},
		"metadata of another call": {key: strings.TrimSuffix(kazoo, "mp3") + "json", body: []byte(`{"id":"202601-other"}`)},
		"metadata of another account": {
			key: box + "1001to1002.json", body: []byte(`{"account_id":"other"}`),
			before: func(d *desk) { d.drop(freeform, audio, nil) },
		},
		"a recording with other audio": {key: box + "202601-call_x.wav", body: audio, before: func(d *desk) {
			d.create(recording.Upload{})
			d.shelf.put(key, "audio/wav", audio)
			d.take("0A", arrival.Completed)
		}},
		"no audio for one that waits": {
			key: box + "202601-call_x.wav", body: []byte("no sound"),
			before: func(d *desk) { d.create(recording.Upload{}) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			if c.before != nil {
				c.before(d)
			}
			d.drop(c.key, c.body, c.said)
			before := d.all()
			d.arrive(c.key, "0B", arrival.ErrKept)
			d.lies(c.key, true)
			if after := d.all(); !slices.Equal(before, after) {
				t.Errorf("recordings = %+v, want them as before: %+v", after, before)
			}
		})
	}
}

// A recording that waits for its audio takes what was dropped for it, and
// keeps what whoever made it said.
func TestDroppedForARecordingThatWaits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.create(recording.Upload{})
	dropped := box + "202601-call_x.wav"
	d.drop(dropped, sound(t, "alaw.wav"), map[string]string{"from": "z@z", "caller": "7"})
	d.arrive(dropped, "0A", arrival.Completed)
	r := d.only()
	d.tells(r.Document, map[string]string{"from": "a@b", "caller_id_number": "7", "owner_id": "u"})
	if r.AudioKey() != dropped || r.Audio.Condition() != recording.Ready || r.Made != "made" || r.Owner != "u" {
		t.Errorf("recording = %+v, want it completed", r)
	}
	d.arrive(dropped, "0A", arrival.Unchanged)
}

// Unknown names are understood by what the uploader says, or by what lies
// beside them, and once there is a pattern for them.
func TestKeptAndReplayed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	greeting := box + "greeting.wav"
	d.drop(greeting, sound(t, "alaw.wav"), nil)
	d.arrive(greeting, "0A", arrival.ErrKept)
	d.drop(box+"greeting.json", []byte(`{"to":"1002@pbx"}`), nil)
	d.arrive(box+"greeting.json", "0B", arrival.Adopted)
	d.arrive(greeting, "0A", arrival.Unchanged)
	d.tells(d.only().Document, map[string]string{"to": "1002@pbx"})
}

func TestTheProbeIsNeitherARecordingNorReported(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Grace = time.Minute
	for _, probe := range []string{box + "db/d0_0123_test_credentials_file.txt", box + "d0/call_id=/0123_test_credentials_file.txt"} {
		d.drop(probe, []byte("some random content: 0123"), nil)
		d.arrive(probe, "0A", arrival.ErrEarly)
		d.lies(probe, true)
		d.now = d.now.Add(time.Minute)
		d.arrive(probe, "0A", arrival.Removed)
		d.lies(probe, false)
		d.arrive(probe, "0A", arrival.Gone)
	}
	d.arrive(box+"folder/", "0A", arrival.Ignored)
	if all := d.all(); len(all) != 0 {
		t.Errorf("recordings = %+v, want none", all)
	}
}

func TestDroppedAfterTheDeletion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.drop(freeform, sound(t, "alaw.wav"), nil)
	d.arrive(freeform, "0A", arrival.Adopted)
	if _, err := d.store.Delete(t.Context(), account, d.only().ID, func(*recording.Recording) error { return nil }); err != nil {
		t.Fatal(err)
	}
	d.drop(box+"1001to1002.json", []byte(`{}`), nil)
	d.arrive(freeform, "0B", arrival.Removed)
	for key := range d.shelf.objects {
		t.Errorf("%s is left", key)
	}
	d.arrive(freeform, "0B", arrival.Gone)
}

// Killed at any of its calls, and called again, the function leaves exactly one
// right recording.
func TestKilledOverTheInbox(t *testing.T) {
	t.Parallel()
	beside := recording.BesideKey(freeform)
	for name, keys := range map[string][]string{"told by its name": {kazoo}, "with metadata": {freeform, beside}, "metadata first": {beside, freeform}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, calls := 1, 1; n <= calls; n++ {
				for _, after := range []bool{false, true} {
					d := newDesk(t)
					for _, key := range keys {
						body := sound(t, "alaw.wav")
						if key == beside {
							body = []byte(`{"owner_id":"u3"}`)
						}
						d.drop(key, body, nil)
					}
					k := &killer{n: n, after: after}
					d.shelf.fault, d.Store = k.fault, doomed{d.store, k}
					for range 3 {
						for _, key := range keys {
							if _, err := d.Take(t.Context(), arrival.Arrival{Key: key, Sequencer: "0A"}); err != nil && !k.dead {
								t.Fatalf("Take(%s) = %v", key, err)
							}
						}
						calls = max(calls, k.calls)
						k.dead, k.n = false, 0
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

var (
	_ arrival.Store  = (*sqlite.Store)(nil)
	_ media.Receiver = (*shelf)(nil)
)

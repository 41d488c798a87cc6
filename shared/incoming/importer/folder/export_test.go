package folder_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/incoming/importer/folder"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

func TestExportWritesTwoFiles(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.add(recording.Recording{ID: "202601-a.", Document: `{"from":"<1>@a","y":1e2}`, Audio: recording.Audio{ContentType: "audio/mpeg", Size: 5}}, "sound")
	d.add(recording.Recording{ID: "202602-a.json", Document: "{}", Audio: recording.Audio{ContentType: "audio/x-wav", State: recording.Empty, Key: "inbox/acc/x"}}, "silence")
	d.add(recording.Recording{ID: "202602-a@b", Audio: recording.Audio{ContentType: "video/x"}}, "movie")
	d.add(recording.Recording{ID: "202602-b", Document: "{}", Audio: recording.Audio{State: recording.Failed, Reason: recording.NotAudio, Size: 9}}, "")
	d.run(folder.Summary{Written: 4, Bytes: 17})
	const times = `"pvt_created":63937071000,"pvt_modified":63937071007,"pvt_audio":`
	want := map[string]string{
		"202601/202601-a..mp3":     "sound",
		"202601/202601-a..json":    `{"id":"202601-a.","from":"<1>@a","y":1e2,` + times + `{"place":"managed","content_type":"audio/mpeg","file":"202601-a..mp3","size":5,"sha256":"` + sum("sound") + `"}}` + "\n",
		"202602/202602-a.json.wav": "silence",
		"202602/202602-a.json.json": `{"id":"202602-a.json",` + times +
			`{"place":"managed","content_type":"audio/x-wav","state":"empty","file":"202602-a.json.wav","size":7,"sha256":"` + sum("silence") + `"}}` + "\n",
		"202602/202602-a@b.bin":  "movie",
		"202602/202602-a@b.json": `{"id":"202602-a@b",` + times + `{"place":"managed","content_type":"video/x","file":"202602-a@b.bin","size":5,"sha256":"` + sum("movie") + `"}}` + "\n",
		"202602/202602-b.json":   `{"id":"202602-b",` + times + `{"state":"failed","reason":"not_audio","size":9}}` + "\n",
	}
	if diff := cmp.Diff(want, d.files()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	d.run(folder.Summary{Unchanged: 4})
	if d.audio.opened != 0 {
		t.Errorf("%d objects were read again, want none", d.audio.opened)
	}
	var ids []string
	for _, it := range d.back().all() {
		a, err := d.back().Open(t.Context(), &it)
		if err == nil {
			err = a.Close()
		}
		ids = append(ids, fmt.Sprint(it.ID, " ", it.Audio.Place, " ", err))
	}
	if diff := cmp.Diff([]string{
		"202601-a. managed <nil>", "202602-a.json managed <nil>", "202602-a@b managed <nil>",
		"202602-b  the source has no audio for it: there is no file for it",
	}, ids); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	for _, path := range []string{d.Root, filepath.Join(d.Root, "202602"), filepath.Join(d.Root, "202602", "202602-b.json")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("mode of %s = %v, %v, want it for its owner alone", path, info.Mode(), err)
		}
	}
}

// A second export after a change.
func TestExportAgain(t *testing.T) {
	t.Parallel()
	const path = "202601/202601-a."
	for _, c := range []struct {
		name   string
		audio  recording.Audio
		change func(*fixture)
		want   folder.Summary
		opened int
		files  []string
	}{
		{"nothing", recording.Audio{}, func(*fixture) {}, folder.Summary{Unchanged: 1}, 0, []string{"json", "mp3"}},
		{"the document", recording.Audio{}, func(d *fixture) { d.change("202601-a", func(r *recording.Recording) { r.Document = `{"x":1}` }) }, folder.Summary{Written: 1, Bytes: 5}, 1, []string{"json", "mp3"}},
		{
			"the document, but a checksum shows the same audio",
			recording.Audio{SHA256: sum("sound")},
			func(d *fixture) { d.change("202601-a", func(r *recording.Recording) { r.Document = `{"x":1}` }) },
			folder.Summary{Written: 1},
			0,
			[]string{"json", "mp3"},
		},
		{"the audio", recording.Audio{}, func(d *fixture) {
			d.audio.objects[recording.AudioKey(account, "202601-a")] = "SOUND"
			d.change("202601-a", func(*recording.Recording) {})
		}, folder.Summary{Written: 1, Bytes: 5}, 1, []string{"json", "mp3"}},
		{"its type", recording.Audio{}, func(d *fixture) {
			d.change("202601-a", func(r *recording.Recording) { r.Audio.ContentType = "audio/ogg" })
		}, folder.Summary{Written: 1, Bytes: 5}, 1, []string{"json", "ogg"}},
		{"the audio failed", recording.Audio{}, func(d *fixture) {
			d.change("202601-a", func(r *recording.Recording) {
				r.Audio = recording.Audio{State: recording.Failed, Reason: recording.Damaged}
			})
		}, folder.Summary{Written: 1}, 0, []string{"json"}},
		{"the audio's file was removed", recording.Audio{}, func(d *fixture) { _ = os.Remove(filepath.Join(d.Root, path+"mp3")) }, folder.Summary{Written: 1, Bytes: 5}, 1, []string{"json", "mp3"}},
		{"the audio's file was truncated", recording.Audio{}, func(d *fixture) { _ = os.Truncate(filepath.Join(d.Root, path+"mp3"), 3) }, folder.Summary{Written: 1, Bytes: 5}, 1, []string{"json", "mp3"}},
		{"the document was truncated, as by a crash", recording.Audio{}, func(d *fixture) { _ = os.Truncate(filepath.Join(d.Root, path+"json"), 30) }, folder.Summary{Written: 1, Bytes: 5}, 1, []string{"json", "mp3"}},
		{"files of a killed export", recording.Audio{}, func(d *fixture) {
			for _, name := range []string{"mp3.part", "json.part"} {
				_ = os.WriteFile(filepath.Join(d.Root, path+name), []byte(strings.Repeat("x", 1000)), 0o600)
			}
			_ = os.Remove(filepath.Join(d.Root, path+"json"))
		}, folder.Summary{Written: 1, Bytes: 5}, 1, []string{"json", "mp3"}},
		{"the bucket lost the audio", recording.Audio{}, func(d *fixture) {
			clear(d.audio.objects)
			d.change("202601-a", func(*recording.Recording) {})
		}, folder.Summary{Written: 1, WithoutAudio: 1}, 0, []string{"json", "mp3"}},
		{"bucket and folder lost the audio", recording.Audio{}, func(d *fixture) {
			clear(d.audio.objects)
			_ = os.Remove(filepath.Join(d.Root, path+"mp3"))
		}, folder.Summary{Written: 1, WithoutAudio: 1}, 0, []string{"json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			c.audio.ContentType, c.audio.Size = "audio/mpeg", 5
			d.add(recording.Recording{ID: "202601-a", Audio: c.audio}, "sound")
			d.run(folder.Summary{Written: 1, Bytes: 5})
			c.change(d)
			d.run(c.want)
			if d.audio.opened != c.opened {
				t.Errorf("%d objects were read, want %d", d.audio.opened, c.opened)
			}
			files := d.files()
			var want []string
			for _, ext := range c.files {
				want = append(want, path+ext)
			}
			if got := slices.Sorted(maps.Keys(files)); !cmp.Equal(got, want) {
				t.Errorf("files %q, want %q", got, want)
			}
			rec, err := d.store.Get(t.Context(), account, "202601-a")
			if err != nil {
				t.Fatal(err)
			}
			it := d.back().only()
			if it.Modified != rec.Modified || len(c.files) == 2 != (it.Audio.Place == recording.Managed) {
				t.Errorf("item = %+v, want %+v", it, rec)
			}
			if len(c.files) == 2 {
				if a, err := d.back().Open(t.Context(), it); err != nil {
					t.Errorf("Open = %v", err)
				} else if err := a.Close(); err != nil {
					t.Errorf("Close = %v", err)
				}
			}
			again := folder.Summary{Unchanged: 1, WithoutAudio: c.want.WithoutAudio}
			if len(c.files) == 2 { // the bucket is not asked again
				again.WithoutAudio = 0
			}
			d.run(again)
		})
	}
}

func TestExportWithoutAudio(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.add(recording.Recording{ID: "202601-a", Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/wav", Size: 5, SHA256: sum("sound")}}, "")
	d.add(recording.Recording{ID: "202601-b", Audio: recording.Audio{ContentType: "audio/wav"}}, "sound")
	d.add(recording.Recording{ID: "202601-c", Document: `{"url":"http://x"}`, Audio: recording.Audio{Place: recording.External}}, "")
	d.add(recording.Recording{ID: "202601-d"}, "")
	d.run(folder.Summary{Written: 4, WithoutAudio: 1, Bytes: 5})
	if want := []folder.Exported{
		{Outcome: folder.Written, ID: "202601-a", Missing: true},
		{Outcome: folder.Written, ID: "202601-b", Bytes: 5},
		{Outcome: folder.Written, ID: "202601-c"},
		{Outcome: folder.Written, ID: "202601-d"},
	}; !cmp.Equal(d.reported, want) {
		t.Errorf("reported %+v, want %+v", d.reported, want)
	}
	if text := d.files()["202601/202601-a.json"]; !strings.HasSuffix(text, `"pvt_audio":{"place":"managed","content_type":"audio/wav"}}`+"\n") {
		t.Errorf("document = %s, want no file", text)
	}
	d.run(folder.Summary{Unchanged: 4, WithoutAudio: 1})
	d.audio.objects[recording.AudioKey(account, "202601-a")] = "sound"
	d.run(folder.Summary{Written: 1, Unchanged: 3, Bytes: 5})
}

// A recording may be deleted between the list and the read of its audio.
func TestExportOfDeletedRecording(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	r := d.add(recording.Recording{ID: "202601-a"}, "sound")
	d.audio.fault = func(string) error {
		delete(d.audio.objects, r.AudioKey())
		_, err := d.store.Delete(t.Context(), account, r.ID, store.Deletion{})
		return err
	}
	d.run(folder.Summary{Gone: 1})
	if files := d.files(); len(files) != 0 {
		t.Errorf("files %q, want none", files)
	}
}

func TestExportFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		rec     recording.Recording
		prepare func(*fixture)
		want    string
	}{
		{"different size", recording.Recording{Audio: recording.Audio{Size: 4}}, nil, "the size of its audio differs from the recording's: 5 bytes, expected 4"},
		{"different checksum", recording.Recording{Audio: recording.Audio{SHA256: sum("SOUND")}}, nil, "write its audio: the checksum of its audio differs from the recording's"},
		{"document that would be read back differently", recording.Recording{Document: `{"pvt_x":1}`}, nil, "it would be read back differently"},
		{"invalid document", recording.Recording{Document: `{"x":}`}, nil, "it would be read back differently"},
		{"file in the folder's place", recording.Recording{}, func(d *fixture) { _ = os.WriteFile(d.Root+"/202601", nil, 0o600) }, "create a folder: not a directory"},
		{"folder in the document's place", recording.Recording{}, func(d *fixture) { _ = os.MkdirAll(d.Root+"/202601/202601-a.json/x", 0o700) }, "write its document: file exists"},
		{"bucket that denies access", recording.Recording{}, func(d *fixture) { d.audio.fault = func(string) error { return errors.New("access denied") } }, "read its audio: access denied"},
		{"file system that ignores case", recording.Recording{}, func(d *fixture) {
			_ = os.MkdirAll(d.Root+"/202601", 0o700)
			_ = os.WriteFile(d.Root+"/202601/202601-a.json", []byte(`{"id":"202601-A","pvt_created":1}`), 0o600)
		}, "another recording has that file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			c.rec.ID = "202601-a"
			d.add(c.rec, "sound")
			d.add(recording.Recording{ID: "202602-b", Created: created + 1, Modified: created + 1}, "")
			if err := os.MkdirAll(d.Root, 0o700); err != nil {
				t.Fatal(err)
			}
			if c.prepare != nil {
				c.prepare(d)
			}
			d.run(folder.Summary{Written: 1, Failed: 1})
			if got := d.reported[0]; got.Outcome != folder.Failed || !strings.HasPrefix(got.Reason, c.want) || strings.Contains(got.Reason, d.Root) {
				t.Errorf("reported %+v, want %q", got, c.want)
			}
			for name := range d.files() {
				if strings.HasSuffix(name, ".part") {
					t.Errorf("%s was left behind", name)
				}
			}
		})
	}
}

// Calls without an answer are retried, with longer and longer waits.
func TestExportRetries(t *testing.T) {
	t.Parallel()
	gone := fmt.Errorf("%w: busy", media.ErrUnavailable)
	waits := []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}
	for _, c := range []struct {
		name  string
		fault func(*fixture)
		want  folder.Summary
		waits int
	}{
		{"bucket, twice", func(d *fixture) { d.audio.fault = failFirst(2, gone) }, folder.Summary{Written: 1, Bytes: 5}, 2},
		{"bucket", func(d *fixture) { d.audio.fault = failFirst(99, gone) }, folder.Summary{Failed: 1}, 4},
		{"interrupted body", func(d *fixture) {
			fault := failFirst(3, gone)
			d.audio.bodyFault = func(key string) (int, error) { return 3, fault(key) }
		}, folder.Summary{Failed: 1}, 4}, // then it is too short
		{"short body, once", func(d *fixture) {
			lengths := []int{3, 0} // 0 stands for the whole body
			d.audio.bodyFault = func(string) (length int, err error) {
				length, lengths = lengths[0], lengths[1:]
				return length, nil
			}
		}, folder.Summary{Written: 1, Bytes: 5}, 1},
		{"list", func(d *fixture) {
			d.Store = faultstore.New(d.store, faultstore.Fault{Call: 1, Err: store.ErrUnavailable}, faultstore.Fault{Call: 2, When: faultstore.After, Err: store.ErrUnavailable})
		}, folder.Summary{Written: 1, Bytes: 5}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.add(recording.Recording{ID: "202601-a"}, "sound")
			c.fault(d)
			d.run(c.want)
			if !cmp.Equal(d.waited, waits[:c.waits]) {
				t.Errorf("waited %v, want %v", d.waited, waits[:c.waits])
			}
			for name := range d.files() {
				if strings.HasSuffix(name, ".part") {
					t.Errorf("%s was left behind", name)
				}
			}
		})
	}
}

// failFirst returns a function that fails n times.
func failFirst(n int, err error) func(string) error {
	return func(string) error {
		if n--; n >= 0 {
			return err
		}
		return nil
	}
}

func TestExportEnds(t *testing.T) {
	t.Parallel()
	gone := fmt.Errorf("%w: busy", media.ErrUnavailable)
	for _, c := range []struct {
		name  string
		fault func(*fixture, context.CancelFunc)
		want  string
		done  folder.Summary
	}{
		{"context ends", func(d *fixture, stop context.CancelFunc) {
			d.audio.bodyFault = func(string) (int, error) { stop(); return 3, context.Canceled }
		}, "context canceled", folder.Summary{}},
		{"context ends during a wait", func(d *fixture, stop context.CancelFunc) {
			d.audio.fault = failFirst(99, gone)
			d.Wait = func(ctx context.Context, _ time.Duration) error { stop(); return context.Cause(ctx) }
		}, "context canceled", folder.Summary{}},
		{"disk is full", func(d *fixture, _ context.CancelFunc) {
			d.audio.bodyFault = func(string) (int, error) { return 3, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC} }
		}, "write into the folder R: write its audio: no space left on device", folder.Summary{}},
		{"unreadable list", func(d *fixture, _ context.CancelFunc) { _ = d.store.Close() }, "list the recordings: ", folder.Summary{}},
		{"no answer", func(d *fixture, _ context.CancelFunc) { d.audio.fault = failFirst(1<<20, gone) }, "gave up: the store or the bucket did not answer for 50 recordings in a row", folder.Summary{Failed: 50}},
		{"folder that cannot be created", func(d *fixture, _ context.CancelFunc) {
			d.Root = filepath.Join(t.TempDir(), "f")
			_ = os.WriteFile(d.Root, nil, 0o600)
		}, "create the folder R: not a directory", folder.Summary{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			for i := range 60 {
				d.add(recording.Recording{ID: fmt.Sprintf("202601-%d", i)}, "sound")
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			c.fault(d, stop)
			got, err := d.Export.Run(ctx)
			if err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), d.Root, "R"), c.want) || got != c.done {
				t.Errorf("Run = %+v, %v, want %+v, %q", got, err, c.done, c.want)
			}
			if info, err := os.Stat(d.Root); err == nil && info.IsDir() {
				for name := range d.files() {
					t.Errorf("%s was left behind", name)
				}
			}
		})
	}
}

func TestExportOfAPart(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	for i := range 6 {
		r := recording.Recording{ID: fmt.Sprintf("202601-%d", i), Created: created + recording.Seconds(i), Document: "{}"}
		if r.Modified = r.Created; i%2 == 0 {
			r.Owner, r.Document = "u1", `{"owner_id":"u1"}`
		}
		d.add(r, "")
	}
	d.Owner, d.From, d.To = "u1", created+1, created+4
	d.run(folder.Summary{Written: 2})
	if got := slices.Sorted(maps.Keys(d.files())); !cmp.Equal(got, []string{"202601/202601-2.json", "202601/202601-4.json"}) {
		t.Errorf("files %q, want those of u1 within the time", got)
	}
}

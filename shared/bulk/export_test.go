package bulk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// An export has the documents and the audio of the recordings of the plan that still match.
// Its manifest has the reasons for the others. IDs that differ only in case do not collide.
func TestExport(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put(t, "202601-same", `{"direction":"inbound","call_id":"1"}`, "lower")
	f.put(t, "202601-SAME", `{"direction":"inbound","call_id":"2"}`, "upper")
	f.put(t, "202601-none", `{"direction":"inbound"}`, "")
	f.put(t, "202601-..", `{"direction":"inbound"}`, "dots")
	f.put(t, "202601-gone", `{"direction":"inbound"}`, "gone")
	f.put(t, "202601-changed", `{"direction":"inbound"}`, "changed")
	f.put(t, "202601-lost", `{"direction":"inbound"}`, "lost")
	f.put(t, "202601-other", `{"direction":"outbound"}`, "other")
	external := &recording.Recording{
		Account: "A", ID: "202601-external", Created: recording.SecondsOf(f.now()), Document: `{"direction":"inbound","url":"https://other.test/a.mp3"}`,
		Audio: recording.Audio{Place: recording.External},
	}
	if err := f.store.Put(t.Context(), external); err != nil {
		t.Fatal(err)
	}
	j := f.plan(t, bulk.ExportAction, bulk.Params{Filter: inbound})
	if j.Plan.Totals != (job.Totals{Count: 8, Bytes: 29}) || j.Plan.Held.Count != 0 {
		t.Fatalf("%+v", j)
	}
	if _, err := f.store.Delete(t.Context(), "A", "202601-gone", store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	f.change(t, "202601-changed", `{"direction":"outbound"}`)
	if err := f.bucket.Remove(t.Context(), recording.AudioKey("A", "202601-lost")); err != nil {
		t.Fatal(err)
	}
	j = f.run(t, j)
	want := job.Progress{Done: job.Totals{Count: 6, Bytes: 14}, Skipped: job.Totals{Count: 2, Bytes: 11}}
	if j.State != job.Done || j.Progress != want {
		t.Fatalf("%+v", j)
	}
	files := f.unzip(t, j)
	for name, content := range map[string]string{
		"000001_202601-same.mp3": "lower", "000002_202601-same.mp3": "upper", "000004_202601-...mp3": "dots",
	} {
		if files[name] != content {
			t.Errorf("%s: %q, want %q", name, files[name], content)
		}
	}
	if !strings.Contains(files["000002_202601-same.json"], `"call_id":"2"`) || strings.Contains(files["000001_202601-same.json"], "holds") {
		t.Errorf("documents: %q", files)
	}
	if len(files) != 6+3+1 {
		t.Errorf("%d files", len(files))
	}
	var got []string
	for text := range strings.Lines(files["manifest.jsonl"]) {
		var l struct {
			ID, Created, Document, Audio, Cause string
			Bytes                               int64
		}
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got = append(got, fmt.Sprint(strings.TrimPrefix(l.ID, "202601-"), " ", l.Document, " ", l.Audio, " ", l.Bytes, " ", l.Cause))
	}
	if diff := strings.Join(got, "\n"); diff != strings.Join([]string{
		"same 000001_202601-same.json 000001_202601-same.mp3 5 ",
		"SAME 000002_202601-SAME.json 000002_202601-SAME.mp3 5 ",
		"none 000003_202601-none.json  0 no_audio",
		".. 000004_202601-...json 000004_202601-...mp3 4 ",
		"gone   0 deleted",
		"changed   0 changed",
		"lost 000007_202601-lost.json  0 audio_missing",
		"external 000008_202601-external.json  0 external_audio",
	}, "\n") {
		t.Errorf("the manifest:\n%s", diff)
	}
	equalCauses(t, j, map[string]string{"202601-gone": "skipped deleted", "202601-changed": "skipped changed"})
}

// A cancelled export leaves no file and no parts of one.
func TestCancelledExport(t *testing.T) {
	t.Parallel()
	f := open(t)
	big := strings.Repeat("0123456789abcdef", 6<<20/16)
	for n := range 3 {
		f.put(t, recordingID(n), `{}`, big)
	}
	watched := &watchedBucket{Bucket: f.bucket}
	f.options.Bucket = watched
	j := f.plan(t, bulk.ExportAction, bulk.Params{Account: true})
	f.confirm(t, j)
	slices := 0
	f.between = func() {
		if slices++; slices == 3 {
			if _, err := f.book.Cancel(t.Context(), "A", j.ID, func() error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.work(t)
	if j = f.get(t, j); j.State != job.Cancelled || j.Result != nil || j.Progress.Done.Count == 0 || j.Progress.Done.Count == 3 {
		t.Fatalf("%+v", j)
	}
	if keys, err := f.bucket.List(t.Context(), recording.ExportsPrefix, ""); err != nil || len(keys) > 0 {
		t.Errorf("a cancelled export leaves %q, %v", keys, err)
	}
	if watched.abandoned != 1 {
		t.Errorf("%d uploads were abandoned", watched.abandoned)
	}
}

// An export that is cancelled while its file is completed leaves no file either, since
// no answer has its URL.
func TestExportCancelledAtItsEnd(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put(t, recordingID(0), `{}`, "audio")
	j := f.plan(t, bulk.ExportAction, bulk.Params{Account: true})
	f.options.Bucket = &lateBucket{f.bucket, func() {
		if _, err := f.book.Cancel(t.Context(), "A", j.ID, func() error { return nil }); err != nil {
			t.Error(err)
		}
	}}
	if j = f.run(t, j); j.State != job.Cancelled || j.Result != nil {
		t.Fatalf("%+v", j)
	}
	if keys, err := f.bucket.List(t.Context(), recording.ExportsPrefix, ""); err != nil || len(keys) > 0 {
		t.Errorf("a cancelled export leaves %q, %v", keys, err)
	}
}

// lateBucket calls completed after a file is completed.
type lateBucket struct {
	*s3media.Bucket

	completed func()
}

func (b *lateBucket) Complete(ctx context.Context, key, upload string, tags []string) error {
	err := b.Bucket.Complete(ctx, key, upload, tags)
	b.completed()
	return err
}

// watchedBucket counts the uploads that are abandoned.
type watchedBucket struct {
	*s3media.Bucket

	abandoned int
}

func (b *watchedBucket) Abandon(ctx context.Context, key, upload string) error {
	b.abandoned++
	return b.Bucket.Abandon(ctx, key, upload)
}

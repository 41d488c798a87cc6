package bulk_test

import (
	"context"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// metered counts the write units of DynamoDB that transactions of entries take: two for each
// started KB of an entry.
type metered struct {
	driver

	units int
}

func (m *metered) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	for _, w := range writes {
		const rest = 200 // the keys, the revision and the names of the attributes
		m.units += 2 * (1 + (len(w.Value)+rest)/1024)
	}
	return m.driver.WriteEntries(ctx, writes...)
}

// zeros is a bucket in which all audio has a size, and which forgets the file.
type zeros struct {
	bulk.Bucket

	size  int64
	parts int
}

func (z *zeros) Open(ctx context.Context, key, etag string, part *media.Part) (io.ReadCloser, media.Object, error) {
	if !strings.HasPrefix(key, recording.AudioPrefix) {
		return z.Bucket.Open(ctx, key, etag, part)
	}
	return io.NopCloser(io.LimitReader(zero{}, z.size)), media.Object{Size: z.size}, nil
}

func (z *zeros) SendPart(context.Context, string, string, int, []byte) (string, error) {
	z.parts++
	return `"` + strconv.Itoa(z.parts) + `"`, nil
}

func (z *zeros) Complete(context.Context, string, string, []string) error { return nil }

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// The plan and the checkpoints of an export are cheap, also if many recordings are gone, and if
// recordings are large (docs/how-to/bulk.md).
func TestAnExportTakesFewWriteUnits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone int
		most float64 // units for a recording in the file
	}{"all there": {0, 1.3}, "many gone": {110, 3.5}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const (
				recordings = 60
				size       = 9 << 20
			)
			f := open(t)
			f.sparse, f.slice = true, time.Hour
			z := &zeros{Bucket: f.bucket, size: size}
			m := &metered{driver: f.store}
			f.options.Bucket, f.entries = z, m
			for n := range c.gone + recordings {
				f.put(t, recordingID(n), `{}`, "x")
			}
			j := f.plan(t, bulk.ExportAction, bulk.Params{Account: true})
			for n := range c.gone {
				if _, err := f.store.Delete(t.Context(), "A", recordingID(n), store.Deletion{By: "ben", Until: recording.MaxSeconds}); err != nil {
					t.Fatal(err)
				}
			}
			j = f.run(t, j)
			got := float64(m.units) / recordings
			t.Logf("%.2f units for each of %d recordings, %d parts, %d saves", got, recordings, z.parts, j.Saves)
			if j.State != job.Done || j.Progress.Done.Count != recordings || got > c.most {
				t.Errorf("%.2f units for each recording, want at most %.1f: %+v", got, c.most, j)
			}
		})
	}
}

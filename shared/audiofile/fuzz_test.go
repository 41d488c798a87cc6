package audiofile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// FuzzProbe checks that any input has one of the documented results, after few
// reads and with little memory.
func FuzzProbe(f *testing.F) {
	for _, pattern := range []string{"*.mp3", "*.ogg", "*.wav", "*.m4a"} {
		names, err := filepath.Glob("testdata/" + pattern)
		if err != nil || len(names) == 0 {
			f.Fatalf("testdata/%s: %v", pattern, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			if pattern != "*.m4a" { // its header may be at the end
				data = data[:min(len(data), 1500)]
			}
			f.Add(data, int64(0))
			f.Add(data, int64(1<<20))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, hole int64) {
		// A hole separates the halves, as in a large file.
		half := int64(len(data) / 2)
		hole = max(0, hole) % (1 << 33)
		rec := &recorder{r: bytes.NewReader(data), size: int64(len(data))}
		if hole > 0 {
			rec.r, rec.size = sparse{0: data[:half], half + hole: data[half:]}, rec.size+hole
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := audiofile.Probe(rec, rec.size)
		runtime.ReadMemStats(&after)
		known := errors.Is(err, audiofile.ErrUnknown) || errors.Is(err, audiofile.ErrDamaged)
		if err != nil && !known {
			t.Errorf("Probe = %v", err)
		}
		if err == nil && (got.ContentType == "" || got.Extension == "" || got.Duration < 0 || got.Duration > 31*24*time.Hour || !got.Known && got.Duration != 0) {
			t.Errorf("Probe = %+v", got)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
			t.Errorf("Probe allocated %d bytes", used)
		}
		// An mp3 may be read completely.
		if mp3 := got.ContentType == "audio/mpeg" || errors.Is(err, audiofile.ErrDamaged); !mp3 && (rec.reads > 129 || rec.bytes > 32<<20) {
			t.Errorf("Probe = %+v, %v, took %v", got, err, rec)
		}
	})
}

//go:build e2e

package audiofile_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// kind is a row of the matrix: the files that ffmpeg makes with one set of
// options.
type kind struct {
	name, extension string
	rate            int
	options         string
	// decoded means that ffprobe only estimates, so the duration is measured by
	// decoding.
	decoded bool
	// most is the longest duration in seconds, if it is more than a minute.
	// Encoding takes a while at rates above those of telephony.
	most int
	// piped files are written to a pipe, where ffmpeg cannot seek.
	piped bool
}

// The durations of long files, in seconds.
const (
	minutes = 600
	hours   = 3 * 3600
)

var kinds = matrix()

func matrix() []kind {
	all := []kind{
		{name: "wav-s16", extension: "wav", rate: 8000, options: "-c:a pcm_s16le"},
		{name: "wav-mulaw", extension: "wav", rate: 8000, options: "-c:a pcm_mulaw", most: hours},
		{name: "wav-alaw", extension: "wav", rate: 8000, options: "-c:a pcm_alaw"},
		{name: "wav-gsm", extension: "wav", rate: 8000, options: "-c:a libgsm_ms"},
		{name: "wav-adpcm", extension: "wav", rate: 8000, options: "-c:a adpcm_ima_wav"},
		{name: "wav-rf64", extension: "wav", rate: 16000, options: "-c:a pcm_s16le -rf64 always"},
		{name: "wav-streamed", extension: "wav", rate: 8000, options: "-c:a pcm_s16le -f wav", piped: true},
		{name: "vorbis-8", extension: "ogg", rate: 8000, options: "-c:a libvorbis -q:a 0", most: hours},
		{name: "vorbis-44", extension: "ogg", rate: 44100, options: "-c:a libvorbis -q:a 3"},
		{name: "aac-8", extension: "m4a", rate: 8000, options: "-c:a aac -b:a 16k", most: minutes},
		{name: "aac-8-faststart", extension: "m4a", rate: 8000, options: "-c:a aac -b:a 16k -movflags +faststart"},
		{name: "aac-44", extension: "m4a", rate: 44100, options: "-c:a aac -b:a 64k"},
		{name: "alac-8", extension: "m4a", rate: 8000, options: "-c:a alac", most: hours},
		{name: "alac-8-fragments", extension: "m4a", rate: 8000, options: "-c:a alac -movflags +frag_keyframe+empty_moov -frag_duration 10000000", most: hours},
		{name: "aac-8-fragments", extension: "m4a", rate: 8000, options: "-c:a aac -b:a 16k -movflags +frag_keyframe+empty_moov -frag_duration 5000000", most: minutes},
		{name: "aac-44-fragments", extension: "m4a", rate: 44100, options: "-c:a aac -b:a 32k -movflags +frag_keyframe+empty_moov+delay_moov -frag_duration 1000000"},
		{name: "aac-16-hybrid", extension: "m4a", rate: 16000, options: "-c:a aac -b:a 24k -movflags +frag_keyframe -frag_duration 5000000"},
		{name: "aac-16-piped", extension: "m4a", rate: 16000, options: "-c:a aac -b:a 24k -f mp4 -movflags +frag_keyframe+empty_moov -frag_duration 2000000", piped: true},
		{name: "aac-16-smooth", extension: "m4a", rate: 16000, options: "-c:a aac -b:a 24k -f ismv -frag_duration 5000000"},
	}
	for i, o := range []string{"-b:a 6k -frame_duration 60 -compression_level 0", "-b:a 16k -frame_duration 20", "-b:a 32k -frame_duration 10 -vbr off", "-b:a 24k -frame_duration 2.5 -application lowdelay"} {
		k := kind{name: "opus-" + strings.ReplaceAll(o, " ", ""), extension: "ogg", rate: 8000, options: "-c:a libopus " + o}
		if i == 0 {
			k.most = hours
		}
		all = append(all, k)
	}
	for _, rate := range []int{8000, 11025, 16000, 44100} {
		bits := []string{"-b:a 8k", "-b:a 24k", "-b:a 64k", "-q:a 9", "-q:a 4", "-abr 1 -b:a 40k"}
		if rate == 44100 {
			bits[0] = "-b:a 32k"
		}
		for _, b := range bits {
			for _, xing := range []string{"1", "0"} {
				k := kind{
					name: fmt.Sprintf("mp3-%d%s-xing%s", rate, strings.ReplaceAll(b, " ", ""), xing), extension: "mp3", rate: rate,
					options: "-c:a libmp3lame " + b + " -write_xing " + xing, decoded: xing == "0",
				}
				if rate == 8000 && (b == "-b:a 8k" && xing == "0" || b == "-q:a 9" && xing == "1") {
					k.most = hours
				}
				all = append(all, k)
			}
		}
	}
	return all
}

// The durations agree with ffprobe, or with the decoded audio, for all files
// that ffmpeg makes. The test logs the largest error of each type.
func TestMatrixAgreesWithFFmpeg(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v; apt-get install ffmpeg", err)
		}
	}
	dir := t.TempDir()
	var mu sync.Mutex
	worst, count := map[string]time.Duration{}, map[string]int{}
	t.Run("files", func(t *testing.T) {
		for _, k := range kinds {
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				for _, seconds := range k.lengths() {
					off := k.check(t, dir, seconds)
					group, _, _ := strings.Cut(k.name, "-")
					group += "." + k.extension
					if k.decoded {
						group += " without Xing"
					}
					mu.Lock()
					worst[group], count[group] = max(worst[group], off), count[group]+1
					mu.Unlock()
				}
			})
		}
	})
	for _, group := range slices.Sorted(maps.Keys(worst)) {
		t.Logf("%-24s %3d files, worst %s", group, count[group], worst[group])
	}
}

// lengths returns the durations of the files, in seconds.
func (k kind) lengths() []string {
	all := []string{"0.1", "1", "59.9"}
	for _, n := range []int{minutes, hours} {
		if n <= k.most && (n == minutes || !testing.Short()) { // ffmpeg needs long for hours of audio
			all = append(all, strconv.Itoa(n))
		}
	}
	return all
}

// check makes a file and returns the error of its duration.
func (k kind) check(t *testing.T, dir, seconds string) time.Duration {
	t.Helper()
	name := filepath.Join(dir, k.name+"-"+seconds+"."+k.extension)
	args := []string{"-y", "-loglevel", "error", "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=300:beep_factor=4:sample_rate=%d:duration=%s", k.rate, seconds)}
	args = append(args, strings.Fields(k.options)...)
	if k.piped {
		data := run(t, "ffmpeg", append(args, "pipe:1")...)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	} else {
		run(t, "ffmpeg", append(args, name)...)
	}
	want := k.length(t, name)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { // now, because the files are large
		if err := errors.Join(f.Close(), os.Remove(name)); err != nil {
			t.Error(err)
		}
	}()
	stat, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	got, err := audiofile.Probe(f, stat.Size())
	off := (got.Duration - want).Abs()
	if err != nil || !got.Known || got.Extension != k.extension || off > within {
		t.Errorf("Probe(%s of %s s) = %+v, %v, want %s", k.name, seconds, got, err, want)
	}
	return off
}

// length measures the duration of the file with ffprobe or ffmpeg.
func (k kind) length(t *testing.T, name string) time.Duration {
	t.Helper()
	if k.decoded {
		raw := &counting{}
		c := exec.CommandContext(t.Context(), "ffmpeg", "-loglevel", "error", "-i", name, "-ac", "1", "-f", "s16le", "-")
		c.Stdout = raw
		if err := c.Run(); err != nil {
			t.Fatalf("ffmpeg decodes %s: %v", name, err)
		}
		return time.Duration(raw.n) / 2 * time.Second / time.Duration(k.rate)
	}
	text := run(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", name)
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	if err != nil {
		t.Fatalf("ffprobe of %s: %v", name, err)
	}
	return time.Duration(seconds * float64(time.Second))
}

// run returns the output of a program. The test fails if the program does.
func run(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	var out, stderr bytes.Buffer
	c.Stdout, c.Stderr = &out, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, stderr.String())
	}
	return out.Bytes()
}

// counting counts the bytes written to it.
type counting struct{ n int64 }

func (c *counting) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

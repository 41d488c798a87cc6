package archive

import (
	"testing"

	"github.com/callrecordings/api/shared/media"
)

// A file of any size that is allowed fits into the parts that S3 allows, although parts may
// have half of their size.
func TestPartsSuffice(t *testing.T) {
	t.Parallel()
	for total := int64(0); total <= MaxBytes; total += MaxBytes / 64 {
		size := partSize(total)
		if size < minPartSize || size > 64<<20 || size/2 < media.MinPart {
			t.Errorf("%d bytes: parts of %d", total, size)
		}
		const documents = 1 << 30
		if parts := (total+documents)/int64(size/2) + 1; parts > media.MaxParts {
			t.Errorf("%d bytes: up to %d parts", total, parts)
		}
	}
}

// Names have no separator, and differ on file systems that ignore case, since their numbers do.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number        int
		id, ext, want string
	}{
		{1, "202601-a", "mp3", "000001_202601-a.mp3"},
		{2, "202601-A", "mp3", "000002_202601-A.mp3"},
		{1_000_000, "202601-..", "json", "1000000_202601-...json"},
	} {
		if got := nameOf(c.number, c.id, c.ext); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

package audiofile

import (
	"fmt"
	"io"
	"time"

	"github.com/go-audio/wav"
)

// wavDuration divides the sound that is really there by what its header says
// of a second of it.
func wavDuration(r *io.SectionReader) (time.Duration, error) {
	d := wav.NewDecoder(r)
	if err := d.FwdToPCM(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if d.PCMChunk == nil || d.AvgBytesPerSec == 0 {
		return 0, fmt.Errorf("%w: no sound in the wav", ErrDamaged)
	}
	begin, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	there := r.Size() - begin
	// A recorder that streams writes 0 or the largest number for a size that
	// it does not know yet.
	if said := d.PCMLen(); said > 0 && said < there {
		there = said
	}
	return seconds(there, int64(d.AvgBytesPerSec)), nil
}

package audiofile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

// opusRate is what positions in Ogg Opus count in, whatever the sound was
// sampled with (RFC 7845, 4).
const opusRate = 48000

// oggDuration reads the position of the last page. Samples before the first
// one that is to be heard do not count (RFC 7845, 4.2).
func oggDuration(r *io.SectionReader) (time.Duration, error) {
	pages, head, err := oggreader.NewWith(bufio.NewReader(r))
	if err != nil {
		return 0, fmt.Errorf("%w: no Opus in the Ogg: %w", ErrUnknown, err)
	}
	var last uint64
	for {
		_, page, err := pages.ParseNextPage()
		if err != nil {
			if last == 0 || !ended(err) {
				return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			break
		}
		// A page on which no packet ends has the position -1.
		if page.GranulePosition != 1<<64-1 {
			last = max(last, page.GranulePosition)
		}
	}
	const most = 1 << 53 // 6,000 years, and no overflow
	if last > most {
		return 0, fmt.Errorf("%w: it would last for ages", ErrDamaged)
	}
	return seconds(max(0, int64(last)-int64(head.PreSkip)), opusRate), nil
}

// ended reports whether err is that of a file at its end, also in the middle
// of a page: what was cut off is not counted.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

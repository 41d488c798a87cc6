package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// Audio that cannot be read, for example because its key is lost or because it was archived,
// must not fail the whole file. But the bucket may only be slow or down, so a recording goes
// without its audio only after several slices in a row have failed at it. Their delays add up
// to some eight minutes (package job).

const (
	// unreadableTries is the number of slices that must have failed at a recording before it
	// goes without its audio.
	unreadableTries = 8
	// maxUnreadable is how many recordings may do so. Their delays take 14 hours, and an
	// upload in parts must end within two days.
	maxUnreadable = 100
)

// careful reports whether a checkpoint is due before the next recording because a slice has
// failed. Then the slices that fail at a recording begin with it, and are counted.
func (k *packer) careful() bool { return k.tries > 0 && len(k.items) > 0 }

// readable reads an object to its end, and returns the error of that. Audio that is missing is
// no error.
func (k *packer) readable(ctx context.Context, key string) error {
	body, o, err := k.bucket.Open(ctx, key, "", nil)
	if errors.Is(err, media.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, body)
	_ = body.Close() // it was only read
	if err == nil && n != o.Size {
		err = fmt.Errorf("%w: the audio has %d of %d bytes", media.ErrUnavailable, n, o.Size)
	}
	return err
}

// addUnreadable adds the document of a recording whose audio cannot be read because of an
// error. It returns the error if the slice has no time left.
func (k *packer) addUnreadable(ctx context.Context, item job.Item, r *recording.Recording, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if k.state.Unreadable >= maxUnreadable {
		return &job.ProblemError{Text: fmt.Sprintf("the audio of more than %d recordings cannot be read", maxUnreadable)}
	}
	if err := k.addDocument(ctx, item, r); err != nil {
		return err
	}
	k.state.Unreadable++
	item.Outcome, item.Cause = job.Failure, "audio_unreadable"
	k.items = append(k.items, item)
	return nil
}

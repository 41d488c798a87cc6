package person

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
)

// Export is the action that copies everything about a person into a ZIP file in the
// bucket. Its memory does not grow with the number or the size of the recordings.
type Export struct {
	// Store is the store of recordings as clients see it.
	Store Store
	// Bucket has the audio, and gets the file.
	Bucket archive.Bucket
	// Signer signs the certificate.
	Signer *Signer
}

// Plan implements [job.Action].
func (x *Export) Plan(ctx context.Context, t *job.Task) (bool, error) {
	f := finder{store: x.Store}
	done, err := f.plan(ctx, t)
	if err == nil {
		err = archive.Check(t.Job)
	}
	return done, err
}

// Run implements [job.Action]. It writes the file, searches again, and makes the
// certificate.
func (x *Export) Run(ctx context.Context, t *job.Task) (bool, error) {
	subject, p, err := load(t.Job)
	if err != nil {
		return false, err
	}
	if p.Phase == work {
		done, err := x.writer(subject).Write(ctx, t, &p.Place, func(ctx context.Context) error { return t.SaveAt(ctx, p) })
		if err != nil || !done {
			return false, err
		}
		*p = place{Phase: again, Place: archive.Place{Zip: p.Zip}}
		if err := t.SaveAt(ctx, p); err != nil {
			return false, err
		}
	}
	if p.Phase == again {
		f := finder{store: x.Store}
		done, err := f.searchAgain(ctx, t, p, subject)
		if err != nil || !done {
			return false, err
		}
	}
	return true, finish(ctx, t, p, x.Bucket, x.Signer, copied, true)
}

// End implements [job.Action]. It removes the file, all parts of it, and the list: no answer
// names them.
func (x *Export) End(ctx context.Context, t *job.Task) error {
	subject, p, err := load(t.Job)
	if err != nil {
		return nil //nolint:nilerr // nothing was uploaded
	}
	if err := x.writer(subject).Abandon(ctx, t, &p.Place); err != nil || p.Phase != again {
		return err
	}
	if err := x.Bucket.Purge(ctx, []string{archive.ListKey(t.Job)}, nil); err != nil {
		return fmt.Errorf("remove the list of an export: %w", err)
	}
	return nil
}

// writer returns what writes the file.
func (x *Export) writer(s Subject) *archive.Writer {
	matches := s.Matcher()
	return &archive.Writer{Store: x.Store, Bucket: x.Bucket, Judge: func(_ job.Item, r *recording.Recording) string {
		if !matches(r) {
			return "no_longer_matches"
		}
		return ""
	}}
}

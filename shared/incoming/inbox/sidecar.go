package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Reasons why a file, or its metadata, cannot be used.
var (
	errUnmatched   = fmt.Errorf("%w: no pattern describes its name, and no metadata describes the call", incoming.ErrKept)
	errSidecarName = fmt.Errorf("%w: metadata must have the name of its audio, with the extension .json", incoming.ErrKept)
	errBadSidecar  = fmt.Errorf("%w: metadata must be one JSON object of at most %d bytes", incoming.ErrKept, incoming.MaxSidecar)
)

// describe gathers the reported fields of a file. A faulty sidecar does not
// hold up the audio: it is reported when it arrives itself.
func (in Inbox) describe(ctx context.Context, f *file) error {
	own := recording.Call{}
	for name, value := range f.object.Metadata {
		own.Report(name, decodeWords(value))
	}
	own, _ = own.In(in.Names.Zone) // a time that cannot be read is ignored
	if err := agree(f.account, f.name.Call, own); err != nil {
		return err
	}
	sidecar := maps.Clone(f.beside)
	if !f.described {
		var err error
		if sidecar, err = in.beside(ctx, f); err != nil {
			return err
		}
	}
	if agree(f.account, f.name.Call, own, sidecar) != nil {
		sidecar = nil
	}
	if !f.matched && own.Document() == "{}" && sidecar.Document() == "{}" {
		return errUnmatched
	}
	delete(sidecar, "id") // the ID comes from the audio's own reports, no matter which file arrives first
	f.call = sidecar.Under(own).Under(f.name.Call)
	return nil
}

// beside reads the sidecar file for audio. It returns nil if the file is missing or
// faulty. Error: media.ErrUnavailable.
func (in Inbox) beside(ctx context.Context, f *file) (call recording.Call, err error) {
	for _, key := range recording.SidecarKeys(f.Key) {
		if call, err = in.sidecar(ctx, key); !errors.Is(err, media.ErrNotFound) {
			break
		}
	}
	if errors.Is(err, media.ErrNotFound) || errors.Is(err, incoming.ErrKept) {
		return nil, nil
	}
	return call, err
}

// agree is like [incoming.Agree], for files, which are kept if reports disagree.
func agree(account string, reports ...recording.Call) error {
	if _, err := incoming.Agree(account, reports...); err != nil {
		return fmt.Errorf("%w: %w", incoming.ErrKept, err)
	}
	return nil
}

// sidecar reads a sidecar file. Errors: incoming.ErrKept, media.ErrNotFound,
// media.ErrUnavailable.
func (in Inbox) sidecar(ctx context.Context, key string) (recording.Call, error) {
	body, _, err := in.Audio.Open(ctx, key, "", nil)
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	defer body.Close() //nolint:errcheck // read-only
	text, err := io.ReadAll(io.LimitReader(body, incoming.MaxSidecar+1))
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	call, err := recording.ParseCall(text)
	if err != nil || len(text) > incoming.MaxSidecar {
		return nil, errBadSidecar
	}
	call, _ = call.In(in.Names.Zone) // a time that cannot be read is ignored
	return call, nil
}

// metadata ingests a sidecar file and completes the recordings of the audio with
// the same stem. Metadata that arrives first waits for its audio. A sidecar never
// describes another sidecar.
func (in Inbox) metadata(ctx context.Context, f *file) (incoming.Outcome, error) {
	if !slices.Contains(recording.SidecarKeys(f.Key), f.Key) {
		return "", errSidecarName
	}
	call, err := in.sidecar(ctx, f.Key)
	if errors.Is(err, media.ErrNotFound) {
		return incoming.Gone, nil
	}
	if err == nil {
		err = agree(f.account, f.name.Call, call)
	}
	if err != nil {
		return "", err
	}
	if f.Key != recording.SidecarKeys(f.Key)[0] { // another sidecar may take precedence
		if call, err = in.beside(ctx, f); err != nil {
			return "", err
		}
	}
	return in.describeAll(ctx, f, call)
}

// describeAll completes the recordings of all audio with the stem of a sidecar
// file, with its fields. A file that is kept does not hold up the others. If the
// invocation's time runs out, describeAll returns an error, so that the sidecar is
// retried. The retry does not read known audio again, so it gets further.
func (in Inbox) describeAll(ctx context.Context, f *file, call recording.Call) (incoming.Outcome, error) {
	stem := recording.Stem(f.Key)
	done := incoming.Awaiting
	var keeps error // the first one
	for after, more := "", true; more; {
		if err := inTime(ctx); err != nil {
			return "", err
		}
		keys, err := in.Audio.List(ctx, stem+".", after)
		if err != nil {
			return "", fmt.Errorf("look for the audio of metadata: %w", err)
		}
		for _, key := range keys {
			audio, ok := in.open(incoming.Arrival{Key: key})
			if !ok || audio.sidecar() || recording.Stem(key) != stem || recording.IsTestFile(key) {
				continue
			}
			if err := inTime(ctx); err != nil {
				return "", err
			}
			audio.described, audio.beside = true, call
			outcome, err := in.audio(ctx, audio)
			switch {
			case errors.Is(err, incoming.ErrKept):
				keeps = cmp.Or(keeps, err)
			case err != nil:
				return "", err
			default:
				done = outcome
			}
		}
		if more = len(keys) >= media.MaxList; more {
			after = skip(stem, keys[len(keys)-1])
		}
	}
	switch {
	case keeps != nil:
		return "", keeps
	case done == incoming.Awaiting:
		return incoming.Settle(func() (incoming.Outcome, error) { return in.await(ctx, f) })
	}
	return done, nil
}

// await keeps a sidecar file that has no audio, unless the recording that it describes
// was deleted. In that case it removes the file: its audio will not come, or will be
// removed too. The recording is the one that the file's name stands for. If only the
// audio's own metadata had the ID, the file stays.
func (in Inbox) await(ctx context.Context, f *file) (incoming.Outcome, error) {
	id, err := f.name.Call.ID()
	if id == "" || err != nil {
		id, err = incoming.ClaimedName(ctx, in.Store, f.account, f.name.Stem)
	}
	if errors.Is(err, store.ErrNotFound) {
		return incoming.Awaiting, nil
	}
	if err != nil {
		return "", err
	}
	if t, err := in.deleted(ctx, f.account, id); err != nil || t == nil || t.Until != 0 {
		return incoming.Awaiting, err
	}
	return incoming.RemoveDeleted(ctx, in.Store, in.Audio, f.account, id, f.Key)
}

// skip returns the key after which the listing of files with that stem continues.
// If key is in a folder or has a further dot, such as call.d/1.wav or call.1.wav
// for the stem call, skip passes over all keys with the same beginning, since none
// of them has the stem.
func skip(stem, key string) string {
	rest := strings.TrimLeft(key[len(stem):], ".")
	if i := strings.IndexAny(rest, "./"); i >= 0 {
		return key[:len(key)-len(rest)+i+1] + string(utf8.MaxRune)
	}
	return key
}

// errUnfinished means that some of the audio for a sidecar is not handled yet.
var errUnfinished = errors.New("no time left for all the audio that the metadata describes")

// spare is the time before the context's deadline in which no further file is
// started. It is enough to read the file (package audiofile: 5 s) and to store the
// result (package judge: 10 s).
const spare = 15 * time.Second

// inTime returns errUnfinished if too little time is left for another file.
func inTime(ctx context.Context) error {
	deadline, limited := ctx.Deadline()
	if ctx.Err() != nil || limited && time.Until(deadline) < spare {
		return errUnfinished
	}
	return nil
}

// decodeWords decodes metadata that is not ASCII, which S3 returns as encoded
// words (RFC 2047).
func decodeWords(value string) string {
	var words mime.WordDecoder
	if text, err := words.DecodeHeader(value); err == nil {
		return text
	}
	return value
}

package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"

	"callrecordings/shared/incoming"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// Why a file, or the metadata for it, cannot be used.
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
	sidecar, err := in.beside(ctx, f)
	switch {
	case errors.Is(err, media.ErrNotFound), errors.Is(err, incoming.ErrKept):
		sidecar = nil
	case err != nil:
		return err
	}
	if agree(f.account, f.name.Call, own, sidecar) != nil {
		sidecar = nil
	}
	if !f.matched && own.Document() == "{}" && sidecar.Document() == "{}" {
		return errUnmatched
	}
	delete(sidecar, "id") // the ID comes from the audio's own reports, whichever file arrives first
	f.call = sidecar.Under(own).Under(f.name.Call)
	return nil
}

// beside reads the sidecar file of audio. Errors: those of sidecar.
func (in Inbox) beside(ctx context.Context, f *file) (call recording.Call, err error) {
	for _, key := range recording.SidecarKeys(f.Key) {
		if call, err = in.sidecar(ctx, key); !errors.Is(err, media.ErrNotFound) {
			break
		}
	}
	return call, err
}

// agree is [incoming.Agree] for files, which are kept when reports disagree.
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

// metadata ingests a sidecar file: it completes the recordings of the audio
// beside it. Metadata that arrived first waits for its audio. A sidecar never
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
	stem := recording.Stem(f.Key)
	keys, err := in.Audio.List(ctx, stem+".", "")
	if err != nil {
		return "", fmt.Errorf("look for the audio of metadata: %w", err)
	}
	done := incoming.Awaiting
	for _, key := range keys {
		audio, ok := in.open(incoming.Arrival{Key: key, Until: f.Until})
		if !ok || audio.sidecar() || recording.Stem(key) != stem || recording.IsTestFile(key) {
			continue
		}
		if done, err = in.audio(ctx, audio); err != nil {
			return "", err
		}
	}
	return done, nil
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

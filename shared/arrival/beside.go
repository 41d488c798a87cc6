package arrival

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// maxBeside is the most bytes of metadata beside audio; S3 lets uploads say no
// more than 2 KB by themselves.
const maxBeside = 64 << 10

// Why a file, or what is told of it, cannot be taken.
var (
	errUnknown  = fmt.Errorf("%w: no pattern describes its name, and nothing else tells of the call", ErrKept)
	errForeign  = fmt.Errorf("%w: it is said to be of another account", ErrKept)
	errTwoIDs   = fmt.Errorf("%w: it is said to be of two recordings", ErrKept)
	errBadID    = fmt.Errorf("%w: its id is none of a recording", ErrKept)
	errBadTable = fmt.Errorf("%w: metadata are one JSON object of at most %d bytes", ErrKept, maxBeside)
)

// ask gathers what is told of a file.
func (d Desk) ask(ctx context.Context, f *dropped) error {
	own := recording.Call{}
	for name, value := range f.object.Metadata {
		own.Set(name, decodeWords(value))
	}
	if err := agree(f.account, f.name.Call, own); err != nil {
		return err
	}
	beside, err := d.beside(ctx, recording.BesideKey(f.Key))
	if errors.Is(err, media.ErrNotFound) || errors.Is(err, ErrKept) || agree(f.account, f.name.Call, own, beside) != nil {
		beside, err = nil, nil // what is wrong with it is told when it arrives itself
	}
	if err != nil {
		return err
	}
	if !f.understood && own.Document() == "{}" && beside.Document() == "{}" {
		return errUnknown
	}
	delete(beside, "id") // the audio itself says whose it is, whatever comes first
	f.call = beside.Under(own).Under(f.name.Call)
	return nil
}

// agree demands that those who name an account name that of the inbox, and that
// those who name an id name one, which can be a recording's.
func agree(account string, told ...recording.Call) error {
	id := ""
	for _, call := range told {
		said, err := call.ID()
		switch other := call["account_id"]; {
		case other != "" && other != account:
			return errForeign
		case err != nil:
			return errBadID
		case id != "" && said != "" && id != said:
			return errTwoIDs
		case said != "":
			id = said
		}
	}
	return nil
}

// beside reads metadata that lie in a file of their own. Errors: ErrKept,
// media.ErrNotFound, media.ErrUnavailable.
func (d Desk) beside(ctx context.Context, key string) (recording.Call, error) {
	body, _, err := d.Audio.Open(ctx, key, "", nil)
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	defer body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(body, maxBeside+1))
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	call, err := recording.ParseCall(text)
	if err != nil || len(text) > maxBeside {
		return nil, errBadTable
	}
	return call, nil
}

// takeBeside completes the recordings of the audio beside metadata that have
// arrived. Where none is there yet, the metadata wait for it.
func (d Desk) takeBeside(ctx context.Context, f *dropped) (Outcome, error) {
	call, err := d.beside(ctx, f.Key)
	if errors.Is(err, media.ErrNotFound) {
		return Gone, nil
	}
	if err == nil {
		err = agree(f.account, f.name.Call, call)
	}
	if err != nil {
		return "", err
	}
	stem := recording.InboxKey(f.account, f.name.Stem)
	keys, err := d.Audio.List(ctx, stem+".", "")
	if err != nil {
		return "", fmt.Errorf("look for the audio of metadata: %w", err)
	}
	done := Awaiting
	for _, key := range keys {
		if recording.Stem(key) != stem || key == f.Key || recording.IsProbe(key) {
			continue
		}
		if done, err = d.Take(ctx, Arrival{Key: key}); err != nil {
			return "", err
		}
	}
	return done, nil
}

// decodeWords reads text that is no ASCII as S3 hands it out (RFC 2047).
func decodeWords(value string) string {
	var words mime.WordDecoder
	if text, err := words.DecodeHeader(value); err == nil {
		return text
	}
	return value
}

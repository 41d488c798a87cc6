package arrival

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"callrecordings/shared/audiofile"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// finding is what a look at an object found.
type finding struct {
	arrival Arrival
	object  media.Object
	info    audiofile.Info
	reason  recording.Reason // "" for audio that can be served
}

// look reads what the object is, and judges it by what was announced.
// Errors: media.ErrNotFound, media.ErrChanged, media.ErrUnavailable.
func (d Desk) look(ctx context.Context, a Arrival, u recording.Upload) (*finding, error) {
	o, err := d.Audio.Examine(ctx, a.Key)
	if err != nil {
		return nil, fmt.Errorf("look at what has arrived: %w", err)
	}
	return d.hear(ctx, a, o, u)
}

// hear reads what an object is that was found already.
func (d Desk) hear(ctx context.Context, a Arrival, o media.Object, u recording.Upload) (*finding, error) {
	f := &finding{arrival: a, object: o}
	if f.reason = d.weigh(o, u); f.reason != "" {
		return f, nil
	}
	r := &object{ctx: ctx, media: d.Audio, key: a.Key, etag: o.ETag, size: o.Size}
	defer r.close()
	var err error
	f.info, f.reason, err = Judge(r, o.Size, u)
	if err != nil {
		return nil, fmt.Errorf("read what has arrived: %w", err)
	}
	if f.info.ContentType == "" {
		f.info.ContentType, _ = recording.AudioType(o.ContentType)
	}
	return f, nil
}

// weigh judges an object without reading it.
func (d Desk) weigh(o media.Object, u recording.Upload) recording.Reason {
	switch {
	case o.Size > d.MaxBytes:
		return recording.TooLarge
	case u.Size > 0 && u.Size != o.Size:
		return recording.OtherSize
	case u.SHA256 != "" && o.SHA256 != "" && u.SHA256 != o.SHA256:
		return recording.OtherChecksum
	}
	return ""
}

// Judge reads what size bytes of r are, and why they cannot be served, "" for
// audio that can. No bytes at all are audio of no seconds. Its error is r's.
func Judge(r io.ReaderAt, size int64, u recording.Upload) (audiofile.Info, recording.Reason, error) {
	announced, _ := recording.AudioType(u.ContentType)
	if size == 0 {
		return audiofile.Info{ContentType: announced, Known: true}, "", nil
	}
	info, err := audiofile.Probe(r, size)
	switch {
	case errors.Is(err, audiofile.ErrUnknown):
		return info, recording.NotAudio, nil
	case errors.Is(err, audiofile.ErrDamaged):
		return info, recording.Damaged, nil
	case err != nil:
		return info, "", err
	case announced != "" && announced != info.ContentType:
		return info, recording.OtherType, nil
	}
	return info, "", nil
}

// fill writes what was found into the recording of good audio.
func (f *finding) fill(r *recording.Recording, now recording.Seconds) {
	r.Audio = recording.Audio{
		Place: recording.Managed, Key: r.Audio.Key, ContentType: f.info.ContentType, Size: f.object.Size,
		Sequencer: cmp.Or(f.arrival.Sequencer, r.Audio.Sequencer),
	}
	if f.info.Known && f.info.Duration == 0 {
		r.Audio.State = recording.Empty
	}
	if r.Upload.SHA256 != "" {
		r.Audio.SHA256 = f.object.SHA256
	}
	r.Upload = recording.Upload{}
	r.Modified = max(now, r.Modified, r.Created)
	r.Document = r.Document.Describe(recording.Sound(f.info))
}

// spoil writes into the recording why its audio cannot be served. What was
// announced stays, for the next upload.
func (f *finding) spoil(r *recording.Recording, now recording.Seconds) {
	r.Audio = recording.Audio{
		Key: r.Audio.Key, Size: f.object.Size, State: recording.Failed, Reason: f.reason, Sequencer: f.arrival.Sequencer,
	}
	r.Modified = max(now, r.Modified, r.Created)
}

// unchanged reports whether a write of now over before would tell nothing new.
// An event about audio that is known brings a sequencer, which is no news by
// itself.
func (a Arrival) unchanged(before, now recording.Recording) bool {
	if before.Audio.Sequencer == "" || a.Sequencer == "" {
		now.Audio.Sequencer = before.Audio.Sequencer
	}
	if before.Upload == (recording.Upload{}) { // it was there already
		now.Audio.SHA256 = before.Audio.SHA256
	}
	now.Modified = before.Modified
	return before == now
}

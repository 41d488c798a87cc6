// Package intake takes audio files in as recordings: for the operator's command
// line and for the samples of a first start.
//
// The audio is stored first, under a key that nothing knows yet, and the
// document second. A crash in between leaves an object that no recording
// names: it costs its bytes, and the same call again makes a whole recording.
// The other order would leave a recording that cannot be played.
package intake

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"callrecordings/shared/audiofile"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Intake stores recordings.
type Intake struct {
	Store store.Writer
	Audio interface {
		media.Writer
		media.Remover
	}
	// Now is the clock, Random makes ids.
	Now    func() time.Time
	Random io.Reader
}

// Call is what is known of a recorded call beside its sound. Empty fields are
// not known, but for Account.
type Call struct {
	Account, Owner string
	// ID of the recording; "" makes one.
	ID string
	// Direction is "inbound" or "outbound"; "" stands for inbound.
	Direction string
	// Start of the recording; 0 for unknown.
	Start recording.Seconds
	// Numbers and names of the two sides.
	Caller, CallerName, Callee, CalleeName string
	// Realm is the SIP realm of both sides' addresses.
	Realm string
	// UserMetadata is a JSON object, "" for none.
	UserMetadata string
}

// directions are the values of Direction with the origin that goes with each.
var directions = map[string]string{
	"inbound":  "inbound from offnet to account",
	"outbound": "outbound to offnet from account",
}

// ErrDirection is the error of a direction that is none.
var ErrDirection = errors.New(`direction is "inbound" or "outbound"`)

// Add stores audio, which has size bytes, as a recording of the call, and
// returns it. progress, if not nil, is told the bytes sent so far.
// Errors: ErrDirection, recording.ErrBadID, those of audiofile.Probe, of
// store.Writer's Put and of media.Writer's Put.
func (in Intake) Add(ctx context.Context, c Call, audio io.ReaderAt, size int64, progress func(int64)) (*recording.Recording, error) {
	info, err := audiofile.Probe(audio, size)
	if err != nil {
		return nil, err
	}
	r, err := in.compose(c, info, size)
	if err != nil {
		return nil, err
	}
	body := io.Reader(io.NewSectionReader(audio, 0, size))
	if progress != nil {
		body = &counter{Reader: body, tell: progress}
	}
	if err := in.Audio.Put(ctx, r.AudioKey(), info.ContentType, body, size); err != nil {
		return nil, fmt.Errorf("store the audio: %w", err)
	}
	if err := in.Store.Put(ctx, r); err != nil {
		if refused(err) { // the store has answered: nothing will ever name this object
			err = errors.Join(err, in.Audio.Remove(ctx, r.AudioKey()))
		}
		return nil, fmt.Errorf("store the document: %w", err)
	}
	return r, nil
}

// refused reports whether the store certainly has not stored the document.
func refused(err error) bool {
	return errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrDeleted) || errors.Is(err, store.ErrTooLarge)
}

// compose makes the recording of the call.
func (in Intake) compose(c Call, info audiofile.Info, size int64) (*recording.Recording, error) {
	if c.Direction == "" {
		c.Direction = "inbound"
	}
	if directions[c.Direction] == "" {
		return nil, ErrDirection
	}
	now := recording.SecondsOf(in.Now())
	created := now
	if c.Start > 0 {
		created = min(now, c.Start+recording.Seconds(info.Duration/time.Second))
	}
	r := &recording.Recording{
		Account: c.Account, Owner: c.Owner, Created: created, Modified: now,
		Audio: recording.Audio{Place: recording.Managed, ContentType: info.ContentType, Size: size},
	}
	if err := in.name(r, c); err != nil {
		return nil, err
	}
	doc, err := recording.ParseDocument(document(r, c, info))
	if err != nil {
		return nil, err
	}
	r.Document = recording.Complete(doc, r.ID, created)
	return r, nil
}

// name gives r its id. An id that was chosen may be in use already, so its
// audio gets a key that no other upload can have.
func (in Intake) name(r *recording.Recording, c Call) (err error) {
	if c.ID == "" {
		at := c.Start
		if at == 0 {
			at = r.Created
		}
		r.ID, err = recording.NewID(at, in.Random)
		return err
	}
	if r.ID, err = recording.ParseID(c.ID); err != nil {
		return fmt.Errorf("id %q: %w", c.ID, err)
	}
	var b [8]byte
	if _, err := io.ReadFull(in.Random, b[:]); err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	r.Audio.Key = recording.AudioKey(r.Account, r.ID) + "~" + hex.EncodeToString(b[:])
	return nil
}

// document writes the fields that are known.
func document(r *recording.Recording, c Call, info audiofile.Info) []byte {
	_, unique, _ := strings.Cut(r.ID, "-")
	name := unique + "." + info.Extension
	d := object{}
	d.text("name", name)
	d.text("description", "recording "+name)
	d.text("content_type", info.ContentType)
	d.text("media_type", info.Extension)
	d.text("media_source", "recorded")
	d.text("direction", c.Direction)
	d.text("origin", directions[c.Direction])
	if c.Start > 0 {
		d.number("start", int64(c.Start))
	}
	d.number("duration", int64(info.Duration/time.Second))
	d.number("duration_ms", info.Duration.Milliseconds())
	d.text("from", address(c.Caller, c.Realm))
	d.text("to", address(c.Callee, c.Realm))
	d.text("caller_id_number", c.Caller)
	d.text("caller_id_name", c.CallerName)
	d.text("callee_id_number", c.Callee)
	d.text("callee_id_name", c.CalleeName)
	d.text("owner_id", c.Owner)
	if c.UserMetadata != "" {
		d.raw("user_metadata", c.UserMetadata)
	}
	return d.json()
}

// address is a side of the call as user@realm, "" when neither is known.
func address(number, realm string) string {
	switch {
	case number == "" && realm == "":
		return ""
	case number == "":
		number = "unknown"
	case realm == "":
		realm = "unknown"
	}
	return number + "@" + realm
}

// object writes a JSON object, leaving out empty texts.
type object []string

func (o *object) raw(name, value string)          { *o = append(*o, recording.Quote(name)+":"+value) }
func (o *object) number(name string, value int64) { o.raw(name, strconv.FormatInt(value, 10)) }
func (o *object) text(name, value string) {
	if value != "" {
		o.raw(name, recording.Quote(value))
	}
}
func (o object) json() []byte { return []byte("{" + strings.Join(o, ",") + "}") }

// counter tells how much was read.
type counter struct {
	io.Reader
	tell func(int64)
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

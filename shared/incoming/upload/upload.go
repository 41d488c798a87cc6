// Package upload takes audio files in as recordings: for the operator's command
// line and for the samples of a first start.
//
// The audio is stored first, under a key that nothing knows yet, and the
// document second. So whoever sees a recording can play it, an upload that is
// interrupted leaves nothing, and an id that is in use, or was deleted, loses
// nothing to a second file. What is left to go wrong: a crash between the two
// steps, or a store that does not say whether it has stored, leaves an object
// that no recording names. It costs its bytes, and the same call again makes a
// whole recording. (The other order would show a recording without sound for
// as long as its upload takes, and for good after a crash.)
package upload

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

// Audio is where the sound goes, and whence it is taken back.
type Audio interface {
	media.Writer
	media.Remover
}

// Uploader stores recordings. It is safe for concurrent use if Random is.
type Uploader struct {
	// Store takes the documents.
	Store store.Writer
	// Audio takes the sound.
	Audio Audio
	// Now is the clock, Random makes ids.
	Now    func() time.Time
	Random io.Reader
}

// finish is how long the steps behind an upload may take, also when the caller
// has given up by then: they are short, and half of them would be a loss.
const finish = 30 * time.Second

// Call is what is known of a recorded call beside its sound. Empty fields are
// not known, but for Account.
type Call struct {
	// Account and Owner are ids that the caller has checked (contract, Routes).
	Account, Owner string
	// ID of the recording; "" makes one.
	ID string
	// Direction is "inbound" or "outbound"; "" stands for inbound.
	Direction string
	// Start of the recording; 0 for unknown.
	Start recording.Seconds
	// Numbers and names of the two sides. A number may be an address,
	// user@realm.
	Caller, CallerName, Callee, CalleeName string
	// Realm is the SIP realm of both sides' addresses, where a number names none.
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
// Errors: ErrDirection, recording.ErrBadID, recording.FieldErrors and what
// Document.With says of UserMetadata; those of audiofile.Probe, of
// store.Writer's Put and of media.Writer's Put.
func (u Uploader) Add(ctx context.Context, c Call, audio io.ReaderAt, size int64, progress func(int64)) (*recording.Recording, error) {
	info, err := audiofile.Probe(audio, size)
	if err != nil {
		return nil, err
	}
	r, err := u.compose(c, info, size)
	if err != nil {
		return nil, err
	}
	body := io.Reader(io.NewSectionReader(audio, 0, size))
	if progress != nil {
		body = &counter{Reader: body, tell: progress}
	}
	sent := u.Audio.Put(ctx, r.AudioKey(), info.ContentType, body, size)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
	defer cancel()
	if sent != nil {
		// It may be there all the same, when only the answer was lost; but
		// what is gone is not worth a second complaint.
		_ = u.Audio.Remove(ctx, r.AudioKey())
		return nil, fmt.Errorf("store the audio: %w", sent)
	}
	if err := u.Store.Put(ctx, r); err != nil {
		if refused(err) { // the store has answered: nothing will ever name this object
			err = errors.Join(err, u.Audio.Remove(ctx, r.AudioKey()))
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
func (u Uploader) compose(c Call, info audiofile.Info, size int64) (*recording.Recording, error) {
	if c.Direction == "" {
		c.Direction = "inbound"
	}
	if directions[c.Direction] == "" {
		return nil, ErrDirection
	}
	now := recording.SecondsOf(u.Now())
	created := now
	if c.Start > 0 {
		created = min(now, c.Start+recording.Seconds(info.Duration/time.Second))
	}
	r := &recording.Recording{
		Account: c.Account, Owner: c.Owner, Created: created, Modified: now,
		Audio: recording.Audio{Place: recording.Managed, ContentType: info.ContentType, Size: size},
	}
	if err := u.name(r, c); err != nil {
		return nil, err
	}
	doc, err := recording.ParseDocument(document(r, c, info))
	if err == nil && c.UserMetadata != "" {
		doc, err = doc.With("user_metadata", c.UserMetadata)
	}
	if err != nil {
		return nil, err
	}
	if err := doc.Validate().Err(); err != nil {
		return nil, err
	}
	if meta, _ := doc.Raw("user_metadata"); len(meta) > recording.MaxUserMetadata {
		return nil, fmt.Errorf("user_metadata has %d bytes, at most %d are stored", len(meta), recording.MaxUserMetadata)
	}
	r.Document = recording.Complete(doc, r.ID, created)
	return r, nil
}

// name gives r its id. An id that was chosen may be in use already, so its
// audio gets a key that no other upload can have.
func (u Uploader) name(r *recording.Recording, c Call) (err error) {
	if c.ID == "" {
		at := c.Start
		if at == 0 {
			at = r.Created
		}
		r.ID, err = recording.NewID(at, u.Random)
		return err
	}
	if r.ID, err = recording.ParseID(c.ID); err != nil {
		return fmt.Errorf("id %q: %w (want YYYYMM- and 1 to 128 of A-Z, a-z, 0-9, _ . @ -)", c.ID, err)
	}
	var b [8]byte
	if _, err := io.ReadFull(u.Random, b[:]); err != nil {
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
	d.text("caller_id_number", number(c.Caller))
	d.text("caller_id_name", c.CallerName)
	d.text("callee_id_number", number(c.Callee))
	d.text("callee_id_name", c.CalleeName)
	d.text("owner_id", c.Owner)
	return d.json()
}

// number is what stands before the realm of an address.
func number(s string) string {
	n, _, _ := strings.Cut(s, "@")
	return n
}

// address is a side of the call as user@realm, "" when neither is known.
func address(number, realm string) string {
	switch {
	case number == "" && realm == "":
		return ""
	case strings.Contains(number, "@"):
		return number
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

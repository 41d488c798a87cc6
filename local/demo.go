package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/incoming/upload"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The audio of the demo recordings, made by a speech synthesizer (demo/make.sh).
//
//go:embed demo/*.mp3 demo/*.wav demo/*.ogg
var demoAudio embed.FS

// sample is one demo recording.
type sample struct {
	file string
	user int // index of the owner among the demo's users, or -1 for no owner
	// daysAgo and at (since midnight UTC) are relative to today, so that the
	// samples always cover the last three months.
	daysAgo int
	at      time.Duration
	upload.Request
}

var samples = []sample{
	{"01-appointment.mp3", 0, 1, 9*time.Hour + 12*time.Minute, upload.Request{Caller: "+15550142", CallerName: "Dana Reyes", Callee: "1001", CalleeName: "Front desk"}},
	{"02-order.mp3", 1, 2, 14*time.Hour + 5*time.Minute, upload.Request{Caller: "+15550178", CallerName: "Ola Brandt", Callee: "1002", CalleeName: "Sales", UserMetadata: `{"tag":"order","order":{"number":4417}}`}},
	{"03-wrong-number.mp3", 0, 4, 11*time.Hour + 31*time.Minute, upload.Request{Caller: "+15550111", Callee: "1001", CalleeName: "Front desk"}},
	{"04-support.mp3", 2, 9, 16*time.Hour + 48*time.Minute, upload.Request{Caller: "1007", CallerName: "Workshop", Callee: "1003", CalleeName: "Help desk"}},
	{"05-voicemail.wav", 1, 15, 19*time.Hour + 2*time.Minute, upload.Request{Caller: "+15550178", CallerName: "Ola Brandt", Callee: "1002", CalleeName: "Sales"}},
	{"06-delivery.mp3", 0, 23, 8*time.Hour + 20*time.Minute, upload.Request{Caller: "+15550190", CallerName: "Parcel", Callee: "1001", CalleeName: "Front desk"}},
	{"07-interview.mp3", -1, 31, 10 * time.Hour, upload.Request{Direction: "outbound", Caller: "1004", CallerName: "Meeting room", Callee: "+15550123", CalleeName: "Kim Osei"}},
	{"08-invoice.ogg", 1, 40, 13*time.Hour + 37*time.Minute, upload.Request{Caller: "+15550155", CallerName: "Zoë Ngũgĩ", Callee: "1002", CalleeName: "Sales", UserMetadata: `{"tag":"invoice"}`}},
	{"09-taxi.mp3", 0, 52, 17*time.Hour + 55*time.Minute, upload.Request{Direction: "outbound", Caller: "1001", CallerName: "Front desk", Callee: "+15550100", CalleeName: "Taxi"}},
	{"10-reminder.wav", 2, 63, 14*time.Hour + 45*time.Minute, upload.Request{Direction: "outbound", Caller: "1003", CallerName: "Help desk", Callee: "+15550142", CalleeName: "Dana Reyes"}},
	{"11-complaint.mp3", 2, 77, 15*time.Hour + 16*time.Minute, upload.Request{Caller: "+15550161", CallerName: "R. Castellanos", Callee: "1003", CalleeName: "Help desk", UserMetadata: `{"tag":"complaint","priority":1}`}},
	{"12-conference.mp3", -1, 89, 9*time.Hour + 30*time.Minute, upload.Request{Caller: "1004", CallerName: "Meeting room", Callee: "1090", CalleeName: "Conference"}},
}

// demoRealm is the SIP realm of all demo calls.
const demoRealm = "pbx.example.com"

// seededFile exists once all demo recordings have been stored. It keeps later
// starts from restoring deleted ones.
const seededFile = "demo.done"

// seedOnce stores the demo recordings, unless an earlier start did.
func (b *box) seedOnce(ctx context.Context) error {
	if _, err := os.Stat(b.dir.File(seededFile)); err == nil {
		return nil
	}
	b.seeding.Store(true)
	defer b.seeding.Store(false)
	if err := seed(ctx, b.uploader(), b.dir.Keys); err != nil {
		return err
	}
	return b.dir.WritePrivate(seededFile, "")
}

// uploader adds recordings to the data folder.
func (b *box) uploader() upload.Uploader {
	return upload.Uploader{Store: b.watched(), Audio: b.bucket, Now: b.now, Random: rand.Reader}
}

// seed stores the demo recordings. Their IDs are derived from the account and the
// file name, so an interrupted seeding can be retried.
func seed(ctx context.Context, in upload.Uploader, k datadir.Keys) error {
	now := in.Now()
	for _, s := range samples {
		audio, err := demoAudio.ReadFile("demo/" + s.file)
		if err != nil {
			return err
		}
		s.Account, s.Realm, s.Start = k.Account, demoRealm, recording.SecondsOf(s.start(now))
		s.ID = s.id(k.Account, now)
		if s.user >= 0 {
			s.Owner = k.Users[s.user]
		}
		_, err = in.Add(ctx, s.Request, bytes.NewReader(audio), int64(len(audio)), nil)
		if err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrDeleted) {
			return fmt.Errorf("demo recording %s: %w", s.file, err)
		}
	}
	return nil
}

// start returns when the call began, relative to now.
func (s sample) start(now time.Time) time.Time {
	return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -s.daysAgo).Add(s.at)
}

// id returns the sample's ID in the account. now affects only the month in the ID.
func (s sample) id(account string, now time.Time) string {
	sum := sha256.Sum256([]byte(account + "/" + s.file))
	return s.start(now).Format("200601") + "-" + hex.EncodeToString(sum[:16])
}

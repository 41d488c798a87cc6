package incoming_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/folder"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/incoming/upload"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// noon is the time in all tests. It is close to the time when the S3 server and the file system
// store files, because a call without a reported start gets that time as its start.
var noon = time.Now().UTC().Truncate(time.Second)

func clock() time.Time { return noon }

// call is a recorded call, as each way in reports it: public fields and audio.
type call struct {
	fields map[string]string
	audio  []byte
}

// sidecar returns the fields as a JSON object.
func (c call) sidecar(t testing.TB) []byte {
	t.Helper()
	if c.fields == nil {
		return []byte("{}")
	}
	text, err := json.Marshal(c.fields)
	check(t, err)
	return text
}

// ways are the five ways in. Each brings a call into an account, up to the point
// where its audio has been judged, and returns an error if it was rejected.
var ways = []struct {
	name string
	// strict ways reject bad values. The others ignore them, because a PBX cannot
	// correct a value and its audio must not be lost.
	strict bool
	// asksPerson is set if a user picks the file and learns at once that it is not
	// audio. The other ways keep such a file for an operator.
	asksPerson bool
	// created returns when the recording of a call was created. Ways that store the
	// document before the audio is judged know only what was reported.
	created func(c call, want recording.Seconds) recording.Seconds
	bring   func(p *place, account string, c call) error
}{
	{"create over the API", true, false, atOnce, (*place).create},
	{"storage request", false, false, byReport, (*place).storageRequest},
	{"file in an inbox", false, false, byAudio, (*place).inboxFile},
	{"upload from the command line", true, true, byAudio, (*place).upload},
	{"import of a folder", false, false, byAudio, (*place).importFolder},
}

// How ways date a recording (contract, List; contract, Storage).
func atOnce(call, recording.Seconds) recording.Seconds { return recording.SecondsOf(noon) }

func byAudio(_ call, want recording.Seconds) recording.Seconds { return want }

func byReport(c call, want recording.Seconds) recording.Seconds {
	start, started := strconv.ParseInt(c.fields["start"], 10, 64)
	duration, _ := strconv.ParseInt(c.fields["duration"], 10, 64)
	if started != nil {
		return want
	}
	return min(recording.SecondsOf(noon), recording.Seconds(start+duration))
}

// place is the service that recordings come into: SQLite, the built-in S3 server
// and the API.
type place struct {
	*testing.T
	store  *sqlite.Store
	bucket *s3media.Bucket
	names  namepattern.Set
	jwks   []byte
	env    api.Env
}

func newPlace(t *testing.T) *place {
	t.Helper()
	return newPlaceAt(t, clock)
}

// newPlaceAt returns a place with another clock for its store.
func newPlaceAt(t *testing.T, storeClock func() time.Time) *place {
	t.Helper()
	dir, err := datadir.Open(t.TempDir())
	check(t, err)
	p := &place{T: t}
	p.store, err = dir.OpenStore(t.Context(), storeClock)
	check(t, err)
	t.Cleanup(func() { _ = p.store.Close() })
	server, err := dir.StartS3(t.Context(), "127.0.0.1:0", nil)
	check(t, err)
	t.Cleanup(func() { _ = server.Close() })
	p.bucket, err = dir.OpenBucket(server.URL(), "")
	check(t, err)
	t.Cleanup(p.bucket.CloseIdleConnections)
	p.names, err = namepattern.Open("{*}.{ext}", "")
	check(t, err)
	p.jwks, err = auth.NewKeys(rand.Reader, "test")
	check(t, err)
	keys, err := auth.ParseKeys(p.jwks)
	check(t, err)
	p.env = api.Env{
		Verifier: auth.NewVerifier(keys, clock), Log: slog.New(slog.DiscardHandler), Now: clock, Random: rand.Reader, Node: "test",
	}
	return p
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create sends PUT with the audio as the body and the fields in the query.
func (p *place) create(account string, c call) error {
	token, err := auth.Sign(p.jwks, auth.Claims{Account: account, Expires: noon.Add(time.Hour)})
	check(p, err)
	h := api.Create(p.env, p.store, api.Uploads{Audio: p.bucket, MaxBytes: maxAudio, TTL: time.Minute})
	return p.put(h, "/v2/accounts/"+account+"/recordings", account, c, "X-Auth-Token", token, "Content-Type", "audio/wav")
}

// storageRequest sends PUT with a secret in the path and the fields in the query.
func (p *place) storageRequest(account string, c call) error {
	secret, id, sum, err := auth.NewStorageSecret(rand.Reader)
	check(p, err)
	check(p, p.store.AddSecret(p.Context(), store.Secret{Account: account, ID: id, Sum: sum}))
	h := api.Receive(p.env, p.store, api.Storage{Audio: p.bucket, MaxBytes: maxAudio, Names: p.names.Call, Zone: p.names.Zone})
	return p.put(h, "/v2/storage/"+account+"/"+secret+"/call.wav", account, c)
}

// put sends a request and ingests the audio that it stored.
func (p *place) put(h http.Handler, target, account string, c call, header ...string) error {
	query := url.Values{}
	for field, value := range c.fields {
		query.Set(field, value)
	}
	r := httptest.NewRequestWithContext(p.Context(), http.MethodPut, target+"?"+query.Encode(), bytes.NewReader(c.audio))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		return fmt.Errorf("status %d: %s", w.Code, w.Body)
	}
	return p.ingest(recording.AudioKey(account, p.only(account).ID))
}

const maxAudio = 1 << 20

// ingest handles the bucket's event about an object.
func (p *place) ingest(key string) error {
	g := bucket.Ingester{Store: p.store, Audio: p.bucket, Names: p.names, MaxBytes: maxAudio, Now: clock}
	_, err := g.Ingest(p.Context(), incoming.Arrival{Key: key, Sequencer: "0A"})
	return err
}

// inboxFile drops a file with a sidecar into an inbox.
func (p *place) inboxFile(account string, c call) error {
	audio, sidecar := recording.InboxKey(account, "call.wav"), recording.InboxKey(account, "call.json")
	text := c.sidecar(p)
	check(p, p.bucket.Put(p.Context(), sidecar, "application/json", bytes.NewReader(text), int64(len(text))))
	check(p, p.bucket.Put(p.Context(), audio, "audio/wav", bytes.NewReader(c.audio), int64(len(c.audio))))
	return p.ingest(audio)
}

// upload adds a file as the command line does.
func (p *place) upload(account string, c call) error {
	start, err := strconv.ParseInt("0"+c.fields["start"], 10, 64)
	check(p, err)
	if owner := c.fields["owner_id"]; owner != "" && !auth.ValidName(owner) {
		return fmt.Errorf("owner %q", owner) // the command line checks it before it opens a file
	}
	if address := c.fields["url"]; address != "" {
		return fmt.Errorf("url %q", address) // the command line has no option for it
	}
	u := upload.Uploader{Store: p.store, Audio: p.bucket, Now: clock, Random: rand.Reader}
	_, err = u.Add(p.Context(), upload.Request{
		Account: account, ID: c.fields["id"], Owner: c.fields["owner_id"], Direction: c.fields["direction"], Start: recording.Seconds(start),
		Caller: c.fields["from"], Callee: c.fields["to"], UserMetadata: c.fields["user_metadata"],
	}, bytes.NewReader(c.audio), int64(len(c.audio)), nil)
	return err
}

// importFolder imports a folder with an audio file and a sidecar.
func (p *place) importFolder(account string, c call) error {
	root := p.TempDir()
	text := c.sidecar(p)
	check(p, os.WriteFile(filepath.Join(root, "call.json"), text, 0o600))
	check(p, os.WriteFile(filepath.Join(root, "call.wav"), c.audio, 0o600))
	return importer.Run(p.Context(), folder.Source{Root: root, Account: account, Names: p.names},
		importer.Target{Store: p.store, Audio: p.bucket},
		importer.Options{Concurrency: 1, MaxBytes: maxAudio, Now: clock, Tally: &importer.Tally{}})
}

// all returns the recordings of an account.
func (p *place) all(account string) []recording.Recording {
	p.Helper()
	page, err := p.store.Page(p.Context(), store.Query{Account: account, Limit: 10})
	check(p, err)
	return page.Recordings
}

// only returns the one recording of an account.
func (p *place) only(account string) *recording.Recording {
	p.Helper()
	all := p.all(account)
	if len(all) != 1 {
		p.Fatalf("%d recordings in %s, want one", len(all), account)
	}
	r, err := p.store.Get(p.Context(), account, all[0].ID)
	check(p, err)
	return r
}

// plays reports whether the recording's audio is stored as it was sent.
func (p *place) plays(r *recording.Recording, audio []byte) bool {
	p.Helper()
	body, _, err := p.bucket.Open(p.Context(), r.AudioKey(), "", nil)
	check(p, err)
	defer body.Close() //nolint:errcheck // read-only
	got, err := io.ReadAll(body)
	check(p, err)
	return bytes.Equal(got, audio)
}

var _ media.Objects = (*s3media.Bucket)(nil)

// accountOf makes an account ID of a test's name.
func accountOf(parts ...string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == ',' || r == ';' {
			return '_'
		}
		return r
	}, strings.Join(parts, "-"))
}

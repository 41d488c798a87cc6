//go:build e2e

package isolation_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/openapi"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// now is the time in the world.
var now = time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)

// tree has the accounts with the account above them. "alone" is in no tree, and "off" is
// disabled, with everything below it.
var tree = []struct{ account, parent string }{
	{"root", ""},
	{"reseller", "root"},
	{"tenant-a", "reseller"},
	{"tenant-b", "reseller"},
	{"other-reseller", "root"},
	{"tenant-c", "other-reseller"},
	{"off", "reseller"},
	{"below-off", "off"},
	{"alone", ""},
}

// users are the users of every account, with their stored role; "" for none. They have
// the same IDs in all accounts, which must not mix them up.
var users = map[string]access.Role{
	"ann": access.Admin, "aud": access.Auditor, "sue": access.Supervisor, "uma": access.User, "nil": "", "mel": access.User, "max": "",
}

// groups are the groups of every account.
var groups = map[string]struct{ leaders, members []string }{
	"sales": {leaders: []string{"sue"}, members: []string{"mel", "max"}},
	"help":  {leaders: []string{"uma"}, members: []string{"nil"}}, // uma is not a supervisor, so this gives her no rights
}

// one is a recording of the world.
type one struct {
	account, owner, id string
	// mark is in its document, and heard in its audio.
	mark, heard string
}

// bearer is the bearer of a token; account "" for none.
type bearer struct{ account, owner, token string }

// world is a store with marked recordings, and the API over it.
type world struct {
	handlers   map[api.Operation]http.Handler
	recordings []one
	byMark     map[string]*one
	bearers    []bearer
	disabled   map[string]bool
	// links has the paths of all links.
	links sync.Map
	above map[string]string
}

// newWorld makes the world.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{byMark: map[string]*one{}, disabled: map[string]bool{"off": true, "below-off": true}, above: map[string]string{}}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: func() time.Time { return now }, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.fillAccess(t, s)
	w.fillRecordings(t, s)
	w.open(t, s)
	return w
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) fillAccess(t *testing.T, s *sqlite.Store) {
	t.Helper()
	accounts, directory := access.NewTree(s), access.NewDirectory(s)
	for _, a := range tree {
		must(t, accounts.Add(t.Context(), a.account, a.parent, ""))
		w.above[a.account] = a.parent
		for id, role := range users {
			if role != "" {
				_, err := directory.SetUser(t.Context(), a.account, id, access.UserEntry{Role: role})
				must(t, err)
			}
		}
		for id, g := range groups {
			_, err := directory.SetGroup(t.Context(), a.account, id, access.Group{Leaders: g.leaders})
			must(t, err)
			must(t, directory.AddMembers(t.Context(), a.account, id, g.members...))
		}
	}
	must(t, accounts.Disable(t.Context(), "off"))
}

// markOf returns a text that occurs nowhere else.
func markOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "/")))
	return "MARK" + hex.EncodeToString(sum[:9])
}

// eachOwner is how many recordings an owner has.
const eachOwner = 3

func (w *world) fillRecordings(t *testing.T, s *sqlite.Store) {
	t.Helper()
	n := 0
	for _, a := range tree {
		for _, owner := range append([]string{""}, sortedUsers()...) {
			for i := range eachOwner {
				n++
				// IDs repeat across accounts, too.
				r := one{account: a.account, owner: owner, id: fmt.Sprintf("202603-%s%d", owner, i)}
				r.mark, r.heard = markOf(r.account, r.owner, r.id), markOf(r.account, r.owner, r.id, "audio")
				text := fmt.Sprintf(`{"call_id":"c-%d","direction":"inbound","from":"%s@example.com","caller_id_name":%q,"name":"%s.mp3","user_metadata":{"note":%q}}`, n, r.mark, r.mark, r.mark, r.mark)
				if owner != "" {
					text = strings.Replace(text, "{", fmt.Sprintf(`{"owner_id":%q,`, owner), 1)
				}
				doc, err := recording.ParseDocument([]byte(text))
				must(t, err)
				at := recording.SecondsOf(now.Add(-time.Duration(n%37) * time.Hour))
				must(t, s.Put(t.Context(), &recording.Recording{
					Account: r.account, ID: r.id, Owner: owner, Created: at, Modified: at, Document: doc,
					Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: int64(len(r.heard))},
				}))
				w.recordings = append(w.recordings, r)
			}
		}
	}
	for i := range w.recordings {
		r := &w.recordings[i]
		w.byMark[r.mark], w.byMark[r.heard] = r, r
	}
}

// open opens the API, and signs a token for every account and user.
func (w *world) open(t *testing.T, s *sqlite.Store) {
	t.Helper()
	jwks, err := auth.NewKeys(rand.Reader, "test")
	must(t, err)
	keys, err := auth.ParseKeys(jwks)
	must(t, err)
	for _, a := range tree {
		for _, owner := range append([]string{"", "stranger"}, sortedUsers()...) {
			token, err := auth.Sign(jwks, auth.Claims{Account: a.account, Owner: owner, Expires: now.Add(time.Hour)})
			must(t, err)
			w.bearers = append(w.bearers, bearer{a.account, owner, token})
		}
	}
	clock := func() time.Time { return now }
	sealer, err := cursor.New(strings.Repeat("k", 32), "")
	must(t, err)
	env := api.Env{
		Verifier: auth.NewVerifier(keys, clock), Now: clock, Node: "test",
		Access: access.NewResolver(s, access.Options{Default: access.OwnOnly, Now: clock}),
	}
	audio := w.audio()
	w.handlers = map[api.Operation]http.Handler{
		api.OpList: api.List(env, s, sealer, true), api.OpGet: api.Get(env, s, audio, api.Delivery{}),
		api.OpPatch: api.Patch(env, s), api.OpDelete: api.Delete(env, s, audio, 0),
		api.OpCreate:    api.Create(env, s, api.Uploads{Audio: audio, MaxBytes: 1 << 20, TTL: time.Minute}),
		api.OpAccess:    api.Manage(env, s, sealer, nil),
		api.OpRetention: api.Retention(env, s, hold.NewBook(s, clock, rand.Reader, false)),
		api.OpShare:     api.Share(env, s, link.New(s, clock, rand.Reader), audio, api.Delivery{}, "https://recordings.test"),
		api.OpJobs: api.Jobs(env, &job.Book{Entries: s, Queue: noQueue{}, Now: clock},
			api.JobOptions{Kinds: api.JobKinds(person.Params, true), Files: audio, TTL: time.Minute, FileAge: time.Hour}),
		api.OpChanges:  api.Changes(env, feed.New(s, clock), nil, sealer, 0),
		api.OpFallback: api.Fallback(env, openapi.JSON),
	}
}

// noQueue wakes no workers.
type noQueue struct{}

// Wake implements job.Queue.
func (noQueue) Wake(context.Context, string, time.Duration) error { return nil }

// bucket has the audio of the world's recordings.
type bucket struct {
	byKey map[string]string
}

func (w *world) audio() *bucket {
	b := &bucket{byKey: map[string]string{}}
	for i := range w.recordings {
		r := &w.recordings[i]
		b.byKey[recording.AudioKey(r.account, r.id)] = r.heard
	}
	return b
}

// Stat implements [media.Reader].
func (b *bucket) Stat(_ context.Context, key string) (media.Object, error) {
	data, ok := b.byKey[key]
	if !ok {
		return media.Object{}, media.ErrNotFound
	}
	return media.Object{Size: int64(len(data)), ContentType: "audio/mpeg", ETag: `"` + key + `"`, Modified: now}, nil
}

// Open implements [media.Reader].
func (b *bucket) Open(ctx context.Context, key, _ string, part *media.Part) (io.ReadCloser, media.Object, error) {
	o, err := b.Stat(ctx, key)
	if err != nil {
		return nil, o, err
	}
	data := b.byKey[key]
	if part != nil {
		data = data[part.Offset : part.Offset+part.Length]
	}
	return io.NopCloser(strings.NewReader(data)), o, nil
}

// Presign implements [media.Reader]. The URL contains the mark of the audio.
func (b *bucket) Presign(_ context.Context, key string, _ media.Grant) (string, error) {
	return "https://bucket.test/" + b.byKey[key], nil
}

// PresignPut implements [media.Uploader].
func (b *bucket) PresignPut(_ context.Context, key string, _ media.Admission) (media.SignedRequest, error) {
	return media.SignedRequest{Method: http.MethodPut, URL: "https://bucket.test/" + key, Expires: now}, nil
}

// PutNew implements [media.Uploader]. It keeps nothing.
func (b *bucket) PutNew(context.Context, string, string, []byte) error { return media.ErrUnavailable }

// Purge implements [media.Purger].
func (b *bucket) Purge(ctx context.Context, _ []string, confirm func(context.Context) error) error {
	return confirm(ctx)
}

// sortedUsers returns the IDs of the users.
func sortedUsers() []string { return slices.Sorted(maps.Keys(users)) }

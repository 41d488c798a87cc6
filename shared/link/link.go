// Package link keeps links: URLs that play one recording without a token, for some
// time and some number of plays (contract, Links).
//
// A link is an entry of package store in the partition account/A, with the key
// link/{recording}/{ID}. Of its secret only the SHA-256 is stored. The secret has the
// form of a storage secret, so that the proxies in front recognize it and keep it out of
// their logs (front/). Expired links are ignored, and removed by the store's expiry.
package link

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Limits.
const (
	// MaxLive is the maximum number of live links of a recording. Clients that make
	// links at the same moment can exceed it by a few.
	MaxLive = 100
	// MaxPlays is the maximum number of plays of a link.
	MaxPlays = 1000
	// MaxAge is the longest time until a link expires.
	MaxAge = 31 * 24 * time.Hour
)

var (
	// ErrDead means that the link does not exist, has expired, was revoked or has no plays
	// left, or that the secret is wrong. Clients get the same answer for all of these.
	ErrDead = errors.New("no such link")
	// ErrTooMany means that the recording has MaxLive live links.
	ErrTooMany = errors.New("too many links")
)

// Maker is the bearer of the token that made a link. Its right to share the recording is
// checked again at each play.
type Maker struct {
	// Issuer, Account, Owner, Role and Groups are those of the token (auth.Bearer).
	Issuer  string   `json:"issuer,omitempty"`
	Account string   `json:"account"`
	Owner   string   `json:"owner,omitempty"`
	Role    string   `json:"role,omitempty"`
	Groups  []string `json:"groups,omitempty"`
}

// Link is a link without its secret.
type Link struct {
	// Account, Recording and ID identify the link.
	Account   string `json:"-"`
	Recording string `json:"-"`
	ID        string `json:"-"`
	// Maker made the link.
	Maker Maker `json:"maker"`
	// Created and Expires are in Gregorian seconds.
	Created recording.Seconds `json:"created"`
	Expires recording.Seconds `json:"expires"`
	// Plays is the maximum number of plays; 0 means unlimited. Used is the number of plays
	// so far, counted only if there is a limit.
	Plays int `json:"plays"`
	Used  int `json:"used"`
	// Inline shows the audio in the browser instead of saving it.
	Inline bool `json:"inline,omitempty"`
}

// stored is the value of a link in the store.
type stored struct {
	Link
	// Sum is the SHA-256 of the secret, in hex.
	Sum string `json:"sum"`
	// Listeners are the clients that have begun a play and have not ended it.
	Listeners []listener `json:"listeners,omitempty"`
}

// listener is a client within one play.
type listener struct {
	Client string            `json:"client"` // see clientOf
	Until  recording.Seconds `json:"until"`
}

// Links keeps the links of all accounts.
type Links struct {
	entries store.Entries
	now     func() time.Time
	random  io.Reader
}

// New returns the links in entries. random is the source of secrets and IDs.
func New(entries store.Entries, now func() time.Time, random io.Reader) *Links {
	return &Links{entries: entries, now: now, random: random}
}

func prefix(recordingID string) string { return "link/" + recordingID + "/" }

func (l *Link) key() store.EntryKey {
	return store.EntryKey{Partition: access.Partition(l.Account), Key: prefix(l.Recording) + l.ID}
}

// Draft gives a new link its ID, its creation time and its secret. The caller sets the
// other fields. [Links.Make] stores the link.
func (s *Links) Draft(l Link) (drafted Link, secret string, err error) {
	var random [8 + 32]byte
	if _, err := io.ReadFull(s.random, random[:]); err != nil {
		return Link{}, "", fmt.Errorf("make a secret: %w", err)
	}
	l.ID = hex.EncodeToString(random[:8])
	secret = l.ID[:8] + "-" + base64.RawURLEncoding.EncodeToString(random[8:])
	l.Created = recording.SecondsOf(s.now())
	return l, secret, nil
}

// Make stores a link that Draft returned. Errors: ErrTooMany, and those of the store.
func (s *Links) Make(ctx context.Context, l Link, secret string) error {
	live, err := s.List(ctx, l.Account, l.Recording)
	if err != nil {
		return err
	}
	if len(live) >= MaxLive {
		return fmt.Errorf("%w: %d", ErrTooMany, len(live))
	}
	if err := s.write(ctx, stored{Link: l, Sum: sumOf(secret)}, ""); err != nil {
		return fmt.Errorf("make a link: %w", err)
	}
	return nil
}

// List returns the live links of a recording, ordered by ID. Errors: those of the store.
func (s *Links) List(ctx context.Context, account, recordingID string) ([]Link, error) {
	q := store.EntryQuery{Partition: access.Partition(account), Prefix: prefix(recordingID), Limit: 2 * MaxLive}
	var live []Link
	for e, err := range store.AllEntries(ctx, s.entries, q) {
		if err != nil {
			return nil, fmt.Errorf("list links: %w", err)
		}
		l, err := s.decode(account, recordingID, e)
		if err != nil {
			return nil, err
		}
		if s.live(&l) {
			live = append(live, l.Link)
		}
	}
	return live, nil
}

// Find returns a live link. Errors: ErrDead if there is none, and those of the store.
func (s *Links) Find(ctx context.Context, account, recordingID, id string) (Link, error) {
	l, _, err := s.find(ctx, account, recordingID, id)
	return l.Link, err
}

// Revoke removes a link. Errors: ErrDead if there is no such live link, and those of the
// store.
func (s *Links) Revoke(ctx context.Context, account, recordingID, id string) error {
	l, _, err := s.find(ctx, account, recordingID, id)
	if err != nil {
		return err
	}
	if err := s.entries.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{EntryKey: l.key()}, Delete: true}); err != nil {
		return fmt.Errorf("revoke a link: %w", err)
	}
	return nil
}

// Open returns the link with a secret, without a play. Errors: ErrDead, and those of the
// store.
func (s *Links) Open(ctx context.Context, account, recordingID, id, secret string) (Link, error) {
	l, _, err := s.find(ctx, account, recordingID, id)
	if err != nil {
		return Link{}, err
	}
	if subtle.ConstantTimeCompare([]byte(l.Sum), []byte(sumOf(secret))) != 1 {
		return Link{}, fmt.Errorf("%w: wrong secret", ErrDead)
	}
	return l.Link, nil
}

// playTries is how often Play tries to count a play while other clients do the same.
const playTries = 8

// Play counts a play of l by a client. The requests of one client within window are one
// play. With countIt false, it only reports whether the client could play, as for HEAD.
// Errors: ErrDead if the plays are used up, store.ErrUnavailable if too many clients
// begin at once, and those of the store.
func (s *Links) Play(ctx context.Context, l Link, client string, window time.Duration, countIt bool) error {
	err := store.Retry(ctx, playTries, func() error {
		at, revision, err := s.find(ctx, l.Account, l.Recording, l.ID)
		if err != nil {
			return err
		}
		now, name := recording.SecondsOf(s.now()), clientOf(l.ID, client)
		at.Listeners = slices.DeleteFunc(at.Listeners, func(one listener) bool { return one.Until <= now })
		if at.Plays == 0 || slices.ContainsFunc(at.Listeners, func(one listener) bool { return one.Client == name }) {
			return nil
		}
		if at.Used >= at.Plays {
			return fmt.Errorf("%w: it was played %d times", ErrDead, at.Used)
		}
		if !countIt {
			return nil
		}
		at.Used++
		at.Listeners = append(at.Listeners, listener{Client: name, Until: now + recording.SecondsIn(window)})
		return s.write(ctx, at, revision)
	})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("play a link: %w: too many clients at once", store.ErrUnavailable)
	}
	return err
}

// find returns a live link and its revision.
func (s *Links) find(ctx context.Context, account, recordingID, id string) (stored, string, error) {
	if !validID(id) {
		return stored{}, "", ErrDead // the store may not accept it as a part of a key
	}
	key := store.EntryKey{Partition: access.Partition(account), Key: prefix(recordingID) + id}
	found, err := s.entries.Entries(ctx, key)
	if err != nil {
		return stored{}, "", fmt.Errorf("find a link: %w", err)
	}
	if len(found) == 0 {
		return stored{}, "", ErrDead
	}
	l, err := s.decode(account, recordingID, &found[0])
	if err != nil {
		return stored{}, "", err
	}
	if !s.live(&l) {
		return stored{}, "", fmt.Errorf("%w: it has expired", ErrDead)
	}
	return l, found[0].Revision, nil
}

// validID reports whether id has the form of a link's ID: 16 hex digits.
func validID(id string) bool { return len(id) == 16 && strings.Trim(id, "0123456789abcdef") == "" }

func (s *Links) live(l *stored) bool { return recording.SecondsOf(s.now()) < l.Expires }

func (s *Links) decode(account, recordingID string, from *store.Entry) (stored, error) {
	var l stored
	if err := json.Unmarshal(from.Value, &l); err != nil {
		return l, fmt.Errorf("decode a link: %w", err)
	}
	l.Account, l.Recording, l.ID = account, recordingID, from.Key[len(prefix(recordingID)):]
	return l, nil
}

// write stores a link that was read with that revision, "" for a new one.
func (s *Links) write(ctx context.Context, l stored, revision string) error {
	value, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode a link: %w", err)
	}
	return s.entries.WriteEntries(ctx, store.Replace(store.Entry{EntryKey: l.key(), Value: value, Revision: revision, Expires: l.Expires}))
}

// sumOf returns the SHA-256 of a secret, in hex.
func sumOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// clientOf returns a short hash that stands for a client within a link. The link's ID
// keeps the hashes of different links apart.
func clientOf(id, client string) string {
	sum := sha256.Sum256([]byte(id + "\n" + client))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

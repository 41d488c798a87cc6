package issuer

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
)

// Partition is the partition of the entries of issuers.
const Partition = "issuers"

// Key is a public key of an issuer.
type Key struct {
	// ID is its kid, "" for none.
	ID string `json:"kid,omitempty"`
	// Algorithms are the algorithms that it is used with.
	Algorithms []string `json:"algorithms"`
	// DER is the key as a SubjectPublicKeyInfo.
	DER []byte `json:"spki"`
}

// Keys are the keys of an issuer, and how they were fetched.
type Keys struct {
	// List are the keys, at most MaxKeys.
	List []Key `json:"keys"`
	// Fetched is when they were fetched or given, in Unix seconds; 0 means never.
	Fetched int64 `json:"fetched,omitempty"`
	// Skipped has the reason for each key that cannot be used.
	Skipped []string `json:"skipped,omitempty"`
	// Failure is why the last fetch failed, "" if it succeeded. Failed is the time of
	// the first failure since the last success, in Unix seconds.
	Failure string `json:"failure,omitempty"`
	Failed  int64  `json:"failed,omitempty"`
}

// Record is an issuer as it is stored.
type Record struct {
	// Name identifies the issuer; it has the form of auth.ValidName.
	Name string `json:"-"`
	Definition
	Keys

	// revision is that of the entry.
	revision string
}

// FetchedAt returns the time of Fetched.
func (r *Record) FetchedAt() time.Time { return time.Unix(r.Fetched, 0).UTC() }

// record decodes an entry.
func record(e store.Entry) (Record, error) {
	r := Record{Name: e.Key, revision: e.Revision}
	if err := json.Unmarshal(e.Value, &r); err != nil {
		return Record{}, fmt.Errorf("issuer %s: %w", e.Key, err)
	}
	return r, nil
}

// entry encodes a record.
func (r *Record) entry() (store.Entry, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return store.Entry{}, fmt.Errorf("issuer %s: %w", r.Name, err)
	}
	return store.Entry{EntryKey: key(r.Name), Value: value, Revision: r.revision}, nil
}

// key returns the key of an issuer's entry.
func key(name string) store.EntryKey { return store.EntryKey{Partition: Partition, Key: name} }

// issuer returns the issuer as package auth uses it.
func (r *Record) issuer() (*auth.Issuer, error) {
	restrictions, err := r.restrictions()
	if err != nil {
		return nil, fmt.Errorf("issuer %s: %w", r.Name, err)
	}
	i := &auth.Issuer{
		Name: r.Name, Iss: r.Iss, Audiences: r.Audiences, Accounts: r.Accounts, Require: r.Require,
		Claims:       auth.ClaimNames{Account: r.AccountClaim, Owner: r.OwnerClaim, Role: r.RoleClaim, Groups: r.GroupsClaim},
		Roles:        r.roles(),
		MaxTTL:       time.Duration(r.MaxTTL) * time.Second,
		Restrictions: restrictions,
	}
	for _, k := range r.List {
		i.Keys = append(i.Keys, auth.IssuerKey(k))
	}
	return i, nil
}

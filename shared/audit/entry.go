package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
)

// Result is how an audited request ended.
type Result string

// The results.
const (
	// Done means that the request was served, or was about to be when the entry was
	// written.
	Done Result = "done"
	// Refused means that the access rules did not allow it.
	Refused Result = "refused"
	// Failed means that a change failed after its entry with Done was stored.
	Failed Result = "failed"
)

// Actor is who sent a request. It has no names of people, only IDs.
type Actor struct {
	// Issuer is the name of the token's issuer, "" for a key of TOKEN_KEYS, CommandLine or
	// Retention.
	Issuer string `json:"issuer,omitempty"`
	// Subject is the token's subject; "" if it has none.
	Subject string `json:"subject,omitempty"`
	// Account and Owner are those of the token.
	Account string `json:"account,omitempty"`
	Owner   string `json:"owner,omitempty"`
	// Role is the actor's role at the time of the request.
	Role access.Role `json:"role,omitempty"`
}

// Entry is one line of the trail.
type Entry struct {
	// Account names the trail: the account of the request's path, or System.
	Account string `json:"-"`
	// Time is when the entry was made, to the millisecond. [Trail.Record] sets it.
	Time time.Time `json:"-"`
	// Actor is who did it.
	Actor Actor `json:"actor"`
	// Action is the operation.
	Action access.Action `json:"action"`
	// Recording is the ID of the recording, "" if the action concerned no recording.
	Recording string `json:"recording,omitempty"`
	// Recordings are the IDs if it concerned several at once, at most MaxRecordings.
	Recordings []string `json:"recordings,omitempty"`
	// Object is what else was changed, such as "user/U" or "issuer/N".
	Object string `json:"object,omitempty"`
	// Result is how it ended.
	Result Result `json:"result"`
	// Reason is the reason that the client gave.
	Reason string `json:"reason,omitempty"`
	// RequestID is the ID of the request in the log.
	RequestID string `json:"request_id,omitempty"`
	// Address is the client's address, truncated as configured.
	Address string `json:"address,omitempty"`
	// Link is the ID of the link, if a link played the recording.
	Link string `json:"link,omitempty"`
}

// stored is the value of an entry in the store.
type stored struct {
	Entry
	// Previous is the hash of the entry before it in the chain, in hex; "" for the first.
	Previous string `json:"previous,omitempty"`
}

const (
	// System is the name of the trail of changes that concern all accounts, such as those
	// of token issuers. No account has this name.
	System = "system."
	// CommandLine is the issuer of actors that use the command line.
	CommandLine = "cli"
	// Retention is the issuer of the actor that removes expired recordings.
	Retention = "retention"
	// MaxRecordings is the largest number of recordings in one entry.
	MaxRecordings = 100
)

const (
	entryPartition = "audit/"
	daysPartition  = "auditdays/"
	dayFormat      = "2006-01-02"
)

// partition returns the partition of an account's entries of a day.
func partition(account, day string) string { return entryPartition + account + "/" + day }

// place is the place of an entry: its time, and its place in a chain.
type place struct {
	time     time.Time
	writer   string
	sequence int
}

// key returns the key of an entry. Keys sort by time.
func (p place) key() string {
	return fmt.Sprintf("%013d#%s#%06d", p.time.UnixMilli(), p.writer, p.sequence)
}

// parseKey parses a key made by place.key. ok is false for any other text.
func parseKey(key string) (p place, ok bool) {
	parts := strings.Split(key, "#")
	if len(parts) != 3 {
		return p, false
	}
	var ms int64
	if _, err := fmt.Sscanf(parts[0], "%d", &ms); err != nil {
		return p, false
	}
	if _, err := fmt.Sscanf(parts[2], "%d", &p.sequence); err != nil {
		return p, false
	}
	p.time, p.writer = time.UnixMilli(ms).UTC(), parts[1]
	return p, p.key() == key
}

// hash returns the hash of an entry: of its key and its value, in hex.
func hash(key string, value []byte) string {
	h := sha256.New()
	h.Write([]byte(key))
	h.Write([]byte{'\n'})
	h.Write(value)
	return hex.EncodeToString(h.Sum(nil))
}

// decode decodes an entry of an account.
func decode(account string, from *store.Entry) (p place, e stored, err error) {
	p, ok := parseKey(from.Key)
	if !ok {
		return p, e, fmt.Errorf("audit trail of %s: malformed key", account)
	}
	if err := json.Unmarshal(from.Value, &e); err != nil {
		return p, e, fmt.Errorf("audit trail of %s: malformed entry: %w", account, err)
	}
	e.Account, e.Time = account, p.time
	return p, e, nil
}

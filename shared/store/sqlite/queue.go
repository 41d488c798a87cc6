package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Queue is the name of a durable queue in the file.
type Queue string

const (
	// Changes holds store.Change values as JSON, without documents, in the
	// order of the writes. See Options.QueueChanges.
	Changes Queue = "changes"
	// Arrivals holds events of the local object store, as JSON.
	Arrivals Queue = "arrivals"
)

// Message is one entry of a queue.
type Message struct {
	// Number identifies the message and gives its place in the queue.
	Number int64
	// Body is the content passed to Enqueue.
	Body []byte
	// Tries counts the calls of PutOff since the message was added or replayed.
	Tries int
}

// dueOnReplay is the due time of a message that is set aside until a replay.
const dueOnReplay = -1

// queueChange adds a change to the queue Changes, in the transaction of the
// change itself.
func (s *Store) queueChange(ctx context.Context, tx *sql.Tx, before, after *store.Image) error {
	if !s.queueChanges {
		return nil
	}
	body, err := json.Marshal(store.Change{Before: trimmed(before), After: trimmed(after), At: s.now().UTC()})
	if err != nil {
		return fmt.Errorf("encode a change: %w", err)
	}
	_, err = tx.ExecContext(ctx, insertMessage, Changes, body, "")
	return err
}

// trimmed returns i without the fields that events do not need, such as the
// document.
func trimmed(i *store.Image) *store.Image {
	if i == nil {
		return nil
	}
	t := *i
	t.Recording.Document, t.Recording.Upload, t.Recording.Made = "", recording.Upload{}, ""
	return &t
}

const insertMessage = "INSERT INTO queue (name, body, account) VALUES (?, ?, ?)"

// accountOf returns the account of an S3 event: the second segment of the first
// object's key. It returns "" for any other message.
func accountOf(body []byte) string {
	var event struct {
		Records []struct {
			S3 struct{ Object struct{ Key string } }
		}
	}
	if json.Unmarshal(body, &event) != nil || len(event.Records) == 0 {
		return ""
	}
	_, rest, _ := strings.Cut(event.Records[0].S3.Object.Key, "/")
	account, _, found := strings.Cut(rest, "/")
	if !found {
		return ""
	}
	return account
}

// Enqueue appends body to a queue. Once it returns without an error, the message
// survives a crash. Errors: ErrUnavailable.
func (s *Store) Enqueue(ctx context.Context, q Queue, body []byte) error {
	if _, err := s.write.ExecContext(ctx, insertMessage, q, body, accountOf(body)); err != nil {
		return fail("append to the queue", string(q), "", err)
	}
	return nil
}

// Due returns up to limit messages that are due now, in order. They stay in the
// queue until Done. Errors: ErrUnavailable.
func (s *Store) Due(ctx context.Context, q Queue, limit int) ([]Message, error) {
	return s.messages(ctx, q, "SELECT number, body, tries FROM queue WHERE name = ? AND due BETWEEN 0 AND ?"+
		" ORDER BY number LIMIT ?", q, s.now().UnixMilli(), limit)
}

// messages returns the messages that a query selects.
func (s *Store) messages(ctx context.Context, q Queue, query string, args ...any) ([]Message, error) {
	const action = "read the queue"
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fail(action, string(q), "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var due []Message
	for rows.Next() {
		var m Message
		if err := rows.Scan(&m.Number, &m.Body, &m.Tries); err != nil {
			return nil, fail(action, string(q), "", err)
		}
		due = append(due, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fail(action, string(q), "", err)
	}
	return due, nil
}

// selectAccounts lists the accounts with due messages. It jumps from account to
// account in the index queue_account.
const selectAccounts = `
WITH RECURSIVE accounts (account) AS (
  SELECT min(account) FROM queue WHERE name = ?1
  UNION ALL
  SELECT (SELECT min(account) FROM queue WHERE name = ?1 AND account > accounts.account) FROM accounts
    WHERE accounts.account IS NOT NULL
)
SELECT account FROM accounts WHERE account IS NOT NULL
  AND EXISTS (SELECT 1 FROM queue INDEXED BY queue_account WHERE name = ?1 AND account = accounts.account AND due BETWEEN 0 AND ?2)`

// DueAccounts returns the accounts that have due messages in a queue. "" stands
// for messages without an account. Errors: ErrUnavailable.
func (s *Store) DueAccounts(ctx context.Context, q Queue) ([]string, error) {
	found, err := s.keys(ctx, "list the accounts in the queue "+string(q), selectAccounts, asStored, q, s.now().UnixMilli())
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// selectDueOf reads the due messages of one account.
const selectDueOf = "SELECT number, body, tries FROM queue INDEXED BY queue_account" +
	" WHERE name = ? AND account = ? AND due BETWEEN 0 AND ? ORDER BY number LIMIT ?"

// DueOf returns up to limit messages of an account that are due now, in order.
// They stay in the queue until Done. Errors: ErrUnavailable.
func (s *Store) DueOf(ctx context.Context, q Queue, account string, limit int) ([]Message, error) {
	return s.messages(ctx, q, selectDueOf, q, account, s.now().UnixMilli(), limit)
}

// Counts returns two numbers of messages in a queue: those that wait for their
// next try, and those that are set aside until a replay or a retry.
// Errors: ErrUnavailable.
func (s *Store) Counts(ctx context.Context, q Queue) (waiting, setAside int, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT count(*) FILTER (WHERE due >= 0), count(*) FILTER (WHERE due < 0)"+
		" FROM queue WHERE name = ?", q).Scan(&waiting, &setAside)
	if err != nil {
		return 0, 0, fail("count the messages of the queue", string(q), "", err)
	}
	return waiting, setAside, nil
}

// Done removes a message from its queue. Idempotent. Errors: ErrUnavailable.
func (s *Store) Done(ctx context.Context, number int64) error {
	_, err := s.write.ExecContext(ctx, "DELETE FROM queue WHERE number = ?", number)
	if err != nil {
		return fail("remove a message from its queue", "", "", err)
	}
	return nil
}

// PutOff makes a message due again after a delay; if the delay is negative, only
// after a replay. It counts a try and stores the reason why with the message.
// Errors: ErrUnavailable.
func (s *Store) PutOff(ctx context.Context, number int64, delay time.Duration, why string) error {
	due := s.now().Add(delay).UnixMilli()
	if delay < 0 {
		due = dueOnReplay
	}
	_, err := s.write.ExecContext(ctx, "UPDATE queue SET tries = tries + 1, due = ?, error = ? WHERE number = ?", due, why, number)
	if err != nil {
		return fail("put off a message", "", "", err)
	}
	return nil
}

// Replay makes due all messages that wait for a replay, and resets their tries.
// It returns the number of these messages. Errors: ErrUnavailable.
func (s *Store) Replay(ctx context.Context, q Queue) (int64, error) {
	done, err := s.write.ExecContext(ctx, "UPDATE queue SET tries = 0, due = 0 WHERE name = ? AND due = ?", q, dueOnReplay)
	if err != nil {
		return 0, fail("replay the queue", string(q), "", err)
	}
	return done.RowsAffected()
}

// Retry makes due all messages that wait for a replay, but keeps their tries, so
// that each of them gets one more try. It returns the number of these messages.
// Errors: ErrUnavailable.
func (s *Store) Retry(ctx context.Context, q Queue) (int64, error) {
	done, err := s.write.ExecContext(ctx, "UPDATE queue SET due = 0 WHERE name = ? AND due = ?", q, dueOnReplay)
	if err != nil {
		return 0, fail("retry the queue", string(q), "", err)
	}
	return done.RowsAffected()
}

// Arriving returns the keys of the objects that have an event in the queue
// Arrivals. Errors: ErrUnavailable.
func (s *Store) Arriving(ctx context.Context) (map[string]bool, error) {
	return s.keys(ctx, "list the objects in the queue "+string(Arrivals),
		"SELECT replace(json_extract(CAST(body AS TEXT), '$.Records[0].s3.object.key'), '+', ' ') FROM queue WHERE name = ?", url.PathUnescape, Arrivals)
}

// AudioKeys returns the audio keys of recordings and tombstones that begin with
// prefix and differ from recording.AudioKey. Errors: ErrUnavailable.
func (s *Store) AudioKeys(ctx context.Context, prefix string) (map[string]bool, error) {
	return s.keys(ctx, "list the keys of audio",
		"SELECT audio_key FROM recordings WHERE substr(audio_key, 1, ?) = ?", asStored, len(prefix), prefix)
}

// asStored decodes a key that is stored unencoded.
func asStored(key string) (string, error) { return key, nil }

// keys returns the set of decoded keys that a query selects. It omits keys that
// cannot be decoded.
func (s *Store) keys(ctx context.Context, action, query string, decode func(string) (string, error), args ...any) (map[string]bool, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fail(action, "", "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	found := map[string]bool{}
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return nil, fail(action, "", "", err)
		}
		if key, err := decode(text.String); err == nil {
			found[key] = true
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fail(action, "", "", err)
	}
	return found, nil
}

// Awaiting returns up to limit recordings without audio, of all accounts, in the
// order of account and ID. A server uses it at its start to find audio that
// arrived while it was down. account and id are those of the last recording of
// the previous call, "" for the first call. Errors: ErrUnavailable.
func (s *Store) Awaiting(ctx context.Context, account, id string, limit int) ([]recording.Recording, error) {
	return s.recordings(ctx, "list recordings without audio", selectAwaiting, account, id, limit)
}

// ModifiedSince returns the recordings with managed audio, of all accounts, that
// were changed at or after a time in Gregorian seconds. It reads the whole table.
// Errors: ErrUnavailable.
func (s *Store) ModifiedSince(ctx context.Context, since recording.Seconds) ([]recording.Recording, error) {
	return s.recordings(ctx, "list recent recordings", "SELECT "+columns+" FROM recordings"+
		" WHERE deleted = 0 AND audio_place = 'managed' AND modified >= ?", since)
}

// recordings returns the recordings that a query selects; the query must select
// columns.
func (s *Store) recordings(ctx context.Context, action, query string, args ...any) ([]recording.Recording, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fail(action, "", "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var found []recording.Recording
	for rows.Next() {
		var r recording.Recording
		if err := scan(rows, &r); err != nil {
			return nil, fail(action, "", "", err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fail(action, "", "", err)
	}
	return found, nil
}

const selectAwaiting = "SELECT " + columns + " FROM recordings WHERE deleted = 0 AND audio_place = ''" +
	" AND (account, id) > (?, ?) ORDER BY account, id LIMIT ?"

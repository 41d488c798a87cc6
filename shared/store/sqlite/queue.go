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

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Queue is the name of a durable queue in the file.
type Queue string

const (
	// Changes holds store.Change values as JSON, without documents, in the
	// order of the writes. See Options.QueueChanges.
	Changes Queue = "changes"
	// Arrivals holds events of the local object store, as JSON.
	Arrivals Queue = "arrivals"
	// Index holds the IDs of recordings that were written, by account, for the index of
	// words. See Options.QueueChanges.
	Index Queue = "index"
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
	if _, err = tx.ExecContext(ctx, insertMessage, Changes, body, ""); err != nil {
		return err
	}
	r := after.Recording
	_, err = tx.ExecContext(ctx, insertMessage, Index, []byte(r.ID), r.Account)
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
	if err := s.exec(ctx, insertMessage, q, body, accountOf(body)); err != nil {
		return fail("append to the queue", string(q), "", err)
	}
	return nil
}

// Due returns up to limit messages that are due now, in order. They stay in the
// queue until Done. Errors: ErrUnavailable.
func (s *Store) Due(ctx context.Context, q Queue, limit int) ([]Message, error) {
	return s.messages(ctx, q, selectDue, q, s.now().UnixMilli(), limit)
}

// selectDue reads the due messages in the order of the index queue_waiting. The first
// condition on due lets SQLite use that index, which has no parked messages.
const selectDue = "SELECT number, body, tries FROM queue INDEXED BY queue_waiting" +
	" WHERE name = ? AND due >= 0 AND due <= ? ORDER BY number LIMIT ?"

// messages returns the messages that a query selects.
func (s *Store) messages(ctx context.Context, q Queue, query string, args ...any) ([]Message, error) {
	const action = "read the queue"
	rows, err := s.query(ctx, query, args...)
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
  SELECT min(account) FROM queue INDEXED BY queue_account WHERE name = ?1 AND due >= 0
  UNION ALL
  SELECT (SELECT min(account) FROM queue INDEXED BY queue_account WHERE name = ?1 AND due >= 0 AND account > accounts.account) FROM accounts
    WHERE accounts.account IS NOT NULL
)
SELECT account FROM accounts WHERE account IS NOT NULL
  AND EXISTS (SELECT 1 FROM queue INDEXED BY queue_account WHERE name = ?1 AND account = accounts.account AND due >= 0 AND due <= ?2)`

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
	" WHERE name = ? AND account = ? AND due >= 0 AND due <= ? ORDER BY number LIMIT ?"

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

// deleteDone removes messages by the primary key. It takes a JSON list, so that its
// text is the same for every number of messages.
const deleteDone = "DELETE FROM queue WHERE number IN (SELECT value FROM json_each(?))"

// Done removes messages from their queue, in one transaction. Idempotent.
// Errors: ErrUnavailable.
func (s *Store) Done(ctx context.Context, numbers ...int64) error {
	if len(numbers) == 0 {
		return nil
	}
	list, err := json.Marshal(numbers)
	if err != nil {
		return fmt.Errorf("encode numbers of messages: %w", err)
	}
	if err := s.exec(ctx, deleteDone, string(list)); err != nil {
		return fail("remove messages from their queue", "", "", err)
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

// The statements that make parked messages due. They contain dueOnReplay, because
// SQLite cannot prove that a parameter matches the condition of the index queue_parked.
const (
	replayParked = "UPDATE queue SET tries = 0, due = 0 WHERE name = ? AND due = -1"
	retryParked  = "UPDATE queue SET due = 0 WHERE name = ? AND due = -1"
)

// Replay makes due all messages that wait for a replay, and resets their tries.
// It returns the number of these messages. Errors: ErrUnavailable.
func (s *Store) Replay(ctx context.Context, q Queue) (int64, error) {
	done, err := s.write.ExecContext(ctx, replayParked, q)
	if err != nil {
		return 0, fail("replay the queue", string(q), "", err)
	}
	return done.RowsAffected()
}

// Retry makes due all messages that wait for a replay, but keeps their tries, so
// that each of them gets one more try. It returns the number of these messages.
// Errors: ErrUnavailable.
func (s *Store) Retry(ctx context.Context, q Queue) (int64, error) {
	done, err := s.write.ExecContext(ctx, retryParked, q)
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

// selectAudioKeys finds audio keys by the index by_audio_key. It takes a JSON list.
const selectAudioKeys = "SELECT audio_key FROM recordings INDEXED BY by_audio_key" +
	" WHERE audio_key <> '' AND audio_key IN (SELECT value FROM json_each(?))"

// AudioKeys returns those of the given keys that are the audio key of a recording or
// a tombstone. It does not find keys that recording.AudioKey returns.
// Errors: ErrUnavailable.
func (s *Store) AudioKeys(ctx context.Context, keys []string) (map[string]bool, error) {
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("encode keys of audio: %w", err)
	}
	return s.keys(ctx, "look up keys of audio", selectAudioKeys, asStored, string(list))
}

// asStored decodes a key that is stored unencoded.
func asStored(key string) (string, error) { return key, nil }

// keys returns the set of decoded keys that a query selects. It omits keys that
// cannot be decoded.
func (s *Store) keys(ctx context.Context, action, query string, decode func(string) (string, error), args ...any) (map[string]bool, error) {
	rows, err := s.query(ctx, query, args...)
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

// selectModified finds recent recordings by the index by_modified. It leaves out
// their documents, which may take many times the memory of the rest.
var selectModified = "SELECT " + strings.Replace(columns, ", doc,", ", '',", 1) + " FROM recordings INDEXED BY by_modified" +
	" WHERE deleted = 0 AND audio_place = 'managed' AND modified >= ?"

// ModifiedSince returns the recordings with managed audio, of all accounts, that
// were changed at or after a time in Gregorian seconds, without their documents.
// Errors: ErrUnavailable.
func (s *Store) ModifiedSince(ctx context.Context, since recording.Seconds) ([]recording.Recording, error) {
	return s.recordings(ctx, "list recent recordings", selectModified, since)
}

// recordings returns the recordings that a query selects; the query must select
// columns.
func (s *Store) recordings(ctx context.Context, action, query string, args ...any) ([]recording.Recording, error) {
	rows, err := s.query(ctx, query, args...)
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

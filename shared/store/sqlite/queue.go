package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
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

// dueOnReplay is the due time of a message that waits for a replay.
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
	_, err = tx.ExecContext(ctx, insertMessage, Changes, body)
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

const insertMessage = "INSERT INTO queue (name, body) VALUES (?, ?)"

// Enqueue appends body to a queue. Once it returns without an error, the message
// survives a crash. Errors: ErrUnavailable.
func (s *Store) Enqueue(ctx context.Context, q Queue, body []byte) error {
	if _, err := s.write.ExecContext(ctx, insertMessage, q, body); err != nil {
		return fail("append to the queue", string(q), "", err)
	}
	return nil
}

// Due returns up to limit messages that are due now, in order. They stay in the
// queue until Done. Errors: ErrUnavailable.
func (s *Store) Due(ctx context.Context, q Queue, limit int) ([]Message, error) {
	const action = "read the queue"
	rows, err := s.read.QueryContext(ctx, "SELECT number, body, tries FROM queue WHERE name = ? AND due BETWEEN 0 AND ?"+
		" ORDER BY number LIMIT ?", q, s.now().UnixMilli(), limit)
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

// Done removes a message from its queue. Idempotent. Errors: ErrUnavailable.
func (s *Store) Done(ctx context.Context, number int64) error {
	_, err := s.write.ExecContext(ctx, "DELETE FROM queue WHERE number = ?", number)
	if err != nil {
		return fail("remove a message from its queue", "", "", err)
	}
	return nil
}

// PutOff makes a message due again after a delay, or only after a replay if the
// delay is negative. It counts a try and stores why with the message.
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

// Arriving returns the keys of the objects that have an event in the queue
// Arrivals. Errors: ErrUnavailable.
func (s *Store) Arriving(ctx context.Context) (map[string]bool, error) {
	return s.keys(ctx, "list the objects in the queue "+string(Arrivals),
		"SELECT replace(json_extract(CAST(body AS TEXT), '$.Records[0].s3.object.key'), '+', ' ') FROM queue WHERE name = ?", url.PathUnescape, Arrivals)
}

// AudioKeys returns the audio keys of recordings and tombstones that begin with
// prefix and differ from recording.AudioKey. Errors: ErrUnavailable.
func (s *Store) AudioKeys(ctx context.Context, prefix string) (map[string]bool, error) {
	asStored := func(key string) (string, error) { return key, nil }
	return s.keys(ctx, "list the keys of audio",
		"SELECT audio_key FROM recordings WHERE substr(audio_key, 1, ?) = ?", asStored, len(prefix), prefix)
}

// keys returns the set of keys that a query selects, decoded. It leaves out keys
// that cannot be decoded.
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
	const action = "list recordings without audio"
	rows, err := s.read.QueryContext(ctx, selectAwaiting, account, id, limit)
	if err != nil {
		return nil, fail(action, account, "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var found []recording.Recording
	for rows.Next() {
		var r recording.Recording
		if err := scan(rows, &r); err != nil {
			return nil, fail(action, account, "", err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fail(action, account, "", err)
	}
	return found, nil
}

const selectAwaiting = "SELECT " + columns + " FROM recordings WHERE deleted = 0 AND audio_place = ''" +
	" AND (account, id) > (?, ?) ORDER BY account, id LIMIT ?"

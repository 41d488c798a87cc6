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

// Queue names a durable queue of the file.
type Queue string

const (
	// Changes are store.Change values as JSON, without documents, in the order
	// in which they were made. See Options.Notes.
	Changes Queue = "changes"
	// Arrivals are events of the local object store.
	Arrivals Queue = "arrivals"
)

// Message is one entry of a queue.
type Message struct {
	// Number orders the messages of a queue.
	Number int64
	// Body is what was put in.
	Body []byte
	// Tries is how often it was put off.
	Tries int
}

// aside is the due time of a message that waits for a replay.
const aside = -1

// noted puts a change into the queue of changes.
func (s *Store) noted(ctx context.Context, tx *sql.Tx, before, after *store.Image) error {
	if !s.notes {
		return nil
	}
	body, err := json.Marshal(store.Change{Before: slim(before), After: slim(after), At: s.now().UTC()})
	if err != nil {
		return fmt.Errorf("note a change: %w", err)
	}
	_, err = tx.ExecContext(ctx, insertMessage, Changes, body)
	return err
}

// slim is i without what nobody is told of.
func slim(i *store.Image) *store.Image {
	if i == nil {
		return nil
	}
	short := *i
	short.Recording.Document, short.Recording.Upload, short.Recording.Made = "", recording.Upload{}, ""
	return &short
}

const insertMessage = "INSERT INTO queue (name, body) VALUES (?, ?)"

// Enqueue puts body into a queue. Once it returns, a crash loses nothing.
// Error: ErrUnavailable.
func (s *Store) Enqueue(ctx context.Context, q Queue, body []byte) error {
	if _, err := s.write.ExecContext(ctx, insertMessage, q, body); err != nil {
		return fail("put into the queue", string(q), "", err)
	}
	return nil
}

// Due returns up to limit messages whose time has come, in order.
// Error: ErrUnavailable.
func (s *Store) Due(ctx context.Context, q Queue, limit int) ([]Message, error) {
	const doing = "read the queue"
	rows, err := s.read.QueryContext(ctx, "SELECT number, body, tries FROM queue WHERE name = ? AND due BETWEEN 0 AND ?"+
		" ORDER BY number LIMIT ?", q, s.now().UnixMilli(), limit)
	if err != nil {
		return nil, fail(doing, string(q), "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var due []Message
	for rows.Next() {
		var m Message
		if err := rows.Scan(&m.Number, &m.Body, &m.Tries); err != nil {
			return nil, fail(doing, string(q), "", err)
		}
		due = append(due, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fail(doing, string(q), "", err)
	}
	return due, nil
}

// Done takes a message out of its queue. Idempotent. Error: ErrUnavailable.
func (s *Store) Done(ctx context.Context, number int64) error {
	_, err := s.write.ExecContext(ctx, "DELETE FROM queue WHERE number = ?", number)
	if err != nil {
		return fail("take out of the queue", "", "", err)
	}
	return nil
}

// PutOff tries a message again after a while, or sets it aside for a replay if
// after is negative. why is kept with it. Error: ErrUnavailable.
func (s *Store) PutOff(ctx context.Context, number int64, after time.Duration, why string) error {
	due := s.now().Add(after).UnixMilli()
	if after < 0 {
		due = aside
	}
	_, err := s.write.ExecContext(ctx, "UPDATE queue SET tries = tries + 1, due = ?, error = ? WHERE number = ?", due, why, number)
	if err != nil {
		return fail("put off in the queue", "", "", err)
	}
	return nil
}

// Replay makes the messages that were set aside due again, as if they were
// new, and returns how many. Error: ErrUnavailable.
func (s *Store) Replay(ctx context.Context, q Queue) (int64, error) {
	done, err := s.write.ExecContext(ctx, "UPDATE queue SET tries = 0, due = 0 WHERE name = ? AND due = ?", q, aside)
	if err != nil {
		return 0, fail("replay the queue", string(q), "", err)
	}
	return done.RowsAffected()
}

// Arriving returns the keys of the objects of which events wait in the queue
// Arrivals. Error: ErrUnavailable.
func (s *Store) Arriving(ctx context.Context) (map[string]bool, error) {
	return s.keys(ctx, "list the objects that the queue tells of",
		"SELECT replace(json_extract(CAST(body AS TEXT), '$.Records[0].s3.object.key'), '+', ' ') FROM queue WHERE name = ?", url.PathUnescape, Arrivals)
}

// AudioKeys returns the keys that begin with prefix under which recordings have
// their audio. Error: ErrUnavailable.
func (s *Store) AudioKeys(ctx context.Context, prefix string) (map[string]bool, error) {
	whole := func(key string) (string, error) { return key, nil }
	return s.keys(ctx, "list the keys of audio",
		"SELECT audio_key FROM recordings WHERE substr(audio_key, 1, ?) = ?", whole, len(prefix), prefix)
}

// keys is the set of keys that a query finds, decoded.
func (s *Store) keys(ctx context.Context, doing, query string, decode func(string) (string, error), args ...any) (map[string]bool, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fail(doing, "", "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	found := map[string]bool{}
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return nil, fail(doing, "", "", err)
		}
		if key, err := decode(text.String); err == nil {
			found[key] = true
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fail(doing, "", "", err)
	}
	return found, nil
}

// Awaiting returns up to limit living recordings without audio, of which an
// object may have arrived while nobody listened; id is that of the last one
// seen before, "" at first. Error: ErrUnavailable.
func (s *Store) Awaiting(ctx context.Context, account, id string, limit int) ([]recording.Recording, error) {
	const doing = "list recordings without audio"
	rows, err := s.read.QueryContext(ctx, selectAwaiting, account, id, limit)
	if err != nil {
		return nil, fail(doing, account, "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var found []recording.Recording
	for rows.Next() {
		var r recording.Recording
		if err := scan(rows, &r); err != nil {
			return nil, fail(doing, account, "", err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fail(doing, account, "", err)
	}
	return found, nil
}

const selectAwaiting = "SELECT " + columns + " FROM recordings WHERE deleted = 0 AND audio_place = ''" +
	" AND (account, id) > (?, ?) ORDER BY account, id LIMIT ?"

package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

// statements keeps prepared statements by their text. To parse a statement and to plan
// it takes a good part of the time of a short read. Only statements from a small set of
// texts are kept, because none is ever dropped.
type statements struct {
	mu  sync.Mutex
	all map[string]*sql.Stmt
}

// get returns the statement, and prepares it the first time.
func (s *statements) get(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	s.mu.Lock()
	kept := s.all[text]
	s.mu.Unlock()
	if kept != nil {
		return kept, nil
	}
	made, err := db.PrepareContext(ctx, text) // without the lock, because it may wait for a connection
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.all[text]; kept != nil {
		_ = made.Close() // another call was faster
		return kept, nil
	}
	if s.all == nil {
		s.all = map[string]*sql.Stmt{}
	}
	s.all[text] = made
	return made, nil
}

// query runs a statement that is kept on a connection for reads.
func (s *Store) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	statement, err := s.reads.get(ctx, s.read, text)
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

// exec runs a statement that is kept on the connection for writes. It must not be called
// in a transaction, which has that connection.
func (s *Store) exec(ctx context.Context, text string, args ...any) error {
	statement, err := s.writes.get(ctx, s.write, text)
	if err == nil {
		_, err = statement.ExecContext(ctx, args...)
	}
	return err
}

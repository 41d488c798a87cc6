package faults

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// faultyDriver is the name of the driver that makes statements of SQLite fail.
const faultyDriver = "sqlite-with-faults"

// sqliteErrors are errors that SQLite itself returns: only their type carries the code.
var sqliteErrors struct {
	busy, full error
}

// register registers the driver, and provokes the errors.
var register = sync.OnceValue(func() error {
	plain, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		return err
	}
	defer plain.Close() //nolint:errcheck // it holds nothing
	sql.Register(faultyDriver, &sqlDriver{next: plain.Driver()})
	return nil
})

// provoke fills sqliteErrors. dir is an empty folder.
func provoke(ctx context.Context, dir string) error {
	path := "file:" + filepath.Join(dir, "busy.db") + "?_pragma=busy_timeout(0)&_txlock=immediate"
	one, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer one.Close() //nolint:errcheck // it holds nothing
	one.SetMaxOpenConns(1)
	if _, err := one.ExecContext(ctx, "CREATE TABLE t (x); PRAGMA max_page_count = 2"); err != nil {
		return err
	}
	_, sqliteErrors.full = one.ExecContext(ctx, "INSERT INTO t VALUES (zeroblob(1000000))")
	tx, err := one.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	two, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer two.Close() //nolint:errcheck // it holds nothing
	_, sqliteErrors.busy = two.BeginTx(ctx, nil)
	if sqliteErrors.busy == nil || sqliteErrors.full == nil {
		return errors.New("SQLite returned no errors")
	}
	return nil
}

// injectors has the injector of each file, by its path.
var injectors sync.Map

// sqlDriver wraps the driver of SQLite.
type sqlDriver struct{ next driver.Driver }

// Open implements [driver.Driver].
func (d *sqlDriver) Open(name string) (driver.Conn, error) {
	next, err := d.next.Open(name)
	if err != nil {
		return nil, err
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(name, "file:"), "?")
	found, ok := injectors.Load(path)
	if !ok {
		return nil, fmt.Errorf("no injector for %s", path)
	}
	return &sqlConn{connection: next.(connection), inject: found.(*injector)}, nil
}

// connection has the methods of a connection that database/sql uses.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqlConn is a connection with faults. The statements of a transaction count as one call:
// if one of them fails, the effect is the same as if the transaction did not begin.
type sqlConn struct {
	connection
	inject *injector
	inTx   bool
}

// do makes a call with its fault.
func do[T any](c *sqlConn, name string, write bool, run func() (T, error), undo func()) (T, error) {
	var zero T
	f := c.inject.next(call{service: database, name: name, write: write})
	switch f {
	case dead, killBefore:
		undo()
		return zero, errKilled
	case throttled:
		undo()
		return zero, sqliteErrors.busy
	case failed500:
		undo()
		return zero, sqliteErrors.full
	case slow:
		time.Sleep(slowness)
	}
	got, err := run()
	switch f {
	case killAfter:
		c.inject.die()
		return zero, errKilled
	case resetAfter:
		return zero, sqliteErrors.full
	}
	return got, err
}

func nothing() {}

// BeginTx implements [driver.ConnBeginTx].
func (c *sqlConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := do(c, "BEGIN", false, func() (driver.Tx, error) { return c.connection.BeginTx(ctx, o) }, nothing)
	if err != nil {
		if tx != nil {
			_ = tx.Rollback()
		}
		return nil, err
	}
	c.inTx = true
	return &sqlTx{tx, c}, nil
}

// ExecContext implements [driver.ExecerContext].
func (c *sqlConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	run := func() (driver.Result, error) { return c.connection.ExecContext(ctx, query, args) }
	if c.inTx {
		return run()
	}
	return do(c, verb(query), true, run, nothing)
}

// QueryContext implements [driver.QueryerContext].
func (c *sqlConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	run := func() (driver.Rows, error) { return c.connection.QueryContext(ctx, query, args) }
	if c.inTx {
		return run()
	}
	return do(c, verb(query), false, run, nothing)
}

// PrepareContext implements [driver.ConnPrepareContext].
func (c *sqlConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	next, err := c.connection.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &sqlStatement{next.(statement), c, verb(query)}, nil
}

// verb returns the first word of a statement.
func verb(query string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return strings.ToUpper(strings.TrimSpace(word))
}

// sqlTx is a transaction with faults.
type sqlTx struct {
	driver.Tx
	conn *sqlConn
}

// Commit implements [driver.Tx].
func (t *sqlTx) Commit() error {
	t.conn.inTx = false
	_, err := do(t.conn, "COMMIT", true, func() (struct{}, error) { return struct{}{}, t.Tx.Commit() }, func() { _ = t.Tx.Rollback() })
	return err
}

// Rollback implements [driver.Tx].
func (t *sqlTx) Rollback() error {
	t.conn.inTx = false
	return t.Tx.Rollback()
}

// statement has the methods of a prepared statement that database/sql uses.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// sqlStatement is a prepared statement with faults.
type sqlStatement struct {
	statement
	conn *sqlConn
	name string
}

// ExecContext implements [driver.StmtExecContext].
func (s *sqlStatement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	run := func() (driver.Result, error) { return s.statement.ExecContext(ctx, args) }
	if s.conn.inTx {
		return run()
	}
	return do(s.conn, s.name, true, run, nothing)
}

// QueryContext implements [driver.StmtQueryContext].
func (s *sqlStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	run := func() (driver.Rows, error) { return s.statement.QueryContext(ctx, args) }
	if s.conn.inTx {
		return run()
	}
	return do(s.conn, s.name, false, run, nothing)
}

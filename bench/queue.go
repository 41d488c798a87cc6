package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/store/sqlite"
)

// queue measures how long a queue of one machine takes to read and remove a message,
// with 100,000 messages waiting. The floor is the same with 1,000.
func (b *bench) queue(ctx context.Context) error {
	const fewer, more = 1_000, 100_000
	var figures [2]float64
	for i, waiting := range []int{more, fewer} {
		path := filepath.Join(b.dir, "queue"+strconv.Itoa(waiting))
		s, err := sqlite.Open(ctx, path, sqlite.Options{Now: time.Now, Random: rand.Reader})
		if err != nil {
			return err
		}
		if err := fillQueue(ctx, path, waiting); err != nil {
			return err
		}
		if figures[i], err = workOff(ctx, s); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	b.add("one machine, queued message of 100,000", "µs", figures[0], figures[1])
	return nil
}

// fillQueue adds n messages of 300 bytes to the queue of changes, in one transaction.
func fillQueue(ctx context.Context, path string, n int) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?)"+
		" INSERT INTO queue (name, body) SELECT ?, hex(zeroblob(150)) FROM n", n, sqlite.Changes)
	return errors.Join(err, db.Close())
}

// workOff returns the time for a message of the queue of changes in µs: the least of
// several batches.
func workOff(ctx context.Context, s *sqlite.Store) (float64, error) {
	const batch, batches = 25, 40
	least := math.MaxFloat64
	for range batches {
		began := time.Now()
		due, err := s.Due(ctx, sqlite.Changes, batch)
		if err != nil {
			return 0, err
		}
		numbers := make([]int64, len(due))
		for i, m := range due {
			numbers[i] = m.Number
		}
		if err := s.Done(ctx, numbers...); err != nil {
			return 0, err
		}
		least = min(least, float64(time.Since(began).Microseconds())/batch)
	}
	return math.Round(least), nil
}

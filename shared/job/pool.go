package job

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// Pool is a [Queue] within a process, with its workers. The accounts take turns: one that
// is woken goes to the end of the line.
//
// An account has at most one message that waits and one that a worker handles. A further wake-up
// renews the message that waits, so an old message never takes the place of a new one, and many
// wake-ups take no more memory than one.
type Pool struct {
	now   func() time.Time
	woken chan struct{}

	mu    sync.Mutex
	turns map[string]*turn // by account; only those with a message
	line  []*turn          // those with a due message
	sent  int
}

// turn has the messages of one account.
type turn struct {
	// message waits. Its ID is "" if none does.
	message Message
	// due is when the message may be delivered. timer fires then; nil if the message is in line,
	// or enters it when busy ends.
	due   time.Time
	timer *time.Timer
	// lined is true while the message is in line.
	lined bool
	// busy is true while a worker handles the message before. The next one enters the line after
	// that.
	busy bool
}

// NewPool returns a pool without workers.
func NewPool(now func() time.Time) *Pool {
	return &Pool{now: now, woken: make(chan struct{}, 1), turns: map[string]*turn{}}
}

// Wake implements [Queue]. If a message waits, it is delivered at the earlier of the two times.
// Its error is always nil.
func (p *Pool) Wake(_ context.Context, account string, delay time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.turns[account]
	if t == nil {
		t = &turn{}
		p.turns[account] = t
	}
	if t.message.ID == "" { // else the ID stays: it may be that of a message that failed
		p.sent++
		t.message, t.due = Message{Account: account, ID: strconv.Itoa(p.sent)}, time.Time{}
	}
	t.message.Sent = p.now()
	p.schedule(t, t.message.Sent, delay)
	return nil
}

// schedule makes the message of t due after a delay, unless it is due earlier. The caller holds
// the lock.
func (p *Pool) schedule(t *turn, now time.Time, delay time.Duration) {
	due := now.Add(max(0, delay))
	if !t.due.IsZero() && !due.Before(t.due) {
		return
	}
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	t.due = due
	if delay <= 0 {
		p.enter(t)
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(delay, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if t.timer == timer { // else it was replaced while it fired
			t.timer = nil
			p.enter(t)
		}
	})
	t.timer = timer
}

// enter puts the due message of t into the line. While a worker handles the message before, enter
// leaves that to done. The caller holds the lock.
func (p *Pool) enter(t *turn) {
	if t.busy || t.lined {
		return
	}
	t.lined = true
	p.line = append(p.line, t)
	p.signal()
}

// signal wakes one worker.
func (p *Pool) signal() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// take returns the message that is next in line.
func (p *Pool) take() (m Message, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.line) == 0 {
		return m, false
	}
	t := p.line[0]
	p.line = p.line[1:]
	if len(p.line) > 0 {
		p.signal()
	}
	m, t.message = t.message, Message{}
	t.lined, t.busy = false, true
	return m, true
}

// done ends the work on a message. If it failed, it is delivered again after retry. A message that
// was sent meanwhile takes its place and gets its ID, because the lease may have that ID.
func (p *Pool) done(m Message, failed bool, retry time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.turns[m.Account]
	t.busy = false
	waits := t.message.ID != ""
	if failed {
		if waits {
			t.message.ID = m.ID
		} else {
			t.message, t.due = m, time.Time{}
		}
		p.schedule(t, p.now(), retry)
		waits = true
	}
	switch {
	case !waits:
		delete(p.turns, m.Account)
	case t.timer == nil:
		p.enter(t)
	}
}

// Work runs a number of workers until ctx ends, and waits for them. slice handles a
// message; if it fails, the message is delivered again after retry. slice runs for one message of
// an account at a time.
func (p *Pool) Work(ctx context.Context, workers int, retry time.Duration, slice func(context.Context, Message) error) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for p.await(ctx) {
				if m, ok := p.take(); ok {
					err := slice(ctx, m)
					p.done(m, err != nil, retry)
				}
			}
		})
	}
	all.Wait()
}

// await waits until a message may be in line, and returns false once ctx has ended.
func (p *Pool) await(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-p.woken:
		return ctx.Err() == nil
	}
}

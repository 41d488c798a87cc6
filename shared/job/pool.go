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
	boxes map[string]*mailbox // by account; only those with a message
	line  []*mailbox          // those with a due message
	sent  int
}

// mailbox has the messages of one account.
type mailbox struct {
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
	return &Pool{now: now, woken: make(chan struct{}, 1), boxes: map[string]*mailbox{}}
}

// Wake implements [Queue]. If a message waits, it is delivered at the earlier of the two times.
// Its error is always nil.
func (p *Pool) Wake(_ context.Context, account string, delay time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.boxes[account]
	if b == nil {
		b = &mailbox{}
		p.boxes[account] = b
	}
	if b.message.ID == "" { // else the ID stays: it may be that of a message that failed
		p.sent++
		b.message, b.due = Message{Account: account, ID: strconv.Itoa(p.sent)}, time.Time{}
	}
	b.message.Sent = p.now()
	p.schedule(b, b.message.Sent, delay)
	return nil
}

// schedule makes the message of b due after a delay, unless it is due earlier. The caller holds
// the lock.
func (p *Pool) schedule(b *mailbox, now time.Time, delay time.Duration) {
	due := now.Add(max(0, delay))
	if !b.due.IsZero() && !due.Before(b.due) {
		return
	}
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	b.due = due
	if delay <= 0 {
		p.enter(b)
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(delay, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if b.timer == timer { // else it was replaced while it fired
			b.timer = nil
			p.enter(b)
		}
	})
	b.timer = timer
}

// enter puts the due message of b into the line. While a worker handles the message before, enter
// leaves that to done. The caller holds the lock.
func (p *Pool) enter(b *mailbox) {
	if b.busy || b.lined {
		return
	}
	b.lined = true
	p.line = append(p.line, b)
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
	b := p.line[0]
	p.line = p.line[1:]
	if len(p.line) > 0 {
		p.signal()
	}
	m, b.message = b.message, Message{}
	b.lined, b.busy = false, true
	return m, true
}

// done ends the work on a message. If it failed, it is delivered again after retry. A message that
// was sent meanwhile takes its place and gets its ID, because the lease may have that ID.
func (p *Pool) done(m Message, failed bool, retry time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.boxes[m.Account]
	b.busy = false
	waits := b.message.ID != ""
	if failed {
		if waits {
			b.message.ID = m.ID
		} else {
			b.message, b.due = m, time.Time{}
		}
		p.schedule(b, p.now(), retry)
		waits = true
	}
	switch {
	case !waits:
		delete(p.boxes, m.Account)
	case b.timer == nil:
		p.enter(b)
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

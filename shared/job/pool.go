package job

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Pool is a [Queue] within a process, with its workers. The accounts take turns: one that
// is woken goes to the end of the line.
type Pool struct {
	now   func() time.Time
	ended <-chan struct{}
	woken chan struct{}
	timed sync.WaitGroup

	mu   sync.Mutex
	line []Message
	sent int
}

// NewPool returns a pool without workers. Delayed messages end with ctx.
func NewPool(ctx context.Context, now func() time.Time) *Pool {
	return &Pool{now: now, woken: make(chan struct{}, 1), ended: ctx.Done()}
}

// Wake implements [Queue].
func (p *Pool) Wake(_ context.Context, account string, delay time.Duration) error {
	p.mu.Lock()
	p.sent++
	m := Message{Account: account, ID: strconv.Itoa(p.sent), Sent: p.now()}
	p.mu.Unlock()
	p.send(m, delay)
	return nil
}

// send puts a message into the line after a delay.
func (p *Pool) send(m Message, delay time.Duration) {
	if delay <= 0 {
		p.add(m)
		return
	}
	p.timed.Go(func() {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-p.ended:
		case <-t.C:
			p.add(m)
		}
	})
}

// add puts a message into the line, unless one for its account waits there.
func (p *Pool) add(m Message) {
	p.mu.Lock()
	if !slices.ContainsFunc(p.line, func(other Message) bool { return other.Account == m.Account }) {
		p.line = append(p.line, m)
	}
	p.mu.Unlock()
	p.signal()
}

// signal wakes one worker.
func (p *Pool) signal() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// take returns the message that is next in line. more is true if others wait.
func (p *Pool) take() (m Message, more, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.line) == 0 {
		return m, false, false
	}
	m, p.line = p.line[0], p.line[1:]
	return m, len(p.line) > 0, true
}

// Work runs a number of workers until ctx ends, and waits for them. slice handles a
// message; if it fails, the message is delivered again after retry.
func (p *Pool) Work(ctx context.Context, workers int, retry time.Duration, slice func(context.Context, Message) error) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for p.await(ctx) {
				m, more, ok := p.take()
				if !ok {
					continue
				}
				if more {
					p.signal()
				}
				if err := slice(ctx, m); err != nil && ctx.Err() == nil {
					p.send(m, retry)
				}
			}
		})
	}
	all.Wait()
	p.timed.Wait()
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

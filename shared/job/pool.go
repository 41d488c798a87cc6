package job

import (
	"context"
	"sync"
	"time"
)

// Pool is a [Queue] within a process, with its workers. The accounts take turns: one that
// is woken goes to the end of the line.
type Pool struct {
	mu    sync.Mutex
	line  []string
	known map[string]bool // the accounts in line
	woken chan struct{}
	timed sync.WaitGroup
	ended <-chan struct{}
}

// NewPool returns a pool without workers. Delayed calls of Wake end with ctx.
func NewPool(ctx context.Context) *Pool {
	return &Pool{known: map[string]bool{}, woken: make(chan struct{}, 1), ended: ctx.Done()}
}

// Wake implements [Queue].
func (p *Pool) Wake(_ context.Context, account string, delay time.Duration) error {
	if delay <= 0 {
		p.add(account)
		return nil
	}
	p.timed.Go(func() {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-p.ended:
		case <-t.C:
			p.add(account)
		}
	})
	return nil
}

func (p *Pool) add(account string) {
	p.mu.Lock()
	if !p.known[account] {
		p.known[account] = true
		p.line = append(p.line, account)
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

// take returns the account that is next in line. more is true if others wait.
func (p *Pool) take() (account string, more, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.line) == 0 {
		return "", false, false
	}
	account, p.line = p.line[0], p.line[1:]
	delete(p.known, account)
	return account, len(p.line) > 0, true
}

// Work runs a number of workers until ctx ends, and waits for them. slice works for one
// account; if it fails, the account is tried again after retry.
func (p *Pool) Work(ctx context.Context, workers int, retry time.Duration, slice func(ctx context.Context, account string) error) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for p.await(ctx) {
				account, more, ok := p.take()
				if !ok {
					continue
				}
				if more {
					p.signal()
				}
				if err := slice(ctx, account); err != nil && ctx.Err() == nil {
					_ = p.Wake(ctx, account, retry) // it never fails
				}
			}
		})
	}
	all.Wait()
	p.timed.Wait()
}

// await waits until an account may be in line, and returns false once ctx has ended.
func (p *Pool) await(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-p.woken:
		return ctx.Err() == nil
	}
}

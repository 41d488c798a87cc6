package faults

import (
	"context"
	"errors"
	"sync"
)

// fault is how a call fails.
type fault string

const (
	none fault = ""
	// refused: the connection is refused.
	refused fault = "refused"
	// resetBefore and resetAfter: the connection breaks before the call takes effect, or
	// before its answer arrives.
	resetBefore fault = "reset-before"
	resetAfter  fault = "reset-after"
	// timedOut: the call has no effect, and the client stops waiting for an answer.
	timedOut fault = "time-out"
	// late: the client stops waiting, and the call takes effect after the next one.
	late fault = "late"
	// truncated: the call takes effect, and its answer ends in the middle.
	truncated fault = "truncated"
	// throttled: the service rejects the call because there are too many.
	throttled fault = "throttled"
	// failed500 has no effect. failed503 has taken effect.
	failed500 fault = "500"
	failed503 fault = "503"
	// condition: another client writes first, so that the condition of the call fails, or
	// the service reports that two transactions met.
	condition fault = "condition-failed"
	// slow: the answer takes longer.
	slow fault = "slow"
	// twice: the call arrives twice, and the client gets the second answer.
	twice fault = "twice"
	// killBefore and killAfter: the process dies before or after the call takes effect.
	killBefore fault = "kill-before"
	killAfter  fault = "kill-after"
	// dead: the process has died before.
	dead fault = "dead"
)

// all are the faults of the enumeration, without kills.
var all = []fault{refused, resetBefore, resetAfter, timedOut, late, truncated, throttled, failed500, failed503, condition, slow, twice}

// kills are the ways to die at a call.
var kills = []fault{killBefore, killAfter}

// The services.
const (
	dynamoDB    = "dynamodb"
	bucketS3    = "s3"
	queueSQS    = "sqs"
	eventBridge = "eventbridge"
	receiver    = "webhook"
	database    = "sqlite"
	eventFile   = "events.jsonl"
)

// call is a call to a service.
type call struct {
	service, name string
	// write is true if the call may change something, conditional if it has a condition.
	write, conditional bool
}

// String returns the call as in "dynamodb PutItem".
func (c call) String() string { return c.service + " " + c.name }

// applies reports whether the call can fail in this way.
func (f fault) applies(c call) bool {
	switch f {
	case killBefore, killAfter, slow:
		return true
	case condition:
		return c.conditional
	}
	switch c.service {
	case database: // busy, full, or an error of the disk after the write
		return f == throttled || f == failed500 || f == resetAfter && c.write
	case eventFile:
		return f == failed500 || f == failed503
	}
	return f != late || c.write
}

// lasting reports whether a fault may also meet the retries of a client of the SDK.
func (f fault) lasting() bool {
	return f != condition && f != slow && f != twice && f != late
}

// errKilled is the error of every call of a process that has died.
var errKilled = errors.New("the process was killed")

// injector numbers the calls of an operation and chooses their faults. It is safe for
// concurrent use.
type injector struct {
	mu sync.Mutex
	// armed is true while the operation runs. calls are its calls so far.
	armed bool
	calls []call
	// fault meets the calls from number at, counted from 1, so many times.
	fault     fault
	at, times int
	// hits counts the calls that the fault has met.
	hits int
	// died is true from the death of a process to the start of the next one. kill ends
	// the contexts of the process.
	died bool
	kill context.CancelFunc
	// delayed are calls that take effect later.
	delayed []func()
}

// next returns the fault of a call.
func (i *injector) next(c call) fault {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.died {
		return dead
	}
	if !i.armed {
		return none
	}
	i.calls = append(i.calls, c)
	n := len(i.calls)
	if i.at == 0 || n < i.at || n >= i.at+i.times || !i.fault.applies(c) {
		return none
	}
	i.hits++
	if i.fault == killBefore {
		i.end()
	}
	return i.fault
}

// end ends the process. The caller holds mu.
func (i *injector) end() {
	i.died = true
	if i.kill != nil {
		i.kill()
	}
}

// die ends the process.
func (i *injector) die() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.end()
}

// dead reports whether the process has died.
func (i *injector) dead() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.died
}

// arm begins or ends the operation.
func (i *injector) arm(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.armed = on
}

// hit reports whether the fault has met a call.
func (i *injector) hit() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.hits > 0
}

// busy reports whether an operation runs.
func (i *injector) busy() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.armed
}

// pause ends the operation, and returns whether there was one.
func (i *injector) pause() (armed bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	armed, i.armed = i.armed, false
	return armed
}

// start begins a process, which ends with kill.
func (i *injector) start(kill context.CancelFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.died, i.kill = false, kill
}

// delay keeps a call for settle.
func (i *injector) delay(do func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delayed = append(i.delayed, do)
}

// settle makes the delayed calls take effect.
func (i *injector) settle() {
	i.mu.Lock()
	waiting := i.delayed
	i.delayed = nil
	i.mu.Unlock()
	for _, do := range waiting {
		do()
	}
}

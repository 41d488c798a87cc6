package historytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// share is the share of calls that fail, in percent.
const share = 15

// maxDelay is the longest delay of a request.
const maxDelay = 3 * time.Millisecond

// fault is how a request fails.
type fault int

const (
	none       fault = iota
	refused          // the connection is refused
	unsent           // the connection breaks before the request arrives
	lost             // the request takes effect, and the connection breaks
	late             // the request takes effect, and the answer is late
	overtaken        // the connection breaks, and the request takes effect later
	throttled        // the service rejects the request, because there are too many
	failed           // 500 without an effect
	failedLate       // 500 although the request takes effect
	faultKinds
)

// Faults chooses the calls that fail. It is safe for concurrent use.
type Faults struct {
	days     int
	mu       sync.Mutex
	random   *rand.Rand
	off      bool
	injected int
	later    sync.WaitGroup // requests that take effect after they failed
}

func newFaults(seed uint64) *Faults {
	return &Faults{random: rand.New(rand.NewPCG(seed, 1)), days: int(seed % 2)}
}

// RestoreDays is how many days a recording that was deleted in this history can be restored:
// 0 in every other history.
func (f *Faults) RestoreDays() int { return f.days }

// next chooses the fault of the next call, and its delay.
func (f *Faults) next() (fault, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		return none, 0
	}
	delay, kind := time.Duration(0), none
	if f.random.IntN(4) == 0 {
		delay = time.Duration(f.random.Int64N(int64(maxDelay)))
	}
	if f.random.IntN(100) < share {
		kind = 1 + fault(f.random.IntN(int(faultKinds)-1))
		f.injected++
	}
	return kind, delay
}

// stop ends the faults, and waits for requests that take effect late.
func (f *Faults) stop() {
	f.mu.Lock()
	f.off = true
	f.mu.Unlock()
	f.later.Wait()
}

// Store returns a store that makes calls of next fail.
func (f *Faults) Store(next faultstore.Driver) *faultstore.Store {
	return faultstore.NewWith(next, func(int) faultstore.Fault {
		kind, delay := f.next()
		time.Sleep(delay)
		switch kind {
		case none:
			return faultstore.Fault{}
		case lost, late, failedLate:
			return faultstore.Fault{When: faultstore.After, Err: fmt.Errorf("%w: answer lost", store.ErrUnavailable)}
		}
		return faultstore.Fault{When: faultstore.Before, Err: fmt.Errorf("%w: refused", store.ErrUnavailable)}
	})
}

// Transport returns a transport that makes requests of next to DynamoDB fail.
func (f *Faults) Transport(next http.RoundTripper) http.RoundTripper { return &transport{f, next} }

type transport struct {
	faults *Faults
	next   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	kind, delay := t.faults.next()
	time.Sleep(delay)
	switch kind {
	case none:
		return t.next.RoundTrip(r)
	case refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case throttled:
		return answer(r, http.StatusBadRequest, "ThrottlingException"), nil
	case failed:
		return answer(r, http.StatusInternalServerError, "InternalServerError"), nil
	case overtaken:
		if err := t.sendLater(r); err != nil {
			return nil, err
		}
	case lost, late, failedLate:
		if err := t.send(r); err != nil {
			return nil, err
		}
	}
	switch kind {
	case failedLate:
		return answer(r, http.StatusInternalServerError, "InternalServerError"), nil
	case late:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// send sends a request and drops the answer.
func (t *transport) send(r *http.Request) error {
	answer, err := t.next.RoundTrip(r)
	if err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	return err
}

// sendLater sends a request after the client has given up on it, so that its own
// retry, or another client, may come first.
func (t *transport) sendLater(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	again := r.Clone(context.WithoutCancel(r.Context()))
	again.Body = io.NopCloser(bytes.NewReader(body))
	wait := time.Duration(len(body)%40) * time.Millisecond
	t.faults.later.Go(func() {
		time.Sleep(wait)
		_ = t.send(again)
	})
	return nil
}

// answer returns an error of DynamoDB.
func answer(r *http.Request, status int, code string) *http.Response {
	body := `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"injected"}`
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

package api

import "net/http"

// answer is the response writer of handlers. It sends only the first status, and
// records the status and the length for the log.
type answer struct {
	http.ResponseWriter
	status int // 0 until a status is sent
	bytes  int64
	head   bool // HEAD: drop the body

	// ready, if not nil, must succeed before anything is sent; see waitFor.
	ready func() error
	// held is the error of ready. Nothing was sent.
	held error
}

// waitFor makes the answer wait for ready. ready is called once. If it fails, the answer is
// not sent, and settle returns the error.
func (a *answer) waitFor(ready func() error) { a.ready = ready }

// settle waits for ready if nothing was sent. It returns the error of ready, or else
// err.
func (a *answer) settle(err error) error {
	a.wait()
	if a.held != nil {
		err, a.held = a.held, nil
	}
	return err
}

// wait calls ready, and reports whether the answer may be sent.
func (a *answer) wait() bool {
	if a.ready != nil {
		a.held, a.ready = a.ready(), nil
	}
	return a.held == nil
}

// WriteHeader sends the first final status and ignores later ones.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || !a.wait() {
		return
	}
	if status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write sends part of the body. It first sends status 200 if no status was sent.
func (a *answer) Write(p []byte) (int, error) { return a.write(p, a.ResponseWriter.Write) }

// WriteOwned is Write for bytes that the caller does not change afterwards. The gateway
// keeps them without a copy.
func (a *answer) WriteOwned(p []byte) (int, error) {
	if to, ok := a.ResponseWriter.(interface{ WriteOwned(p []byte) (int, error) }); ok {
		return a.write(p, to.WriteOwned)
	}
	return a.Write(p)
}

func (a *answer) write(p []byte, write func([]byte) (int, error)) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.held != nil {
		return 0, a.held
	}
	if a.head {
		return len(p), nil
	}
	n, err := write(p)
	a.bytes += int64(n)
	return n, err
}

// writeOwned writes p, which must not change afterwards, without a copy if w can do that.
func writeOwned(w http.ResponseWriter, p []byte) error {
	write := w.Write
	if to, ok := w.(interface{ WriteOwned(p []byte) (int, error) }); ok {
		write = to.WriteOwned
	}
	_, err := write(p)
	return err
}

// Unwrap supports [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// room returns memory for a body of n bytes that is written as a whole. A gateway that
// has such memory need not copy the body.
func room(w http.ResponseWriter, n int64) []byte {
	for {
		switch v := w.(type) {
		case interface{ Room(n int64) []byte }:
			return v.Room(n)
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return make([]byte, n)
		}
	}
}

// reserve reserves memory for a body of n bytes before the body is read. Only the
// local server limits the memory for answers; Lambda does not. Error: errCrowded, if
// the memory does not become free in time.
func reserve(w http.ResponseWriter, n int64) error {
	for {
		switch v := w.(type) {
		case interface{ Reserve(n int64) error }:
			if v.Reserve(n) != nil {
				return errCrowded
			}
			return nil
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return nil
		}
	}
}

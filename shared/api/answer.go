package api

import "net/http"

// answer is the response writer of handlers. It sends the first status only and
// records status and length for the log.
type answer struct {
	http.ResponseWriter
	status int // 0 until a status is sent
	bytes  int64
	head   bool // HEAD: drop the body
}

// WriteHeader sends the first final status and ignores later ones.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	if status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body, after status 200 if no status was sent.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.head {
		return len(p), nil
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap supports [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// reserve makes room for a body of n bytes before it is read into memory. Only the
// gateway of one machine limits the answers in memory. Error: errCrowded, if there is
// no room in time.
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

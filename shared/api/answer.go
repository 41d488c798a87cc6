package api

import "net/http"

// answer is the response writer that handlers get. Whatever stands behind it,
// the first status wins, and what was sent is known to the log.
type answer struct {
	http.ResponseWriter
	status int // 0 until the first
	bytes  int64
	head   bool // HEAD: the body stays here
}

// WriteHeader sends the first final status and drops all that follow.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	if status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body, with 200 if there was no status yet.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.head {
		return len(p), nil
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

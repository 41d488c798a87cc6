package s3server

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"time"
)

// spaceTime is how long a client waits for the head of an answer to a request that takes
// long, and then for each space. Clients commonly wait a minute, but some only ten seconds.
const spaceTime = 5 * time.Second

// answerSlowly answers with the XML document that work returns. If work takes longer than
// spaceTime, the client gets the status 200 before the end, and then spaces. An error is then
// the body of this answer, as in S3
// (docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
func (s *Server) answerSlowly(w http.ResponseWriter, r *http.Request, work func(context.Context) (any, error)) error {
	k := keepWaiting(w, s.spaceTime)
	defer k.stop() // after a panic of work
	answer, err := work(r.Context())
	if begun := k.stop(); !begun {
		if err == nil {
			writeXML(w, r, http.StatusOK, answer)
		}
		return err
	}
	if err != nil {
		answer = errorDocument(w, r, toAPIError(err))
	}
	extendWrite(w)
	_ = xml.NewEncoder(w).Encode(answer) // on error, the client has gone
	return nil
}

// waiter sends spaces to a client that waits.
type waiter struct {
	quit, ended chan struct{}
	stopped     bool
	begun       bool // whether anything was sent
}

// keepWaiting begins an answer after a while, and sends a space each time that as long has
// passed again. Only stop may be called on w until then.
func keepWaiting(w http.ResponseWriter, every time.Duration) *waiter {
	k := &waiter{quit: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(k.ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-k.quit:
				return
			case <-tick.C:
				k.send(w)
			}
		}
	}()
	return k
}

// send sends the beginning of the answer, and then spaces.
func (k *waiter) send(w http.ResponseWriter) {
	text := " "
	if !k.begun {
		k.begun, text = true, xml.Header // no XML declaration may follow a space
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusOK)
	}
	extendWrite(w)
	_, _ = io.WriteString(w, text) // on error, the client has gone; the work goes on
	_ = http.NewResponseController(w).Flush()
}

// stop ends the spaces. begun is true if the answer has begun.
func (k *waiter) stop() (begun bool) {
	if !k.stopped {
		k.stopped = true
		close(k.quit)
	}
	<-k.ended
	return k.begun
}

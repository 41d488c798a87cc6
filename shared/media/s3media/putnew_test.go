package s3media

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
)

// taken answers a PUT with If-None-Match for a key that has an object.
func taken(w http.ResponseWriter, r *http.Request) { answer(412, "PreconditionFailed")(w, r) }

// text answers with an object whose checksum the store has not verified.
func text(body string) fault {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = io.WriteString(w, body)
	}
}

// verified answers with an object whose checksum the store has verified.
func verified(body string) fault {
	return func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(body))
		w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
		text(body)(w, r)
	}
}

func stalledText(w http.ResponseWriter, r *http.Request) {
	bytesOf(5, 2)(w, r)
	<-r.Context().Done()
}

// A key that has an object is compared with the bytes, so that a lost answer does not
// show. The comparison ends within the time limit of the call.
func TestPutNewComparesWhatItFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []faultCase{
		{"occupied", putNew, nil, []fault{taken, ok}, 0, media.ErrOccupied, "", 2, 0},
		{"occupied after a throttled attempt", putNew, nil, []fault{answer(429, "SlowDown"), taken, ok}, 0, media.ErrOccupied, "", 3, 100 * time.Millisecond},
		{"occupied after a lost answer", putNew, nil, []fault{reset, taken, ok}, 0, media.ErrOccupied, "", 3, 100 * time.Millisecond},
		{"stored by an attempt whose answer was lost", putNew, nil, []fault{reset, taken, text("hello")}, 0, nil, "", 4, 100 * time.Millisecond},
		{"stored by an attempt that hung", putNew, nil, []fault{noAnswer, taken, text("hello")}, 29 * time.Second, nil, "", 4, 5100 * time.Millisecond},
		{"stored by an earlier request, with a checksum", putNew, nil, []fault{taken, verified("hello")}, 0, nil, "", 2, 0},
		{"other bytes of the same size", putNew, nil, []fault{taken, text("jello")}, 0, media.ErrOccupied, "", 3, 0},
		{"other bytes of the same size, with a checksum", putNew, nil, []fault{taken, verified("jello")}, 0, media.ErrOccupied, "", 2, 0},
		{"the object is gone again", putNew, nil, []fault{taken, answer(404, ""), ok}, 0, media.ErrUnavailable, "changed meanwhile", 3, 0},
		{"the object changes during the comparison", putNew, nil, []fault{taken, text("hello"), taken}, 0, media.ErrUnavailable, "changed meanwhile", 3, 0},
		{"no answer to the comparison", putNew, nil, []fault{noAnswer, taken, noAnswer}, 29 * time.Second, media.ErrUnavailable, "no answer", 4, 9 * time.Second},
		{"the comparison stalls", putNew, nil, []fault{taken, text("hello"), stalledText}, 29 * time.Second, media.ErrUnavailable, "no byte", 3, 5 * time.Second},
	} {
		t.Run(c.name, c.check)
	}
}

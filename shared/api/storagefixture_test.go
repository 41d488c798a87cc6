package api

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// storageFixture serves storage requests for oneAccount.
type storageFixture struct {
	*single
	handler http.Handler
	secret  string
	base    string
}

func newStorageFixture(t testing.TB) *storageFixture {
	t.Helper()
	s := &storageFixture{single: newSingle(t, Delivery{})}
	s.handler = Receive(oneEnv(t, s.single), s.store, s.storage(t, s.bucket))
	s.secret = s.newSecret(t, oneAccount)
	s.base = "/v2/storage/" + oneAccount + "/" + s.secret + "/"
	return s
}

func (s *storageFixture) storage(t testing.TB, audio StorageAudio) Storage {
	t.Helper()
	names, err := namepattern.Open("", "")
	if err != nil {
		t.Fatal(err)
	}
	return Storage{Audio: audio, MaxBytes: 1 << 30, Names: names.Call}
}

func (s *storageFixture) newSecret(t testing.TB, account string) string {
	t.Helper()
	secret, id, sum, err := auth.NewStorageSecret(rand.Reader)
	if err == nil {
		err = s.store.AddSecret(t.Context(), store.Secret{Account: account, ID: id, Sum: sum})
	}
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// ask sends a storage request. Like a PBX, it sends no token.
func (s *storageFixture) ask(t testing.TB, method, target string, body []byte, header ...string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	sent := record(r)
	s.handler.ServeHTTP(w, r)
	g := got{w, w.Body.Bytes()}
	conforms(t, r, sent, g)
	return reply{status: w.Code, header: w.Result().Header, body: w.Body.String(), whole: g}
}

// all returns the recordings of an account.
func (s *storageFixture) all(t testing.TB, account string) []recording.Recording {
	t.Helper()
	page, err := s.store.Page(t.Context(), store.Query{Account: account, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return page.Recordings
}

// kazooForm returns a multipart body like Kazoo's: it begins with a line break,
// names are not quoted, and parts have no file name.
func kazooForm(boundary, document, kind, audio string) []byte {
	return []byte("\r\n--" + boundary + "\r\ncontent-disposition: form-data; name=202311-kz@1\r\ncontent-type: application/json\r\n\r\n" + document +
		"\r\n--" + boundary + "\r\ncontent-disposition: form-data; name=call (1).mp3\r\ncontent-type: " + kind + "\r\n\r\n" + audio + "\r\n--" + boundary + "--")
}

// curl returns a multipart body like that of an HTML form.
func curl(t testing.TB, fields map[string]string, files ...string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		_ = w.WriteField(name, value)
	}
	for i, file := range files {
		part, err := w.CreateFormFile(fmt.Sprint("file", i), "call.wav")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, file)
	}
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}

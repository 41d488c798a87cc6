package kazoo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/callrecordings/api/shared/incoming/importer"
)

// renew replaces an expired token, once for all requests that failed with that token.
// Errors: importer.ErrStop, importer.ErrUnreachable.
func (s *Source) renew(ctx context.Context, stale string) error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	if s.current() != stale {
		return nil
	}
	if s.APIKey == "" {
		return fmt.Errorf("%w: the token is invalid or has expired; get another one, or use an API key", importer.ErrStop)
	}
	var token string
	err := s.do(ctx, request{
		method: http.MethodPut, path: "/api_auth", open: true,
		body: map[string]any{"data": map[string]string{"api_key": s.APIKey}},
		read: func(resp *http.Response) (err error) {
			token, err = readToken(resp.Body)
			return err
		},
	})
	var status *statusError
	switch {
	case errors.As(err, &status) && status.status/100 == 4:
		return fmt.Errorf("%w: the API key was rejected: %w", importer.ErrStop, err)
	case err != nil:
		return fmt.Errorf("get a token: %w", err)
	}
	s.mu.Lock()
	s.token = token
	s.mu.Unlock()
	return nil
}

func readToken(r io.Reader) (string, error) {
	var answer struct {
		Token string `json:"auth_token"`
	}
	if err := readJSON(r, &answer); err != nil {
		return "", err
	}
	if answer.Token == "" {
		return "", fmt.Errorf("%w: it contains no token", errNotKazoo)
	}
	return answer.Token, nil
}

func jsonBody(value any) (io.Reader, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode a request: %w", err)
	}
	return bytes.NewReader(text), nil
}

// maxAnswer limits the size of a JSON answer, in bytes.
const maxAnswer = 32 << 20

// errLong means that an answer is longer than maxAnswer.
var errLong = fmt.Errorf("its answer has more than %d MB", maxAnswer>>20)

// readJSON reads a complete answer.
func readJSON(r io.Reader, into any) error {
	text, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read its answer: %w", err)
	case len(text) > maxAnswer:
		return final(errLong)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return errNotKazoo // err would quote the answer
	}
	return nil
}

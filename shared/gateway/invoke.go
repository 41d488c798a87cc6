package gateway

import (
	"context"
	"errors"
	"net/http"
)

type handler struct{ next http.Handler }

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return nil, errors.New("not yet")
}

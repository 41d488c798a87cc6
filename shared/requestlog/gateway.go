package requestlog

import "context"

type gatewayKey struct{}

// WithGatewayID returns a context that carries the front's own id of the
// request, so that whoever makes the [Entry] can take it over. The id is as
// the front gave it.
func WithGatewayID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, gatewayKey{}, id)
}

// GatewayID returns the front's id of the request, "" where there is none.
func GatewayID(ctx context.Context) string {
	id, _ := ctx.Value(gatewayKey{}).(string)
	return id
}

package requestlog

import "context"

type gatewayKey struct{}

// WithGatewayID returns a context that carries API Gateway's ID of the request,
// unchanged, from where it gets into the [Entry].
func WithGatewayID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, gatewayKey{}, id)
}

// GatewayID returns API Gateway's ID of the request, "" if ctx has none.
func GatewayID(ctx context.Context) string {
	id, _ := ctx.Value(gatewayKey{}).(string)
	return id
}

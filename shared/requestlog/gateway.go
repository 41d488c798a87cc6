package requestlog

import "context"

type gatewayKey struct{}

// WithGatewayID returns a context that carries API Gateway's ID of the request,
// unchanged. The [Entry] of the request gets its GatewayID from this context.
func WithGatewayID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, gatewayKey{}, id)
}

// GatewayID returns API Gateway's ID of the request, "" if ctx has none.
func GatewayID(ctx context.Context) string {
	id, _ := ctx.Value(gatewayKey{}).(string)
	return id
}

package requestlog_test

import (
	"context"
	"testing"

	"github.com/callrecordings/api/shared/requestlog"
)

func TestGatewayID(t *testing.T) {
	t.Parallel()
	if got := requestlog.GatewayID(t.Context()); got != "" {
		t.Errorf("GatewayID of an empty context = %q, want none", got)
	}
	ctx := requestlog.WithGatewayID(t.Context(), "outer")
	inner := requestlog.WithGatewayID(requestlog.With(ctx, &requestlog.Entry{}), "inner")
	for want, ctx := range map[string]context.Context{"outer": ctx, "inner": inner} {
		if got := requestlog.GatewayID(ctx); got != want {
			t.Errorf("GatewayID = %q, want %q", got, want)
		}
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	e := &requestlog.Entry{}
	ctx := requestlog.With(t.Context(), e)
	requestlog.From(ctx).Calls++
	if e.Calls != 1 {
		t.Errorf("Calls = %d, want 1: From returned another entry", e.Calls)
	}
	requestlog.From(t.Context()).Calls++ // has no effect
	if requestlog.From(t.Context()).Calls != 0 {
		t.Error("an entry of an empty context is kept")
	}
}

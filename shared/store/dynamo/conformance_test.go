package dynamo

import (
	"testing"

	"github.com/callrecordings/api/shared/store/storetest"
)

var harness = storetest.Harness{Open: func(t testing.TB) storetest.Store { return live(t) }}

func TestConformance(t *testing.T) {
	endpoint(t) // skips the suite without an emulator
	storetest.Run(t, harness)
}

func BenchmarkStore(b *testing.B) {
	endpoint(b)
	storetest.Bench(b, harness)
}

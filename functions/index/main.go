// Command index is the Lambda function on the queue of this service's own events. It keeps
// the index that searches read, and the totals (docs/adr/028-search.md).
package main

import (
	"github.com/callrecordings/api/functions/internal/index"
	"github.com/callrecordings/api/shared/config"
)

func main() { index.Follow(config.Index) }

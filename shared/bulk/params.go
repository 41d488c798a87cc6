package bulk

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The names of the actions.
const (
	DeleteAction = "delete"
	ExportAction = "export"
	TagAction    = "tag"
	HoldAction   = "hold"
)

// Limits of the parameters.
const (
	// MaxIDs is the maximum number of IDs.
	MaxIDs = 1000
	// MaxFilter is the maximum size of a filter in bytes.
	MaxFilter = 8192
)

// Params are the parameters of a job. The caller has checked them.
type Params struct {
	// Filter is the query of a list, Owner a user, and IDs are IDs of recordings. A recording
	// must match all that are given. Account is true if none is.
	Filter  string   `json:"filter,omitempty"`
	Owner   string   `json:"owner_id,omitempty"`
	IDs     []string `json:"ids,omitempty"`
	Account bool     `json:"account,omitempty"`
	// Metadata is the JSON object that a tag merges into user_metadata.
	Metadata json.RawMessage `json:"user_metadata,omitempty"`
	// Case and Reason are those of a hold.
	Case   string `json:"case,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// paramsOf decodes the parameters of a job.
func paramsOf(j *job.Job) (p Params, err error) {
	if err := json.Unmarshal(j.Params, &p); err != nil {
		return p, fmt.Errorf("decode the parameters of a job: %w", err)
	}
	return p, nil
}

// Selection finds the recordings of a filter. It is safe for concurrent use.
type Selection interface {
	// Page returns the next recordings in the order of their creation, at most
	// job.MaxChunk. next is where the following page begins; nil at the end.
	// Errors: store.ErrUnavailable.
	Page(ctx context.Context, from *store.Position) (found []recording.Recording, next *store.Position, err error)
	// Match reports whether the filter selects a recording.
	Match(r *recording.Recording) bool
}

// Select returns the selection of the filter and the owner of p. Spans of time in the filter
// count from at. Errors: store.ErrUnavailable, and those of a malformed filter.
type Select func(ctx context.Context, account string, p Params, at recording.Seconds) (Selection, error)

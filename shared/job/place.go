package job

import (
	"context"
	"encoding/json"
	"fmt"
)

// Continue decodes the place where the work on j continues into place, a pointer. At the
// beginning of a plan or of the work, place stays as it is.
func (j *Job) Continue(place any) error {
	if j.Cursor == nil {
		return nil
	}
	if err := json.Unmarshal(j.Cursor, place); err != nil {
		return fmt.Errorf("decode the place of a job: %w", err)
	}
	return nil
}

// SaveAt is a checkpoint with place as the position where the work continues; see Save.
func (t *Task) SaveAt(ctx context.Context, place any) error {
	text, err := json.Marshal(place)
	if err != nil {
		return fmt.Errorf("encode the place of a job: %w", err)
	}
	t.Job.Cursor = text
	return t.Save(ctx)
}

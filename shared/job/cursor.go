package job

import (
	"context"
	"encoding/json"
	"fmt"
)

// Continue decodes the cursor of j, where its work continues, into a pointer. At the
// beginning of a plan or of the work, there is no cursor, and the value stays as it is.
func (j *Job) Continue(cursor any) error {
	if j.Cursor == nil {
		return nil
	}
	if err := json.Unmarshal(j.Cursor, cursor); err != nil {
		return fmt.Errorf("decode the cursor of a job: %w", err)
	}
	return nil
}

// SaveAt is a checkpoint with the cursor from which the work continues; see Save.
func (t *Task) SaveAt(ctx context.Context, cursor any) error {
	text, err := json.Marshal(cursor)
	if err != nil {
		return fmt.Errorf("encode the cursor of a job: %w", err)
	}
	t.Job.Cursor = text
	return t.Save(ctx)
}

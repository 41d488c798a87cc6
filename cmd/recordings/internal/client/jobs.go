package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Totals counts recordings and the bytes of their audio.
type Totals struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

// Job is a job over many recordings (contract, Jobs).
type Job struct {
	ID     string `json:"id"`
	Action string `json:"action"`
	State  string `json:"state"`
	Plan   *struct {
		Totals

		Held Totals `json:"held"`
	} `json:"plan"`
	Progress struct {
		Done    Totals `json:"done"`
		Held    Totals `json:"held"`
		Skipped Totals `json:"skipped"`
		Failed  Totals `json:"failed"`
	} `json:"progress"`
	Cause  string `json:"cause"`
	Result *struct {
		Certificate json.RawMessage `json:"certificate"`
		Zip         *JobFile        `json:"zip"`
		List        *JobFile        `json:"list"`
	} `json:"result"`

	// Raw is the job as the API sent it.
	Raw json.RawMessage `json:"-"`
}

// JobFile is a file of a job.
type JobFile struct {
	URL   string `json:"url"`
	Bytes int64  `json:"bytes"`
}

// Ended reports whether the job never changes again.
func (j *Job) Ended() bool { return j.State == "done" || j.State == "failed" || j.State == "cancelled" }

// StartJob starts a job. Either number or owner is set.
func (c *Client) StartJob(ctx context.Context, action, number, owner string) (*Job, error) {
	fields := map[string]string{"action": action}
	if number != "" {
		fields["number"] = number
	}
	if owner != "" {
		fields["owner_id"] = owner
	}
	return c.job(ctx, http.MethodPost, "", fields)
}

// Job returns a job.
func (c *Client) Job(ctx context.Context, id string) (*Job, error) {
	return c.job(ctx, http.MethodGet, id, nil)
}

// ConfirmJob confirms the plan of a job.
func (c *Client) ConfirmJob(ctx context.Context, id string, plan Totals) (*Job, error) {
	return c.job(ctx, http.MethodPut, id, plan)
}

// CancelJob cancels a job.
func (c *Client) CancelJob(ctx context.Context, id string) (*Job, error) {
	return c.job(ctx, http.MethodDelete, id, nil)
}

// job sends a request about a job. body is the data; nil sends none.
func (c *Client) job(ctx context.Context, method, id string, body any) (*Job, error) {
	r := request{method: method, path: c.recordings("jobs")}
	if id != "" {
		r.path += "/" + url.PathEscape(id)
	}
	if body != nil {
		text, err := json.Marshal(map[string]any{"data": body})
		if err != nil {
			return nil, err
		}
		r.body, r.header = text, http.Header{"Content-Type": {"application/json"}}
	}
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if _, _, err := c.document(ctx, r, &answer); err != nil {
		return nil, err
	}
	j := &Job{Raw: answer.Data}
	if err := json.Unmarshal(answer.Data, j); err != nil {
		return nil, fmt.Errorf("decode a job: %w", err)
	}
	return j, nil
}

// File writes a file of a job to w. The token is not sent: the URL is presigned.
func (c *Client) File(ctx context.Context, f *JobFile, w io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, http.NoBody)
	if err != nil {
		return fmt.Errorf("the URL of a file: %w", err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return &UnreachableError{URL: r.URL.Host, cause: unwrapURL(err)}
	}
	defer resp.Body.Close() //nolint:errcheck // it is only read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the bucket answers %s", resp.Status)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("read a file of the job: %w", err)
	}
	return nil
}

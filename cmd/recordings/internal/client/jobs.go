package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/callrecordings/api/shared/recording"
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
		// HeldItems are the first recordings on hold.
		HeldItems []struct {
			ID    string   `json:"id"`
			Holds []string `json:"holds"`
		} `json:"held_items"`
		Money *struct {
			Currency string `json:"currency"`
			Saved    string `json:"saved_per_month"`
			Cost     string `json:"cost"`
		} `json:"money"`
	} `json:"plan"`
	Progress struct {
		Done    Totals `json:"done"`
		Held    Totals `json:"held"`
		Skipped Totals `json:"skipped"`
		Failed  Totals `json:"failed"`
	} `json:"progress"`
	Failures []struct {
		ID      string `json:"id"`
		Outcome string `json:"outcome"`
		Cause   string `json:"cause"`
	} `json:"failures"`
	Created recording.Seconds `json:"created"`
	Cause   string            `json:"cause"`
	Result  *struct {
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

// JobRequest is the body that starts a job.
type JobRequest struct {
	Action   string         `json:"action"`
	Number   string         `json:"number,omitempty"`
	Owner    string         `json:"owner_id,omitempty"`
	Filter   string         `json:"filter,omitempty"`
	IDs      []string       `json:"ids,omitempty"`
	Account  bool           `json:"account,omitempty"`
	Metadata map[string]any `json:"user_metadata,omitempty"`
	Case     string         `json:"case,omitempty"`
	Reason   string         `json:"reason,omitempty"`
}

// StartJob starts a job.
func (c *Client) StartJob(ctx context.Context, r JobRequest) (*Job, error) {
	return c.job(ctx, http.MethodPost, "", r)
}

// Jobs returns a page of the jobs, the newest first, after the job with an ID; "" is the
// beginning. next is the ID for the next page, "" at the end.
func (c *Client) Jobs(ctx context.Context, after string) (jobs []*Job, next string, err error) {
	r := request{method: http.MethodGet, path: c.recordings("jobs")}
	if after != "" {
		r.query = url.Values{"start_key": {after}}
	}
	var answer struct {
		Data []json.RawMessage `json:"data"`
		Next string            `json:"next_start_key"`
	}
	if _, _, err := c.document(ctx, r, &answer); err != nil {
		return nil, "", err
	}
	for _, raw := range answer.Data {
		j := &Job{Raw: raw}
		if err := json.Unmarshal(raw, j); err != nil {
			return nil, "", fmt.Errorf("decode a job: %w", err)
		}
		jobs = append(jobs, j)
	}
	return jobs, answer.Next, nil
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

// File writes a file of a job to w. The token is not sent: the URL is presigned. It gives up
// with ErrStalled when no bytes arrive for a while.
func (c *Client) File(ctx context.Context, f *JobFile, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, http.NoBody)
	if err != nil {
		return fmt.Errorf("the URL of a file: %w", err)
	}
	resp, err := c.http.Do(r) //nolint:bodyclose // body closes it
	if err != nil {
		return &UnreachableError{URL: r.URL.Host, cause: unwrapURL(err)}
	}
	body := newStalling(resp.Body, cancel, stallTime)
	defer body.Close() //nolint:errcheck // it is only read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the bucket answers %s", resp.Status)
	}
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("read a file of the job: %w", err)
	}
	return nil
}

package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// jobData is a job in answers.
type jobData struct {
	ID        string            `json:"id"`
	Action    string            `json:"action"`
	State     job.State         `json:"state"`
	Params    json.RawMessage   `json:"params"`
	Maker     string            `json:"maker_id,omitempty"`
	Confirmer string            `json:"confirmer_id,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Created   recording.Seconds `json:"created"`
	Updated   recording.Seconds `json:"updated"`
	Confirmed recording.Seconds `json:"confirmed,omitempty"`
	Ended     recording.Seconds `json:"ended,omitempty"`
	Expires   recording.Seconds `json:"expires"`
	Plan      *planData         `json:"plan,omitempty"`
	Progress  job.Progress      `json:"progress"`
	Failures  []job.Item        `json:"failures,omitempty"`
	Cause     string            `json:"cause,omitempty"`
	Result    *resultData       `json:"result,omitempty"`
}

// planData is a plan in answers.
type planData struct {
	job.Plan

	HeldItems []job.Item `json:"held_items,omitempty"`
	Money     *moneyData `json:"money,omitempty"`
}

// moneyData has amounts of money, as decimal numbers.
type moneyData struct {
	Currency string `json:"currency"`
	Saved    string `json:"saved_per_month,omitempty"`
	Cost     string `json:"cost,omitempty"`
}

// dataOf returns a job for an answer.
func (j *jobber) dataOf(found *job.Job) jobData {
	data := jobData{
		ID: found.ID, Action: found.Action, State: found.State, Params: found.Params, Maker: found.By.Owner,
		Confirmer: found.Confirmer.Owner, Reason: found.Reason,
		Created: found.Created, Updated: found.Updated, Confirmed: found.Confirmed, Ended: found.Ended, Expires: found.Expires(),
		Progress: found.Progress, Failures: found.NotDone, Cause: found.Cause,
	}
	if found.State != job.Planning && (found.State == job.Planned || found.Confirmed != 0) {
		data.Plan = &planData{found.Plan, found.HeldItems, j.money(found)}
	}
	return data
}

// money returns the savings of a deletion or the cost of an export; nil for other actions,
// and without prices.
func (j *jobber) money(found *job.Job) *moneyData {
	switch {
	case j.Prices == nil:
	case found.Action == bulk.DeleteAction:
		return &moneyData{Currency: j.Prices.Currency, Saved: j.Prices.Storage(found.Plan.Bytes - found.Plan.Held.Bytes)}
	case found.Action == bulk.ExportAction:
		return &moneyData{Currency: j.Prices.Currency, Cost: j.Prices.File(found.Plan.Bytes, int64(j.FileAge/day))}
	}
	return nil
}

// day is the unit of FileAge in prices.
const day = 24 * time.Hour

// shorten removes the members that lists of jobs leave out.
func (d *jobData) shorten() {
	d.Failures = nil
	if d.Plan != nil {
		d.Plan.HeldItems = nil
	}
	var params map[string]json.RawMessage
	if !bytes.Contains(d.Params, []byte(`"ids"`)) || json.Unmarshal(d.Params, &params) != nil {
		return
	}
	delete(params, "ids")
	if text, err := json.Marshal(params); err == nil {
		d.Params = text
	}
}

// resultData is the result of a job in answers. The files are absent once they have
// expired.
type resultData struct {
	Certificate json.RawMessage `json:"certificate,omitempty"`
	Zip         *fileData       `json:"zip,omitempty"`
	List        *fileData       `json:"list,omitempty"`
}

// fileData is a file of a job.
type fileData struct {
	// URL is presigned, and works until URLExpires.
	URL        string            `json:"url"`
	URLExpires recording.Seconds `json:"url_expires"`
	Bytes      int64             `json:"bytes,omitempty"`
	// Expires is when the file is removed.
	Expires recording.Seconds `json:"expires"`
}

// result returns the result of a job, nil if it has none.
func (j *jobber) result(r *request, found *job.Job) (*resultData, error) {
	if found.Result == nil {
		return nil, nil //nolint:nilnil // there may be none
	}
	var stored struct {
		Certificate json.RawMessage `json:"certificate"`
		List        string          `json:"list"`
		Zip         string          `json:"zip"`
		ZipBytes    int64           `json:"zip_bytes"`
	}
	if err := json.Unmarshal(found.Result, &stored); err != nil {
		return nil, fmt.Errorf("decode the result of a job: %w", err)
	}
	data := &resultData{Certificate: stored.Certificate}
	if !r.allowedBy(requestOf(access.Listen)) { // as for the audio itself
		return data, nil
	}
	var err error
	if data.Zip, err = j.file(r, found, stored.Zip, stored.ZipBytes, "zip"); err != nil {
		return nil, err
	}
	if data.Zip != nil { // who gets the URL can listen
		if err := r.demandReason(access.Listen); err != nil {
			return nil, err
		}
		if err := r.record(r.Context(), access.Listen, "", audit.Done); err != nil {
			return nil, err
		}
	}
	data.List, err = j.file(r, found, stored.List, 0, "jsonl")
	return data, err
}

// file returns a file of a job, or nil if the job has none or the file has expired.
func (j *jobber) file(r *request, found *job.Job, key string, size int64, extension string) (*fileData, error) {
	now := recording.SecondsOf(r.env.Now())
	expires := found.Ended + recording.SecondsIn(j.FileAge)
	ttl := min(j.TTL, time.Duration(expires-now)*time.Second)
	if key == "" || ttl < time.Second {
		return nil, nil //nolint:nilnil // there may be none
	}
	url, err := j.Files.Presign(r.Context(), key, media.Grant{
		Disposition: `attachment; filename="` + found.ID + "." + extension + `"`, CacheControl: "no-store", TTL: ttl,
	})
	if err != nil {
		return nil, fmt.Errorf("sign the URL of a file: %w", err)
	}
	return &fileData{URL: url, URLExpires: now + recording.SecondsIn(ttl), Bytes: size, Expires: expires}, nil
}

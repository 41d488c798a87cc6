package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// JobFiles presigns the URLs of the files that jobs leave in the bucket. It is the method of
// media.Reader.
type JobFiles interface {
	// Presign returns a URL that lets anyone GET the object.
	Presign(ctx context.Context, key string, g media.Grant) (string, error)
}

// JobKind is an action that clients may start.
type JobKind struct {
	// Rights are the actions that the bearer must have a right to for the whole account,
	// besides the right to manage.
	Rights []access.Action
	// Params checks and encodes the parameters. Its error is for clients.
	Params func(number, owner string) (json.RawMessage, error)
}

// JobOptions configure Jobs.
type JobOptions struct {
	// Kinds are the actions by their names.
	Kinds map[string]JobKind
	// Files presigns the URLs of files.
	Files JobFiles
	// TTL is the lifetime of these URLs, and FileAge how long the files are kept.
	TTL, FileAge time.Duration
}

// jobber starts, shows, confirms and cancels jobs.
type jobber struct {
	JobOptions

	book *job.Book
}

// Jobs answers the requests about jobs over many recordings (contract, Jobs). They need
// the right to manage, and those of the job's action.
func Jobs(env Env, book *job.Book, o JobOptions) http.Handler {
	j := &jobber{o, book}
	return env.handle(OpJobs, j.serve)
}

// action returns what serves a route of OpJobs. The table is in a function, so that only
// the function jobs links the code behind it.
func (j *jobber) action(route string) func(*request) (status int, data any, keys paging, err error) {
	return map[string]func(*request) (int, any, paging, error){
		"GET " + jobList:    j.list,
		"POST " + jobList:   j.start,
		"GET " + jobItem:    j.get,
		"PUT " + jobItem:    j.confirm,
		"DELETE " + jobItem: j.cancel,
	}[route]
}

func (j *jobber) serve(w http.ResponseWriter, r *request) error {
	if err := r.allow(access.Manage); err != nil {
		return err
	}
	if err := r.acceptsDocument(); err != nil {
		return err
	}
	if id := r.target.job; id != "" {
		if !auth.ValidName(id) {
			return badIdentifier(id, "")
		}
		r.object = "job/" + id
	}
	status, data, keys, err := j.action(r.Method + " " + r.target.path())(r)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store") // of the URLs and the numbers
	return r.writeData(w, status, data, keys)
}

// may checks that the bearer has the rights of an action.
func (j *jobber) may(r *request, action string) error {
	defer func(a access.Action) { r.action = a }(r.action)
	for _, a := range j.Kinds[action].Rights {
		if err := r.allow(a); err != nil {
			return err
		}
		if r.grant.Scope(a) != access.All {
			return r.refusal(a)
		}
	}
	return nil
}

func (j *jobber) list(r *request) (int, any, paging, error) {
	size, after, err := pageOfIDs(r)
	if err != nil {
		return 0, nil, paging{}, err
	}
	found, next, err := j.book.List(r.Context(), r.account, after, size)
	data := make([]jobData, len(found))
	for i := range found {
		data[i] = jobDataOf(found[i])
		data[i].Failures = nil
	}
	return http.StatusOK, data, paging{size: len(data), start: after, end: next, byID: true}, err
}

func (j *jobber) start(r *request) (int, any, paging, error) {
	var action, number, owner string
	if err := readEntry(r, map[string]any{"action": &action, "number": &number, "owner_id": &owner}); err != nil {
		return 0, nil, paging{}, err
	}
	kind, ok := j.Kinds[action]
	if !ok {
		return 0, nil, paging{}, unknownValue("action", slices.Sorted(maps.Keys(j.Kinds)))
	}
	if owner != "" && !auth.ValidName(owner) {
		return 0, nil, paging{}, invalid("owner_id", "wrong_format", "Field is not in the correct format", nil)
	}
	params, err := kind.Params(number, owner)
	if err != nil {
		return 0, nil, paging{}, invalid("number", "wrong_format", err.Error(), nil)
	}
	if err := j.may(r, action); err != nil {
		return 0, nil, paging{}, err
	}
	draft, err := j.book.Draft(r.account, action, params, j.actor(r), r.reason)
	if err != nil {
		return 0, nil, paging{}, err
	}
	r.object = "job/" + draft.ID
	_, err = audited(r, access.Manage, "", func(record func() error) (struct{}, error) {
		if err := record(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, j.book.Start(r.Context(), draft)
	})
	return http.StatusCreated, jobDataOf(draft), paging{}, err
}

// actor names the bearer in a job.
func (j *jobber) actor(r *request) audit.Actor { return r.trailEntry(access.Manage, audit.Done).Actor }

func (j *jobber) get(r *request) (int, any, paging, error) {
	found, err := j.book.Get(r.Context(), r.account, r.target.job)
	if err != nil {
		return 0, nil, paging{}, err
	}
	data := jobDataOf(found)
	data.Result, err = j.result(r, found)
	return http.StatusOK, data, paging{}, err
}

// confirm starts the work of a plan, whose count and bytes the body repeats.
func (j *jobber) confirm(r *request) (int, any, paging, error) {
	count, size := -1, -1
	if err := readEntry(r, map[string]any{"count": &count, "bytes": &size}); err != nil {
		return 0, nil, paging{}, err
	}
	for field, n := range map[string]int{"count": count, "bytes": size} {
		if n < 0 {
			return 0, nil, paging{}, invalid(field, "required", "Field is required but missing", nil)
		}
	}
	found, err := j.book.Get(r.Context(), r.account, r.target.job)
	if err != nil {
		return 0, nil, paging{}, err
	}
	if err := j.may(r, found.Action); err != nil {
		return 0, nil, paging{}, err
	}
	want := job.Totals{Count: count, Bytes: int64(size)}
	return j.change(r, func(record func() error) (*job.Job, error) {
		return j.book.Confirm(r.Context(), r.account, r.target.job, want, j.actor(r), r.reason, record)
	})
}

func (j *jobber) cancel(r *request) (int, any, paging, error) {
	return j.change(r, func(record func() error) (*job.Job, error) {
		return j.book.Cancel(r.Context(), r.account, r.target.job, record)
	})
}

// change changes a job, after the entry in the audit trail. A refused change is a 409
// with the plan and the state of the job.
func (j *jobber) change(r *request, do func(record func() error) (*job.Job, error)) (int, any, paging, error) {
	changed, err := audited(r, access.Manage, "", do)
	if err == nil {
		return http.StatusOK, jobDataOf(changed), paging{}, nil
	}
	for _, refused := range []error{job.ErrNotPlanned, job.ErrOtherPlan, job.ErrEnded} {
		if errors.Is(err, refused) && changed != nil {
			return 0, nil, paging{}, &publicError{
				status: http.StatusConflict, code: "datastore_conflict", cause: refused,
				data: map[string]any{"message": refused.Error(), "cause": string(changed.State), "plan": changed.Plan.Totals},
			}
		}
	}
	return 0, nil, paging{}, err
}

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
	Plan      *job.Plan         `json:"plan,omitempty"`
	Progress  job.Progress      `json:"progress"`
	Failures  []job.Item        `json:"failures,omitempty"`
	Cause     string            `json:"cause,omitempty"`
	Result    *resultData       `json:"result,omitempty"`
}

func jobDataOf(j *job.Job) jobData {
	data := jobData{
		ID: j.ID, Action: j.Action, State: j.State, Params: j.Params, Maker: j.By.Owner, Confirmer: j.Confirmer.Owner, Reason: j.Reason,
		Created: j.Created, Updated: j.Updated, Confirmed: j.Confirmed, Ended: j.Ended, Expires: j.Expires(),
		Progress: j.Progress, Failures: j.Failures, Cause: j.Cause,
	}
	if j.State != job.Planning && (j.State == job.Planned || j.Confirmed != 0) {
		data.Plan = &j.Plan
	}
	return data
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
	var err error
	if data.Zip, err = j.file(r, found, stored.Zip, stored.ZipBytes, "zip"); err != nil {
		return nil, err
	}
	if data.Zip != nil { // who gets the URL can listen
		if err := r.record(r.Context(), access.Listen, "", audit.Done); err != nil {
			return nil, err
		}
	}
	data.List, err = j.file(r, found, stored.List, 0, "jsonl")
	return data, err
}

// file returns a file of a job, nil if there is none, or if it has expired.
func (j *jobber) file(r *request, found *job.Job, key string, size int64, extension string) (*fileData, error) {
	now := recording.SecondsOf(r.env.Now())
	expires := found.Ended + recording.Seconds(j.FileAge/time.Second)
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
	return &fileData{URL: url, URLExpires: now + recording.Seconds(ttl/time.Second), Bytes: size, Expires: expires}, nil
}

// unknownValue returns the 400 for a value that is not one of those allowed.
func unknownValue(field string, allowed []string) error {
	return recording.FieldErrors{{
		Field: field, Code: "enum", Message: "Value not found in enumerated list of values", Target: allowed,
	}}
}

// noJob returns the 404 for a job that does not exist.
func noJob(r *request) *publicError {
	return &publicError{
		status: http.StatusNotFound, code: "bad_identifier", data: map[string]any{"message": "bad identifier", "cause": r.target.job},
	}
}

// tooManyJobs returns the 429 for one job too many.
func tooManyJobs(*request) *publicError {
	return &publicError{
		status: http.StatusTooManyRequests, code: "too_many_requests",
		data: map[string]any{"message": "too many jobs have not ended"}, header: "Retry-After", value: "60",
	}
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/price"
	"github.com/callrecordings/api/shared/recording"
)

// JobFiles presigns the URLs of the files that jobs leave in the bucket. It is the method of
// media.Reader.
type JobFiles interface {
	// Presign returns a URL that lets anyone GET the object.
	Presign(ctx context.Context, key string, g media.Grant) (string, error)
}

// JobFields are the members of the body that starts a job.
type JobFields struct {
	Number, Owner, Filter string
	// IDs is nil if it is absent.
	IDs          []string
	Account      bool
	Metadata     json.RawMessage
	Case, Reason string
}

// table returns the fields by their names.
func (f *JobFields) table() map[string]any {
	return map[string]any{
		"number": &f.Number, "owner_id": &f.Owner, "filter": &f.Filter, "ids": &f.IDs, "account": &f.Account,
		"user_metadata": &f.Metadata, "case": &f.Case, "reason": &f.Reason,
	}
}

// JobKind is an action that clients may start.
type JobKind struct {
	// Rights are the actions that the bearer must have a right to for the whole account,
	// besides the right to manage.
	Rights []access.Action
	// Fields are the members that the body may have, besides the action.
	Fields []string
	// Params checks the fields and encodes the parameters. Its error is for clients.
	Params func(f *JobFields, now time.Time) (json.RawMessage, error)
}

// JobOptions configure Jobs.
type JobOptions struct {
	// Kinds are the actions by their names.
	Kinds map[string]JobKind
	// Files presigns the URLs of files.
	Files JobFiles
	// TTL is the lifetime of these URLs, and FileAge how long the files are kept.
	TTL, FileAge time.Duration
	// Prices are those of the operator; nil without any.
	Prices *price.Prices
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

// action returns the function that serves a route of OpJobs. The table is in a function, so that only
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

// may checks that the bearer has the rights of an action. Token restrictions must allow the
// requests that the job stands for.
func (j *jobber) may(r *request, action string) error {
	defer func(a access.Action) { r.action = a }(r.action)
	for _, a := range j.Kinds[action].Rights {
		if err := r.allow(a); err != nil {
			return err
		}
		if r.grant.Scope(a) != access.All {
			return r.refusal(a)
		}
		if !r.allowedBy(requestOf(a)) {
			return errRestricted
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
		data[i] = j.dataOf(found[i])
		data[i].shorten()
	}
	return http.StatusOK, data, paging{size: len(data), start: after, end: next, byID: true}, err
}

func (j *jobber) start(r *request) (int, any, paging, error) {
	action, params, err := j.read(r)
	if err != nil {
		return 0, nil, paging{}, err
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
	return http.StatusCreated, j.dataOf(draft), paging{}, err
}

// read reads the body of a POST: the action and its parameters.
func (j *jobber) read(r *request) (action string, params json.RawMessage, err error) {
	members, err := readMembers(r)
	if err != nil {
		return "", nil, err
	}
	if raw, ok := members["action"]; ok && !decodeField(raw, &action) {
		return "", nil, wrongEntryType("action", "string")
	}
	kind, ok := j.Kinds[action]
	if !ok {
		return "", nil, unknownValue("action", slices.Sorted(maps.Keys(j.Kinds)))
	}
	delete(members, "action")
	fields := &JobFields{}
	table := fields.table()
	maps.DeleteFunc(table, func(name string, _ any) bool { return !slices.Contains(kind.Fields, name) })
	if err := decodeFields(members, "", table).Err(); err != nil {
		return "", nil, err
	}
	if slices.Contains(kind.Fields, "filter") {
		if err := checkGiven(members).Err(); err != nil {
			return "", nil, err
		}
	}
	params, err = kind.Params(fields, r.env.Now())
	return action, params, err
}

// checkGiven checks that the members of a body that select recordings are not empty. As absent ones
// they would select more than the client meant.
func checkGiven(members map[string]json.RawMessage) recording.FieldErrors {
	var errs recording.FieldErrors
	for _, name := range []string{"filter", "owner_id"} {
		if string(members[name]) == `""` {
			errs = append(errs, recording.FieldError{
				Field: name, Code: "minLength", Message: "Value must be at least 1 characters", Target: 1, Value: members[name],
			})
		}
	}
	return errs
}

// actor names the bearer in a job.
func (j *jobber) actor(r *request) audit.Actor { return r.trailEntry(access.Manage, audit.Done).Actor }

func (j *jobber) get(r *request) (int, any, paging, error) {
	found, err := j.book.Get(r.Context(), r.account, r.target.job)
	if err != nil {
		return 0, nil, paging{}, err
	}
	data := j.dataOf(found)
	data.Result, err = j.result(r, found)
	return http.StatusOK, data, paging{}, err
}

// confirm starts the work of a plan. The body must repeat the plan's count and bytes.
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
	c := job.Confirmation{
		Plan: job.Totals{Count: count, Bytes: int64(size)}, By: j.actor(r), Reason: r.reason,
		Claims: job.Claims{Role: r.bearer.Role, Groups: r.bearer.Groups, Unassigned: r.bearer.Unassigned},
	}
	return j.change(r, func(record func() error) (*job.Job, error) {
		return j.book.Confirm(r.Context(), r.account, r.target.job, c, record)
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
		return http.StatusOK, j.dataOf(changed), paging{}, nil
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

// tooManyJobs returns the 429 for one job too many. To wait may be in vain: a plan counts until it
// expires.
func tooManyJobs(*request) *publicError {
	return &publicError{
		status: http.StatusTooManyRequests, code: "too_many_requests",
		data: map[string]any{"message": "too many jobs have not ended, and plans count: confirm or cancel some"}, header: "Retry-After", value: "60",
	}
}

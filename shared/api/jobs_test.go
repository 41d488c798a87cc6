package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/store"
)

// checkJobPath checks that a path about jobs has the same operation when it is rebuilt.
func checkJobPath(t *testing.T, method, path string, p target) {
	t.Helper()
	again := "/" + p.version + "/accounts/" + url.PathEscape(p.account) + "/recordings/jobs"
	if p.job != "" {
		again += "/" + url.PathEscape(p.job)
	}
	if op := Match(method, again); op != OpJobs || p.account == "" || p.id != "" {
		t.Fatalf("Match(%q, %q) = %s, rebuilt from %q", method, again, op, path)
	}
}

// presigner signs URLs that name their lifetime.
type presigner struct{}

func (presigner) Presign(_ context.Context, key string, g media.Grant) (string, error) {
	return "https://bucket.test/" + key + "?ttl=" + g.TTL.String(), nil
}

// stubAction makes a plan of two recordings, and does nothing with them.
type stubAction struct{ result string }

func (stubAction) Plan(_ context.Context, t *job.Task) (bool, error) {
	return true, t.AddPlan([]job.Item{{ID: "202601-1", Created: 5, Bytes: 10}, {ID: "202601-2", Created: 6, Bytes: 20}})
}

func (s stubAction) Run(_ context.Context, t *job.Task) (bool, error) {
	t.Job.Result = json.RawMessage(s.result)
	return true, t.AddReport([]job.Item{{ID: "202601-1", Created: 5, Bytes: 10, Outcome: job.Completed}, {ID: "202601-2", Created: 6, Bytes: 20, Outcome: job.Held, Holds: []string{"H"}}}, nil)
}

func (stubAction) End(context.Context, *job.Task) error { return nil }

// wakes counts the messages to workers.
type wakes struct {
	sent int
	err  error
}

func (w *wakes) Wake(context.Context, string, time.Duration) error {
	w.sent++
	return w.err
}

// jobAPI is an API with jobs, which does their work between two requests.
type jobAPI struct {
	*ruledAPI

	queue  wakes
	engine *job.Engine
	sent   int
	// jobs returns the handler. Files expire after fileAge.
	jobs func(fileAge time.Duration) http.Handler
}

const jobsPath = tenantList + "/jobs"

func newJobAPI(t *testing.T) (*jobAPI, string) {
	t.Helper()
	managed, root := newManagedAPI(t)
	s := &jobAPI{ruledAPI: managed}
	book := &job.Book{Entries: s.store, Queue: &s.queue, Now: s.env.Now}
	s.engine = job.NewEngine(book, job.Options{
		Actions: map[string]job.Action{"person_export": stubAction{
			`{"list":"exports/L","zip":"exports/Z","zip_bytes":7}`,
		}},
		Lease: time.Minute, Holder: "test", Now: s.env.Now,
	})
	s.jobs = func(fileAge time.Duration) http.Handler {
		return Jobs(s.env, book, JobOptions{Kinds: JobKinds(jobParams, true), Files: presigner{}, TTL: 5 * time.Minute, FileAge: fileAge})
	}
	s.handlers[OpJobs] = s.jobs(7 * 24 * time.Hour)
	return s, root
}

// jobParams checks and encodes the parameters of a job.
func jobParams(number, owner string) (json.RawMessage, error) {
	if (number == "") == (owner == "") {
		return nil, errors.New("either one")
	}
	return json.Marshal(map[string]string{"number": number})
}

// work does a slice of the work.
func (s *jobAPI) work(t *testing.T) {
	t.Helper()
	s.sent++
	if _, err := s.engine.Slice(t.Context(), job.Message{Account: tenant, ID: strconv.Itoa(s.sent), Sent: s.env.Now()}); err != nil {
		t.Fatal(err)
	}
}

// start starts an export and returns its ID.
func (s *jobAPI) start(t *testing.T, token string) string {
	t.Helper()
	answer := s.send(t, token, http.MethodPost, jobsPath, `{"data":{"action":"person_export","number":"+1 555 123 4567"}}`)
	var found struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer.body, &found); err != nil || answer.Code != http.StatusCreated {
		t.Fatalf("POST = %d %s", answer.Code, answer.body)
	}
	return found.Data.ID
}

// A job is planned, confirmed and done, and its result has its files.
func TestJobs(t *testing.T) {
	t.Parallel()
	s, root := newJobAPI(t)
	id := s.start(t, root)
	item := jobsPath + "/" + id
	s.send(t, root, http.MethodGet, item, "").has(t, "GET at first", http.StatusOK, `"state":"planning"`)
	s.send(t, root, http.MethodPut, item, `{"count":2,"bytes":30}`).has(t, "PUT too early", http.StatusConflict, `"cause":"planning"`)
	s.work(t)
	s.send(t, root, http.MethodGet, item, "").has(t, "GET of the plan", http.StatusOK, `"plan":{"count":2,"bytes":30,"held":`)
	for _, wrong := range []string{`{"count":2,"bytes":31}`, `{"count":1,"bytes":30}`, `{"data":{"count":0,"bytes":0}}`} {
		s.send(t, root, http.MethodPut, item, wrong).has(t, wrong, http.StatusConflict, `"plan":{"count":2,"bytes":30}`)
	}
	for range 2 { // the second one is a retry
		s.send(t, root, http.MethodPut, item, `{"data":{"count":2,"bytes":30}}`).has(t, "PUT", http.StatusOK, `"state":"running"`)
	}
	s.work(t)
	answer := s.send(t, root, http.MethodGet, item, "")
	for _, part := range []string{
		`"state":"done"`, `"progress":{"done":{"count":1,"bytes":10},"held":{"count":1,"bytes":20}`, `"holds":["H"]`,
		`"zip":{"url":"https://bucket.test/exports/Z?ttl=5m0s"`, `"list":{"url":"https://bucket.test/exports/L`, `"bytes":7`,
	} {
		answer.has(t, "GET at the end", http.StatusOK, part)
	}
	s.send(t, root, http.MethodDelete, item, "").has(t, "DELETE at the end", http.StatusConflict, `"cause":"done"`)
	s.send(t, root, http.MethodGet, jobsPath, "").has(t, "the list", http.StatusOK, `"page_size":1`)
	s.handlers[OpJobs] = s.jobs(0)
	if late := s.send(t, root, http.MethodGet, item, ""); strings.Contains(string(late.body), "bucket.test") {
		t.Errorf("files that have expired: %s", late.body)
	}
}

// Who gets the URL of an export can listen, so the audit trail comes first.
func TestExportsAreInTheTrail(t *testing.T) {
	t.Parallel()
	s, root := newJobAPI(t)
	id := s.start(t, root)
	item := jobsPath + "/" + id
	s.work(t)
	s.send(t, root, http.MethodPut, item, `{"count":2,"bytes":30}`)
	s.work(t)
	trail := &memoryTrail{}
	s.env.Audit = trail
	s.handlers[OpJobs] = s.jobs(7 * 24 * time.Hour)
	s.send(t, root, http.MethodGet, item, "").has(t, "GET", http.StatusOK, `"zip":{"url":`)
	trail.want(t, "the URL of an export", "listen done job/"+id)
	s.send(t, root, http.MethodGet, jobsPath, "").has(t, "the list", http.StatusOK, id)
	trail.want(t, "the list of jobs")
	trail.broken = true
	s.send(t, root, http.MethodGet, item, "").has(t, "GET without a trail", http.StatusServiceUnavailable, "error")
}

// An export, its confirmation and the URL of its file need the reason that listening needs.
// Its plan and its progress need none.
func TestExportsNeedAReason(t *testing.T) {
	t.Parallel()
	s, root := newJobAPI(t)
	item := jobsPath + "/" + s.start(t, root)
	s.env.RequireReason = access.Reasons([]string{"listen"})
	s.handlers[OpJobs] = s.jobs(7 * 24 * time.Hour)
	why := []string{"X-Reason", "complaint 7"}
	steps := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		part                     string
	}{
		{"start", http.MethodPost, jobsPath, `{"action":"person_export","number":"+1 555 123 4567"}`, nil, 403, `"reason_required"`},
		{"plan", http.MethodGet, item, "", nil, 200, `"state":"planned"`},
		{"confirm", http.MethodPut, item, `{"count":2,"bytes":30}`, nil, 403, `"reason_required"`},
		{"confirm with a reason", http.MethodPut, item, `{"count":2,"bytes":30}`, why, 200, `"state":"running"`},
		{"end", http.MethodGet, item, "", nil, 403, `"reason_required"`},
		{"list", http.MethodGet, jobsPath, "", nil, 200, `"state":"done"`},
		{"end with a reason", http.MethodGet, item, "", why, 200, `"zip":{"url":`},
	}
	for _, step := range steps {
		s.send(t, root, step.method, step.path, step.body, step.header...).has(t, step.name, step.status, step.part)
		s.work(t)
	}
}

func TestCancelledJobs(t *testing.T) {
	t.Parallel()
	s, root := newJobAPI(t)
	item := jobsPath + "/" + s.start(t, root)
	s.work(t)
	for range 2 {
		s.send(t, root, http.MethodDelete, item, "").has(t, "DELETE", http.StatusOK, `"state":"cancelling"`)
	}
	s.send(t, root, http.MethodPut, item, `{"count":2,"bytes":30}`).has(t, "PUT of a cancelled one", http.StatusConflict, `"cause":"cancelling"`)
	s.work(t)
	s.send(t, root, http.MethodGet, item, "").has(t, "GET", http.StatusOK, `"state":"cancelled"`)
}

// Only administrators see and change jobs.
func TestJobsNeedTheRight(t *testing.T) {
	t.Parallel()
	s, root := newJobAPI(t)
	s.staff(t)
	item := jobsPath + "/" + s.start(t, root)
	for _, role := range access.Roles {
		want := http.StatusForbidden
		if role == access.Admin {
			want = http.StatusOK
		}
		token := s.bearer(t, tenant, string(role))
		for _, path := range []string{jobsPath, item} {
			if got := s.send(t, token, http.MethodGet, path, ""); got.Code != want {
				t.Errorf("GET %s by %s = %d, want %d", path, role, got.Code, want)
			}
		}
		if want == http.StatusOK {
			continue
		}
		for method, body := range map[string]string{http.MethodPut: `{"count":2,"bytes":30}`, http.MethodDelete: ""} {
			if got := s.send(t, token, method, item, body); got.Code != want {
				t.Errorf("%s by %s = %d, want %d", method, role, got.Code, want)
			}
		}
	}
}

func TestBadJobs(t *testing.T) {
	t.Parallel()
	s, root := newJobAPI(t)
	item := jobsPath + "/" + s.start(t, root)
	for _, c := range []struct{ name, method, path, body, want string }{
		{"an unknown action", http.MethodPost, jobsPath, `{"action":"dance","number":"1"}`, `"action":{"enum"`},
		{"no action", http.MethodPost, jobsPath, `{"number":"1"}`, `"action":{"enum"`},
		{"no person", http.MethodPost, jobsPath, `{"action":"person_erase"}`, `"number":{"wrong_format"`},
		{"two persons", http.MethodPost, jobsPath, `{"action":"person_erase","number":"1","owner_id":"a"}`, `"number":{"wrong_format"`},
		{"an invalid owner", http.MethodPost, jobsPath, `{"action":"person_erase","owner_id":"a b"}`, `"owner_id":{"wrong_format"`},
		{"an unknown field", http.MethodPost, jobsPath, `{"action":"person_erase","owner":"a"}`, `"owner":{"additionalProperties"`},
		{"no count", http.MethodPut, item, `{"bytes":1}`, `"count":{"required"`},
		{"no bytes", http.MethodPut, item, `{"count":1}`, `"bytes":{"required"`},
		{"a text as count", http.MethodPut, item, `{"count":"1","bytes":1}`, `"count":{"type"`},
	} {
		s.sendUnchecked(t, root, c.method, c.path, c.body).has(t, c.name, http.StatusBadRequest, c.want)
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		s.send(t, root, method, jobsPath+"/none", `{"count":1,"bytes":1}`).has(t, method, http.StatusNotFound, `"cause":"none"`)
	}
	s.queue.err = store.ErrUnavailable
	s.send(t, root, http.MethodPost, jobsPath, `{"action":"person_export","number":"1"}`).has(t, "a dead queue", http.StatusServiceUnavailable, "datastore_unreachable")
	s.queue.err = nil
	for range job.MaxOpen - 2 {
		s.start(t, root)
	}
	s.send(t, root, http.MethodPost, jobsPath, `{"action":"person_export","number":"1"}`).has(t, "one too many", http.StatusTooManyRequests, "plans count: confirm or cancel some")
}

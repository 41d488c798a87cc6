package api

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/job"
)

// A token that may not delete single recordings cannot delete many either. So it is for the
// other actions, and for the file of an export.
func TestRestrictedJobs(t *testing.T) {
	t.Parallel()
	const bodies = `{"action":"delete","account":true}
{"action":"person_erase","owner_id":"anna"}
{"action":"tag","account":true,"user_metadata":{"a":1}}
{"action":"hold","account":true,"case":"C","reason":"R"}
{"action":"export","account":true}
{"action":"person_export","owner_id":"anna"}`
	for _, c := range []struct{ rules, allowed string }{
		{`"#": ["_"]`, "delete person_erase tag hold export person_export"},
		{`"jobs": ["_"], "/": ["GET"], "*": ["GET", "PATCH"]`, "tag export person_export"},
		{`"jobs": ["_"], "/": ["GET"], "*": ["DELETE"]`, "delete person_erase"},
		{`"jobs": ["_"], "*": ["_"]`, "person_erase person_export"},
		{`"jobs": ["_"], "/": ["GET"], "holds": ["POST"]`, "hold"},
		{`"jobs": ["_"], "/": ["GET"], "202603-a": ["_"]`, ""},
		{`"/": ["_"], "*": ["_"], "jobs/*": ["_"]`, "delete person_erase tag hold export person_export"},
		{`"jobs": ["GET"], "#": ["_"]`, ""},
	} {
		s := newRestrictedAPI(t, `{"_": {"admin": {"recordings": [{"rules": {`+c.rules+`}}]}}}`)
		s.handler[OpJobs] = Jobs(s.env, &job.Book{Entries: s.store, Queue: &wakes{}, Now: s.env.Now}, JobOptions{Kinds: JobKinds(jobParams, true)})
		token := s.kazooToken(t, "cb_user_auth", bob, "admin")
		for body := range strings.Lines(bodies) {
			r := s.request(t, http.MethodPost, jobsPath, "X-Auth-Token", token, "Content-Type", "application/json")
			r.Body = io.NopCloser(strings.NewReader(body))
			answer := serveUnchecked(t, s.handler[OpJobs], r)
			action := strings.Split(body, `"`)[3]
			want := http.StatusForbidden
			if strings.Contains(" "+c.allowed+" ", " "+action+" ") {
				want = http.StatusCreated
			}
			if answer.Code != want {
				t.Errorf("%s with %s: %d %s, want %d", action, c.rules, answer.Code, answer.body, want)
			}
		}
	}
}

// The files of a job are for those who may read any recording.
func TestRestrictedFilesOfJobs(t *testing.T) {
	t.Parallel()
	for rules, files := range map[string]bool{`"#": ["GET"]`: true, `"jobs/*": ["GET"]`: false} {
		s := newRestrictedAPI(t, `{"_": {"admin": {"recordings": [{"rules": {`+rules+`}}]}}}`)
		book := &job.Book{Entries: s.store, Queue: &wakes{}, Now: s.env.Now}
		engine := job.NewEngine(book, job.Options{
			Actions: map[string]job.Action{"export": stubAction{`{"zip":"exports/Z","zip_bytes":7,"list":"exports/L"}`}},
			Lease:   time.Minute, Holder: "test", Now: s.env.Now,
		})
		j, err := book.Draft(tenant, "export", []byte(`{}`), job.Job{}.By, "")
		if err == nil {
			err = book.Start(t.Context(), j)
		}
		for _, message := range []string{"1", "2"} {
			if err == nil {
				_, err = engine.Slice(t.Context(), job.Message{Account: tenant, ID: message, Sent: s.env.Now()})
			}
			if err == nil {
				_, err = book.Confirm(t.Context(), tenant, j.ID, job.Confirmation{Plan: job.Totals{Count: 2, Bytes: 30}}, func() error { return nil })
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		handler := Jobs(s.env, book, JobOptions{Kinds: JobKinds(jobParams, true), Files: presigner{}, TTL: time.Minute, FileAge: time.Hour})
		token := s.kazooToken(t, "cb_user_auth", bob, "admin")
		answer := serveUnchecked(t, handler, s.request(t, http.MethodGet, jobsPath+"/"+j.ID, "X-Auth-Token", token))
		if got := strings.Contains(string(answer.body), "bucket.test"); answer.Code != http.StatusOK || got != files ||
			!strings.Contains(string(answer.body), `"state":"done"`) {
			t.Errorf("%s: %d %s, want files %t", rules, answer.Code, answer.body, files)
		}
	}
}

// A confirmed job does nothing more a minute after the issuer of its token was removed.
func TestJobsOfARemovedIssuer(t *testing.T) {
	t.Parallel()
	for body, removed := range map[string]bool{
		`{"action":"delete","account":true}`: true, `{"action":"person_erase","owner_id":"anna"}`: true,
		`{"action":"delete","owner_id":"anna"}`: false, `{"action":"person_erase","number":"1"}`: false,
	} {
		s := newRestrictedAPI(t, "")
		book := &job.Book{Entries: s.store, Queue: &wakes{}, Now: s.env.Now}
		kinds, worked := JobKinds(jobParams, true), stubAction{`{"list":"exports/L"}`}
		engine := job.NewEngine(book, job.Options{
			Actions: map[string]job.Action{"delete": worked, "person_erase": worked}, Lease: time.Minute, Holder: "test", Now: s.env.Now,
			Permit: JobPermit(s.env.Access, issuer.NewRegistry(s.store, s.env.Now), kinds),
		})
		handler := Jobs(s.env, book, JobOptions{Kinds: kinds, Files: presigner{}, TTL: time.Minute, FileAge: time.Hour})
		token := s.kazooToken(t, "cb_user_auth", bob, "admin")
		slices := 0
		slice := func() {
			slices++
			if _, err := engine.Slice(t.Context(), job.Message{Account: tenant, ID: strconv.Itoa(slices), Sent: s.env.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		send := func(method, path, body string) got {
			r := s.request(t, method, path, "X-Auth-Token", token, "Content-Type", "application/json")
			r.Body = io.NopCloser(strings.NewReader(body))
			return serveUnchecked(t, handler, r)
		}
		send(http.MethodPost, jobsPath, body).has(t, body, http.StatusCreated, `"state":"planning"`)
		slice()
		list, _, err := book.List(t.Context(), tenant, "", 10)
		if err != nil || len(list) != 1 {
			t.Fatal(len(list), err)
		}
		send(http.MethodPut, jobsPath+"/"+list[0].ID, `{"count":2,"bytes":30}`).has(t, body, http.StatusOK, `"state":"running"`)
		if removed {
			if err := (issuer.Book{Entries: s.store}).Remove(t.Context(), "kazoo"); err != nil {
				t.Fatal(err)
			}
		}
		slice()
		slice() // the cleanup of a job that fails
		j, err := book.Get(t.Context(), tenant, list[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if removed && (j.State != job.Failed || !strings.Contains(j.Cause, "issuer") || j.Progress.Done.Count != 0) {
			t.Errorf("%s of a removed issuer: %s, %q, %d done", body, j.State, j.Cause, j.Progress.Done.Count)
		}
		if !removed && (j.State != job.Done || j.Progress.Done.Count != 1) {
			t.Errorf("%s: %s, %q, %d done", body, j.State, j.Cause, j.Progress.Done.Count)
		}
	}
}

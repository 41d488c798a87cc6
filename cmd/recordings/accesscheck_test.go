package main

import (
	"bytes"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The dry run names who loses which right, by the roles and groups that are stored now.
func TestAccessCheck(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	folder := filepath.Join(t.TempDir(), "data")
	fillTrail(t, folder, now)
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"", done, []string{
			"anna (admin)  delete  requests: 1, the last at 2026-03-04T10:00:05Z  202603-annas",
			"anna (admin)  listen  requests: 2, the last at 2026-03-04T10:00:03Z  202603-gone  (1 about recordings that are gone, whose owner is unknown)",
			"key:script (admin)  share  requests: 1, the last at 2026-03-04T10:00:09Z  202603-bens",
			"otto (admin)  listen  requests: 1, the last at 2026-03-04T10:00:07Z  202603-annas",
		}},
		{"--since 30d", done, []string{
			"anna (admin)  delete  requests: 1, the last at 2026-03-04T10:00:05Z  202603-annas",
			"anna (admin)  listen  requests: 2, the last at 2026-03-04T10:00:03Z  202603-gone  (1 about recordings that are gone, whose owner is unknown)",
			"carl (admin)  manage  requests: 1, the last at 2026-02-10T10:00:00Z",
			"key:script (admin)  share  requests: 1, the last at 2026-03-04T10:00:09Z  202603-bens",
			"otto (admin)  listen  requests: 1, the last at 2026-03-04T10:00:07Z  202603-annas",
		}},
		{"--since 1h", failed, nil},
	} {
		var out, errs bytes.Buffer
		e := env{getenv: func(string) string { return "" }, now: func() time.Time { return now }, stdout: &out, stderr: &errs}
		args := append([]string{"access", "check", "--account", "A", "--data-dir", folder}, strings.Fields(c.args)...)
		if code := run(t.Context(), e, args); code != c.code {
			t.Errorf("access check %s = %d, want %d: %s", c.args, code, c.code, errs.String())
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("access check %s (-want +got):\n%s", c.args, diff)
		}
	}
}

// fillTrail stores recordings, rules and requests that were served with
// UserAccess=account.
func fillTrail(t *testing.T, folder string, now time.Time) {
	t.Helper()
	dir, err := datadir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	at := now
	s, err := dir.OpenStore(t.Context(), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	for id, owner := range map[string]string{"202603-annas": "anna", "202603-bens": "ben"} {
		created := recording.SecondsOf(now)
		r := &recording.Recording{Account: "A", ID: id, Owner: owner, Created: created, Modified: created, Document: recording.Complete("{}", id, created)}
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	d := access.NewDirectory(s)
	for user, role := range map[string]access.Role{"otto": access.Supervisor, "root": access.Admin} {
		if _, err := d.SetUser(t.Context(), "A", user, access.UserEntry{Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.SetGroup(t.Context(), "A", "g", access.Group{Leaders: []string{"otto"}}); err != nil {
		t.Fatal(err)
	}
	if err := d.AddMembers(t.Context(), "A", "g", "ben"); err != nil {
		t.Fatal(err)
	}
	trail := audit.NewTrail(s, audit.Options{Level: audit.All, Now: func() time.Time { return at }, Random: rand.Reader})
	at = time.Date(2026, 2, 10, 10, 0, 0, 0, time.UTC)
	for _, e := range []audit.Entry{
		{Actor: audit.Actor{Owner: "carl"}, Action: access.Manage, Object: "user/x"},
		{Actor: audit.Actor{Owner: "anna"}, Action: access.Listen, Recording: "202603-annas"},
		{Actor: audit.Actor{Owner: "anna"}, Action: access.Listen, Recording: "202603-bens"},
		{Actor: audit.Actor{Owner: "anna"}, Action: access.Listen, Recording: "202603-gone"},
		{Actor: audit.Actor{Owner: "anna"}, Action: access.Tag, Recording: "202603-annas"},
		{Actor: audit.Actor{Owner: "anna"}, Action: access.Delete, Recording: "202603-annas"},
		{Actor: audit.Actor{Owner: "otto"}, Action: access.Listen, Recording: "202603-bens"},
		{Actor: audit.Actor{Owner: "otto"}, Action: access.Listen, Recording: "202603-annas"},
		{Actor: audit.Actor{Issuer: "key", Subject: "script"}, Action: access.Delete, Recording: "202603-bens"},
		{Actor: audit.Actor{Issuer: "key", Subject: "script"}, Action: access.Share, Recording: "202603-bens"},
		{Actor: audit.Actor{Owner: "root"}, Action: access.Manage, Object: "user/x"},
		{Actor: audit.Actor{Owner: "ben"}, Action: access.Delete, Recording: "202603-annas", Result: audit.Refused},
	} {
		if e.Account, e.Actor.Account, e.Actor.Role = "A", "A", access.Admin; e.Result == "" {
			e.Result = audit.Done
		}
		if err := trail.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if at.Month() == time.February {
			at = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
		}
		at = at.Add(time.Second)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// verify finds a removed entry within a chain, and with --expect a removed end.
func TestAuditVerify(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	folder := filepath.Join(t.TempDir(), "data")
	fillTrail(t, folder, now)
	audit := func(args ...string) (code int, out, errs string) {
		var o, e bytes.Buffer
		args = append([]string{"audit"}, append(args, "--account", "A", "--day", "2026-03-04", "--data-dir", folder)...)
		code = run(t.Context(), env{getenv: func(string) string { return "" }, now: func() time.Time { return now }, stdout: &o, stderr: &e}, args)
		return code, o.String(), e.String()
	}
	_, hash, _ := audit("hash")
	hash = strings.TrimSpace(hash)
	if code, out, errs := audit("verify", "--expect", hash); code != done || !strings.Contains(out, "entries: 11  chains: 1  "+hash) {
		t.Fatalf("verify = %d %s %s", code, out, errs)
	}
	removeEntry(t, folder, now, true) // the newest: the end of the chain
	if code, out, errs := audit("verify"); code != done {
		t.Errorf("verify without an end = %d %s %s, want success, because a chain may end anywhere", code, out, errs)
	}
	if code, _, errs := audit("verify", "--expect", hash); code != failed || !strings.Contains(errs, "not the expected one") {
		t.Errorf("verify --expect without an end = %d %s", code, errs)
	}
	removeEntry(t, folder, now, false)
	if code, _, errs := audit("verify"); code != failed || !strings.Contains(errs, "an entry before it is missing") {
		t.Errorf("verify without the first entry = %d %s", code, errs)
	}
}

// removeEntry removes the newest or the oldest entry of the day.
func removeEntry(t *testing.T, folder string, now time.Time, newest bool) {
	t.Helper()
	dir, err := datadir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dir.OpenStore(t.Context(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.PageEntries(t.Context(), store.EntryQuery{Partition: "audit/A/2026-03-04", Descending: newest, Limit: 1})
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("PageEntries = %+v, %v", page, err)
	}
	if err := s.WriteEntries(t.Context(), store.EntryWrite{Entry: page.Entries[0], Delete: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

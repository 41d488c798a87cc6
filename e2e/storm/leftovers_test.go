//go:build e2e

package storm_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // to read the database without the code under test

	"github.com/callrecordings/api/e2e/pbx"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/recording"
)

// checkCalls checks that each call that was not deleted is a recording with its
// fields and its audio, that the deleted ones are gone, and that there are no others.
func (k *killed) checkCalls() {
	k.t.Helper()
	began := time.Now()
	live := map[string]*call{}
	for _, c := range k.calls {
		if !c.deleted {
			live[c.account+"/"+c.id] = c
		}
	}
	end := time.Now().Add(time.Minute)
	var all map[string]item
	for {
		all = map[string]item{}
		ready := 0
		for account := range k.tokens {
			for _, r := range k.list(k.t, k.client, account) {
				all[account+"/"+r.ID] = r
				if r.ReadOnly.State == "ready" {
					ready++
				}
			}
		}
		if ready == len(live) && len(all) == ready || time.Now().After(end) {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	for name, r := range all {
		if live[name] == nil {
			k.t.Errorf("%s exists (%s, caller %s), but was never acknowledged, or was deleted", name, r.ReadOnly.State, r.Caller)
		}
	}
	deleted := 0
	for _, c := range k.calls {
		if c.deleted {
			deleted++
			if status, _ := k.call(c, http.MethodGet, "/"+c.id, "", nil, http.StatusNotFound); status != http.StatusNotFound {
				k.t.Errorf("deleted %s: %d, want 404", c.id, status)
			}
			continue
		}
		r, ok := all[c.account+"/"+c.id]
		if !ok || r.ReadOnly.State != "ready" || r.Caller != c.number {
			k.t.Errorf("%s, call %d: listed %v, %+v, want it ready with caller %s", c.id, c.i, ok, r, c.number)
			continue
		}
		document := k.get(k.t, k.client, c.account, "/"+c.id)
		if n := bytes.Count(document, []byte(c.name)); n == 0 || c.patched && n < 2 {
			k.t.Errorf("%s, patched %v: %s has %d times the name %s", c.id, c.patched, document, n, c.name)
		}
		if audio := k.get(k.t, k.client, c.account, "/"+c.id+"?accept=audio/mpeg"); !bytes.Equal(audio, c.audio) {
			k.t.Errorf("%s has %d bytes of audio that differ from the %d sent", c.id, len(audio), len(c.audio))
		}
	}
	k.t.Logf("%d recordings and %d deleted ones were compared in %v", len(live), deleted, time.Since(began).Round(time.Second))
}

// checkRevoked checks that revoked secrets stay revoked.
func (k *killed) checkRevoked() {
	k.t.Helper()
	for _, base := range k.revoked {
		u := pbx.Upload{Method: http.MethodPut, URL: base + "/x.wav", Type: "audio/x-wav", Body: tone(0)}
		if _, status, _ := untilDone(k.t, k.client, "storage request", send(u), http.StatusUnauthorized); status != http.StatusUnauthorized {
			k.t.Errorf("a revoked secret: %d, want 401", status)
		}
	}
}

// row is a recording or a tombstone in the database.
type row struct {
	revision, key string
	deleted       bool
}

// rows reads the recordings and tombstones by account and ID, and the number of queued
// messages.
func (k *killed) rows() (all map[string]row, queued int) {
	k.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(k.data, "recordings.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		k.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	if err := db.QueryRowContext(k.t.Context(), "SELECT count(*) FROM queue").Scan(&queued); err != nil {
		k.t.Fatal(err)
	}
	found, err := db.QueryContext(k.t.Context(), "SELECT account, id, revision, audio_key, deleted > 0 FROM recordings")
	if err != nil {
		k.t.Fatal(err)
	}
	defer found.Close() //nolint:errcheck // reported by Err
	all = map[string]row{}
	for found.Next() {
		var account, id string
		var r row
		if err := found.Scan(&account, &id, &r.revision, &r.key, &r.deleted); err != nil {
			k.t.Fatal(err)
		}
		if r.key == "" {
			r.key = recording.AudioKey(account, id)
		}
		all[account+"/"+id] = r
	}
	if err := found.Err(); err != nil {
		k.t.Fatal(err)
	}
	return all, queued
}

// checkDelivered waits until the queues are empty, and checks that the event of every
// final revision has been delivered, also of every deletion.
func (k *killed) checkDelivered() {
	k.t.Helper()
	all, queued := k.rows()
	for end := time.Now().Add(time.Minute); queued > 0 && time.Now().Before(end); all, queued = k.rows() {
		time.Sleep(100 * time.Millisecond)
	}
	if queued > 0 {
		k.t.Errorf("%d messages are left in the queues", queued)
	}
	events := k.events()
	for name, r := range all {
		last := ""
		for _, e := range events[name] {
			if e.Detail.Revision == r.revision {
				last = e.Type
			}
		}
		if last == "" || r.deleted != (last == "Recording Deleted") {
			k.t.Errorf("%s, revision %s, deleted %v: its event is %q in %+v", name, r.revision, r.deleted, last, events[name])
		}
	}
	for name := range events {
		if _, ok := all[name]; !ok {
			k.t.Errorf("%s has events, but does not exist", name)
		}
	}
}

// objects returns the keys of all objects.
func (k *killed) objects() (keys []string) {
	k.t.Helper()
	root := filepath.Join(k.data, "audio", "objects", datadir.Bucket)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			keys = append(keys, strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/"))
		}
		if os.IsNotExist(err) { // the server removed it meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return keys
}

// lasting are the files of the data folder.
var lasting = []string{"audio", "demo.env", "events.jsonl", "keys.json", "recordings.db", "recordings.db-shm", "recordings.db-wal", "server.lock"}

// leftovers returns the objects that no recording plays, except sidecar files of
// those, and all unfinished files.
func (k *killed) leftovers() (all []string) {
	k.t.Helper()
	rows, _ := k.rows()
	needed := map[string]bool{}
	for _, r := range rows {
		if !r.deleted {
			needed[r.key] = true
			for _, key := range recording.SidecarKeys(r.key) {
				needed[key] = true
			}
		}
	}
	for _, key := range k.objects() {
		if !needed[key] {
			all = append(all, key)
		}
	}
	for _, pattern := range []string{"audio/tmp/*", "audio/uploads/*", "*"} {
		found, err := filepath.Glob(filepath.Join(k.data, pattern))
		if err != nil {
			k.t.Fatal(err)
		}
		for _, path := range found {
			if pattern != "*" || !slices.Contains(lasting, filepath.Base(path)) {
				all = append(all, path)
			}
		}
	}
	return all
}

// checkObjects checks that every object belongs to a recording, and that no
// unfinished files are left.
func (k *killed) checkObjects() {
	k.t.Helper()
	for _, name := range k.leftovers() {
		k.t.Errorf("%s belongs to no recording", name)
	}
}

// traces matches the callers' numbers and names.
var traces = regexp.MustCompile(regexp.QuoteMeta(numbers[1:]) + `(\d{8})|` + regexp.QuoteMeta(names) + `(\d{8})`)

// search is a search of the data folder for traces.
type search struct {
	files, size, secrets int
	// found has what must not be there, with its file.
	found []string
}

// checkTraces searches the data folder and the logs. They must not have a deleted
// caller, a secret, or a token. The logs must not name any caller.
func (k *killed) checkTraces() {
	k.t.Helper()
	s := k.searchTraces()
	for _, trace := range s.found[:min(20, len(s.found))] {
		k.t.Error(trace)
	}
	if len(s.found) > 0 {
		k.t.Errorf("%d traces of deleted callers, secrets and tokens", len(s.found))
	}
	k.t.Logf("searched %d files, %d MB, for the callers of %d calls, %d secrets and tokens", s.files, s.size>>20, len(k.calls), s.secrets)
}

// searchTraces searches the whole data folder and the logs, byte for byte: file names,
// the database with its free pages and its log, objects with their attributes, and
// the event log.
func (k *killed) searchTraces() (s search) {
	k.t.Helper()
	kept := map[int]bool{}
	for _, c := range k.calls {
		kept[c.i] = !c.deleted
	}
	var secrets []string
	for _, token := range k.tokens {
		secrets = append(secrets, token)
	}
	for _, base := range append(slices.Collect(maps.Values(k.storage)), k.revoked...) {
		secrets = append(secrets, base[strings.LastIndex(base, "/")+1:])
	}
	s.secrets = len(secrets)
	look := func(path string, logged bool) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s.files++
		s.size += len(text)
		name := strings.TrimPrefix(path, k.data)
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				s.found = append(s.found, name+" has a secret or a token")
			}
		}
		for _, m := range traces.FindAllSubmatch(append(text, name...), -1) {
			if i, _ := strconv.Atoi(string(m[1]) + string(m[2])); !kept[i] || logged {
				s.found = append(s.found, fmt.Sprintf("%s has %s of call %d", name, m[0], i))
			}
		}
		return nil
	}
	err := filepath.WalkDir(k.data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = look(path, filepath.Base(path) == "events.jsonl")
		}
		if os.IsNotExist(err) { // the server removed it meanwhile
			return nil
		}
		return err
	})
	if err == nil {
		err = look(k.server.Log, true)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

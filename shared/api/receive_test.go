package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const kazooQuery = "?from=1001%40pbx.example&to=%2B15550100%40pbx.example&caller_id_name=Zo%C3%AB&caller_id_number=1001&call_id=a1%4010.1.1.5" +
	"&cdr_id=202311-a1%4010.1.1.5&interaction_id=63867780000-9f&account_id=" + oneAccount

func TestRecordingsSentByKazoo(t *testing.T) {
	t.Parallel()
	audio := someAudio(t)
	kind, curled := curl(t, map[string]string{"recording_id": "202311-curled", "caller": "1001"}, string(audio))
	for _, c := range []struct {
		name, method, path, kind string
		body                     []byte
		id, owner                string
		want                     map[string]string
	}{
		{
			"4.3 by url", "PUT", "call_recording_a1%4010.1.1.5.mp3" + kazooQuery + "&owner_id=u1&start=63867780000&duration_ms=62340&recording_id=202311-43", "audio/mpeg",
			audio, "202311-43", "u1",
			map[string]string{"from": "1001@pbx.example", "to": "+15550100@pbx.example", "call_id": "a1@10.1.1.5", "caller_id_name": "Zoë", "start": "63867780000"},
		},
		{"5.0 by url", "POST", "call_recording_a1%4010.1.1.5..mp3" + kazooQuery, "audio/mpeg", audio, "", "", map[string]string{"from": "1001@pbx.example", "name": "call_recording_a1@10.1.1.5..mp3"}},
		{"by plan", "PUT", oneAccount + "/u1/202311-plan/0f1e.mp3", "audio/mpeg", audio, "202311-plan", "u1", map[string]string{"name": "0f1e.mp3", "from": "unknown@unknown"}},
		{"by plan, without an owner", "PUT", oneAccount + "/202311-bare/0f1e.mp3", "audio/mpeg", audio, "202311-bare", "", nil},
		{
			"by plan, as a form", "PUT", oneAccount + "/202311-kz@1/call%20(1).mp3", "multipart/form-data; boundary=b0",
			kazooForm("b0", `{"id":"202311-kz@1","from":"1001@pbx","owner_id":"u2","start":63867780000,"_rev":"1"}`, "audio/mpeg", string(audio)), "202311-kz@1", "u2",
			map[string]string{"from": "1001@pbx", "start": "63867780000"},
		},
		{
			"by plan, as a form in base64", "PUT", oneAccount + "/202311-kz@1/call%20(1).mp3", "multipart/form-data; boundary=b0",
			kazooForm("b0", `{"id":"202311-kz@1"}`, "audio/mpeg", base64.StdEncoding.EncodeToString(audio)), "202311-kz@1", "", nil,
		},
		{
			"with a document that is not JSON", "PUT", oneAccount + "/202311-kz@1/x.mp3", "multipart/form-data; boundary=b0",
			kazooForm("b0", `{"id":`, "audio/mpeg", string(audio)), "202311-kz@1", "", nil,
		},
		{"by the guide's field list", "PUT", "202311-list/call_id=7/owner_id=u1/from=a%2Fb%40c/x.mp3", "audio/mpeg", audio, "202311-list", "u1", map[string]string{"from": "a/b@c", "call_id": "7"}},
		{"by a form", "POST", "anything", kind, curled, "202311-curled", "", map[string]string{"caller_id_number": "1001"}},
		{"of no type", "PUT", "x/y/my%20call?id=202311-none&caller=7&start=later&user_metadata=%7B%22a%22:1%7D", "", audio, "202311-none", "", map[string]string{"from": "7@unknown", "user_metadata": `{"a":1}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStorageFixture(t)
			for range 2 { // Kazoo retries after a lost answer
				m := s.ask(t, c.method, s.base+c.path, c.body, "Content-Type", c.kind).made(t)
				if c.id != "" && m.Data.ID != c.id || m.Data.ReadOnly.State != "pending" {
					t.Errorf("%s is %s, want %s, pending", m.Data.ID, m.Data.ReadOnly.State, c.id)
				}
				c.id = m.Data.ID
			}
			s.arrive(t, c.id)
			all := s.all(t, oneAccount)
			if len(all) != 1 || all[0].Audio.Condition() != recording.Ready || all[0].Audio.Size != int64(len(audio)) || all[0].Owner != c.owner {
				t.Fatalf("recordings = %+v, want one, ready, of %q", all, c.owner)
			}
			for field, want := range c.want {
				if got, _ := all[0].Document.Raw(field); got != want && got != recording.Quote(want) {
					t.Errorf("%s = %s, want %s", field, got, want)
				}
			}
			if m := s.ask(t, c.method, s.base+c.path, c.body, "Content-Type", c.kind).made(t); m.Data.ID != c.id || m.Data.ReadOnly.State != "ready" {
				t.Errorf("retry: %s is %s, want it ready", m.Data.ID, m.Data.ReadOnly.State)
			}
		})
	}
}

// Each leg of a call, and each different audio of a leg, is a recording of its own.
func TestEveryLegIsARecording(t *testing.T) {
	t.Parallel()
	s := newStorageFixture(t)
	for _, leg := range []struct{ call, audio string }{{"a", "one"}, {"b", "one"}, {"a", "two"}, {"a", "one"}} {
		s.ask(t, "PUT", s.base+"call_recording_"+leg.call+".mp3", []byte(leg.audio)).made(t)
	}
	if all := s.all(t, oneAccount); len(all) != 3 {
		t.Errorf("%d recordings, want three", len(all))
	}
}

func TestStorageRejects(t *testing.T) {
	t.Parallel()
	s := newStorageFixture(t)
	other := s.newSecret(t, "other")
	revoked := s.newSecret(t, oneAccount)
	if err := s.store.RevokeSecret(t.Context(), oneAccount, revoked[:8]); err != nil {
		t.Fatal(err)
	}
	s.put(t, []byte("sound"), nil)
	if _, err := s.store.Delete(t.Context(), oneAccount, s.all(t, oneAccount)[0].ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	s.put(t, []byte("sound"), func(r *recording.Recording) { r.ID = "202311-other" })
	none, empty := curl(t, map[string]string{"from": "a"})
	two, files := curl(t, nil, "a", "b")
	at := "/v2/storage/" + oneAccount + "/"
	for _, c := range []struct {
		name, method, target, kind, body string
		status                           int
		message                          string
	}{
		{"a wrong secret", "PUT", at + s.secret[:50] + "__/x.mp3", "", "a", 401, "invalid_credentials"},
		{"an unknown secret", "PUT", at + "00000000" + s.secret[8:] + "/x.mp3", "", "a", 401, "invalid_credentials"},
		{"no secret", "PUT", at + "secret/x.mp3", "", "a", 401, "invalid_credentials"},
		{"a revoked secret", "PUT", at + revoked + "/x.mp3", "", "a", 401, "invalid_credentials"},
		{"another account's secret", "PUT", at + other + "/x.mp3", "", "a", 401, "invalid_credentials"},
		{"another account", "PUT", "/v2/storage/other/" + s.secret + "/x.mp3", "", "a", 401, "invalid_credentials"},
		{"no account", "PUT", "/v2/storage/..%2Fother/" + s.secret + "/x.mp3", "", "a", 401, "invalid_credentials"},
		{"a name of another account", "PUT", s.base + "other/202311-a/x.mp3", "", "a", 403, "forbidden"},
		{"a query of another account", "PUT", s.base + "call_recording_a.mp3?account_id=other", "", "a", 403, "forbidden"},
		{"a form of another account", "PUT", s.base + "x.mp3", "multipart/form-data; boundary=b", string(kazooForm("b", `{"account_id":"other"}`, "audio/mpeg", "a")), 403, "forbidden"},
		{"a bad id", "PUT", s.base + "x.mp3?recording_id=../202311-a", "", "a", 400, "validation error"},
		{"two ids", "PUT", s.base + oneAccount + "/202311-a/x.mp3?recording_id=202311-b", "", "a", 400, "validation error"},
		{"no audio", "PUT", s.base + "x.mp3", "", "", 400, "validation error"},
		{"a form without a file", "PUT", s.base + "x.mp3", none, string(empty), 400, "validation error"},
		{"a form with two files", "PUT", s.base + "x.mp3", two, string(files), 400, "validation error"},
		{"a truncated form", "PUT", s.base + "x.mp3", two, string(files[:len(files)-20]), 400, "validation error"},
		{"a form without a boundary", "PUT", s.base + "x.mp3", "multipart/form-data", "a", 400, "validation error"},
		{"a form of many parts", "PUT", s.base + "x.mp3", "multipart/form-data; boundary=b", strings.Repeat("--b\r\n\r\n\r\n", 20), 400, "validation error"},
		{"JSON", "PUT", s.base + "x.mp3", "application/json", "{}", 415, "unsupported_media_type"},
		{"audio over the limit", "PUT", s.base + "x.mp3", "", strings.Repeat("a", 4_400_001), 413, "entity_too_large"},
		{"a deleted recording", "PUT", s.base + "x.mp3?id=" + oneID, "", "a", 409, "datastore_conflict"},
		{"other audio of a recording", "PUT", s.base + "x.mp3?id=202311-other", "", "a", 409, "datastore_conflict"},
		{"a read", "GET", s.base + oneAccount + "/202311-other/x.mp3", "", "", 404, "not_found"},
		{"a read of a test file that was not stored", "GET", s.base + "00_test_credentials_file.txt", "", "", 404, "not_found"},
		{"another method", "DELETE", s.base + "x.mp3", "", "", 405, "invalid_method"},
		{"another method without a secret", "DELETE", at + "x/x.mp3", "", "", 401, "invalid_credentials"},
		{"a large test file", "PUT", s.base + "00_test_credentials_file.txt", "", strings.Repeat("a", 4097), 413, "entity_too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.ask(t, c.method, c.target, []byte(c.body), "Content-Type", c.kind).wantStatus(t, c.status, c.message)
		})
	}
	s.ask(t, "PUT", s.base+"x.mp3", []byte("a"), "Content-Encoding", "gzip").wantStatus(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
	if all := s.all(t, oneAccount); len(all) != 1 || all[0].ID != "202311-other" || all[0].Audio.Size != 5 {
		t.Errorf("recordings = %+v, want the one as it was", all)
	}
	if all := s.all(t, "other"); len(all) != 0 {
		t.Errorf("recordings of the other account = %+v, want none", all)
	}
	if strings.Contains(s.log.String(), s.secret[9:]) {
		t.Error("the log has the secret")
	}
}

// Any name is accepted. The recording belongs to the account, and its audio has the
// usual key.
func TestOddNames(t *testing.T) {
	t.Parallel()
	s := newStorageFixture(t)
	for i, name := range []string{
		"../../other/x.mp3", "..%2F..%2Fother%2Fx.mp3", "a%22b%27c.mp3", "a%0D%0Ab.mp3", "%F0%9F%8E%A7%FF.mp3", "%", "%zz.mp3", strings.Repeat("n", 2000), "a/", "a//b",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, s.base+"x", strings.NewReader(fmt.Sprint("sound ", i)))
		r.URL.Path, r.URL.RawPath = s.base+name, s.base+name
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			t.Errorf("%q: %d %s", name, w.Code, w.Body)
			continue
		}
		id := strings.TrimPrefix(w.Header().Get("Location"), oneList+"/")
		if _, err := s.bucket.Stat(t.Context(), recording.AudioKey(oneAccount, id)); err != nil {
			t.Errorf("%q: the audio of %s: %v", name, id, err)
		}
	}
}

func TestKazooTestFile(t *testing.T) {
	t.Parallel()
	s := newStorageFixture(t)
	const name, content = "/d0c/0123abcd_test_credentials_file.txt", "some random content: 0123abcd"
	for _, account := range []string{oneAccount, "unknown_account"} {
		for range 2 {
			s.ask(t, "PUT", s.base+account+name, []byte(content), "Content-Type", "text/plain").wantStatus(t, http.StatusCreated, "")
		}
		back := s.ask(t, "GET", s.base+account+name+"/"+account+name+"?content=some+random+content&id=d0c", nil)
		if back.status != http.StatusOK || back.body != content || back.header.Get("Content-Type") != "text/plain" {
			t.Errorf("read back: %d %q of %s", back.status, back.body, back.header.Get("Content-Type"))
		}
	}
	s.ask(t, "PUT", s.base+oneAccount+"/d0c/ff_test_credentials_file.txt", kazooForm("b", "{}", "text/plain", content), "Content-Type", "multipart/form-data; boundary=b").
		wantStatus(t, http.StatusCreated, "")
	if back := s.ask(t, "GET", s.base+"ff_test_credentials_file.txt", nil); back.body != content {
		t.Errorf("read back from a form: %d %q", back.status, back.body)
	}
	if all := s.all(t, oneAccount); len(all) != 0 {
		t.Errorf("recordings = %+v, want none", all)
	}
}

// A pending recording gets the audio and keeps the fields of its creator.
func TestAudioForAPendingRecording(t *testing.T) {
	t.Parallel()
	s := newStorageFixture(t)
	s.put(t, nil, func(r *recording.Recording) { r.Audio, r.Made = recording.Audio{}, "made" })
	s.ask(t, "PUT", s.base+"x.mp3?from=z%40z&caller=7&name=other.mp3&id="+oneID, someAudio(t)).made(t)
	s.arrive(t, oneID)
	r := s.all(t, oneAccount)[0]
	name, _ := r.Document.Text("name")
	number, _ := r.Document.Text("caller_id_number")
	if r.Audio.Condition() != recording.Ready || name != "call.mp3" || number != "7" || r.Owner != oneUser || r.Made != "made" {
		t.Errorf("recording = %+v, want it ready, with the fields of its creator", r)
	}
	s.put(t, nil, func(r *recording.Recording) {
		r.ID, r.Audio, r.Upload = "202311-announced", recording.Audio{}, recording.Upload{Size: 3}
	})
	s.ask(t, "PUT", s.base+"x.mp3?id=202311-announced", []byte("four")).wantStatus(t, http.StatusConflict, "datastore_conflict")
}

// Times without an offset are in the time zone of the PBX's clock, regardless of where
// the request has them.
func TestStorageTimesInTheZoneOfThePBX(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := newStorageFixture(t)
	to := s.storage(t, s.bucket)
	to.Zone = berlin
	s.handler = Receive(oneEnv(t, s.single), s.store, to)
	kind, form := curl(t, map[string]string{"id": "202301-form", "start": "2023-01-31 09:30:00"}, "audio")
	for _, c := range []struct {
		id, query, kind, body string
		want                  recording.Seconds
	}{
		{"202301-query", "?id=202301-query&start=2023-01-31+09:30:00", "", "audio", 63842373000},
		{"202301-form", "", kind, string(form), 63842373000},
		{"202301-offset", "?id=202301-offset&start=2023-01-31T09:30:00Z", "", "audio", 63842376600},
		{"202301-bad", "?id=202301-bad&start=later", "", "audio", recording.SecondsOf(oneNow)},
	} {
		s.ask(t, "POST", s.base+"x.mp3"+c.query, []byte(c.body), "Content-Type", c.kind).made(t)
		r, err := s.store.Get(t.Context(), oneAccount, c.id)
		if err != nil {
			t.Fatal(err)
		}
		if start, _ := r.Document.Int("start"); recording.Seconds(start) != c.want || r.Created != c.want {
			t.Errorf("%s: start = %d, created = %d, want %d", c.id, start, r.Created, c.want)
		}
	}
}

//go:build e2e

package guides_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/callrecordings/api/e2e/pbx"
)

// kazoo stands in for the part of Kazoo's API that stores settings. Like Kazoo, it
// tests storage settings before it accepts them (kazoo.md 7.8).
type kazoo struct {
	*httptest.Server
	w *walk

	mu       sync.Mutex
	handler  string
	settings settings
	url      string // for recorders
	enabled  bool
}

type settings struct {
	Bucket, Region, Key, Secret string
	Folder                      string      `json:"folder_base_path"`
	List                        []pbx.Field `json:"field_list"`
	URL                         string
	Multipart                   bool `json:"send_multipart"`
}

// kazoo starts a stand-in Kazoo and sets the variables that the page's commands use
// to reach it.
func (w *walk) kazoo() *kazoo {
	k := &kazoo{w: w}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v2/accounts/{account}/storage", k.storage)
	mux.HandleFunc("PATCH /v2/accounts/{account}", k.record)
	k.Server = httptest.NewServer(mux)
	w.t.Cleanup(k.Close)
	w.vars["KAZOO_URL"], w.vars["KAZOO_TOKEN"] = k.URL, "of-kazoo"
	return k
}

// storage accepts a plan if its target stores a test file and returns it.
func (k *kazoo) storage(out http.ResponseWriter, r *http.Request) {
	var body struct {
		Data struct {
			Attachments map[string]struct {
				Handler  string
				Settings settings
			}
			Plan struct {
				MODB struct {
					Types map[string]struct{ Attachments struct{ Handler string } }
				}
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("X-Auth-Token") == "" {
		http.Error(out, fmt.Sprint("bad plan: ", err), http.StatusBadRequest)
		return
	}
	one, ok := body.Data.Attachments[body.Data.Plan.MODB.Types["call_recording"].Attachments.Handler]
	if !ok {
		http.Error(out, "the plan has no handler for recordings", http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.handler, k.settings = one.Handler, one.Settings
	probe := pbx.Call{
		Account: r.PathValue("account"), ID: "0f9e8d7c6b5a", Attachment: "0f9e8d7c_test_credentials_file.txt", Type: "text/plain", Audio: []byte("some text"),
	}
	status, _, err := k.do(r.Context(), http.MethodPut, probe)
	if err == nil && status/100 == 2 {
		var text string
		if status, text, err = k.do(r.Context(), http.MethodGet, probe); text != "some text" && err == nil {
			err = fmt.Errorf("read back %q", text)
		}
	}
	if err != nil || status/100 != 2 {
		http.Error(out, fmt.Sprintf("the storage test failed: %d %v", status, err), http.StatusBadRequest)
		return
	}
	out.WriteHeader(http.StatusCreated)
}

// record stores the account's call_recording setting.
func (k *kazoo) record(out http.ResponseWriter, r *http.Request) {
	var body struct {
		Data struct {
			Recording struct {
				Account struct {
					Any struct {
						Any struct {
							Enabled bool
							URL     string
						}
					}
				}
			} `json:"call_recording"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.enabled, k.url = body.Data.Recording.Account.Any.Any.Enabled, body.Data.Recording.Account.Any.Any.URL
}

// do sends the request that the plan's handler makes. It returns the status and
// the body of the answer.
func (k *kazoo) do(ctx context.Context, method string, c pbx.Call) (int, string, error) {
	if k.handler == "s3" {
		s3 := k.w.s3
		s3.Bucket, s3.ID, s3.Secret, s3.Region = k.settings.Bucket, k.settings.Key, k.settings.Secret, k.settings.Region
		r, err := s3.Request(ctx, method, k.settings.Folder+"/"+pbx.Format(k.settings.List, c), c.Audio)
		if err != nil {
			return 0, "", err
		}
		return answer(r)
	}
	u := pbx.Plan(k.settings.URL, c)
	// LocalStack's gateway drops the body of a PUT with a multipart form.
	if k.settings.Multipart && method == http.MethodPut && c.Type != "text/plain" && !k.w.cloud {
		u = pbx.PlanForm(k.settings.URL, c, false)
	}
	u.Method = method
	return send(ctx, u)
}

// call stores the recording of a call through the plan.
func (k *kazoo) call(c pbx.Call) {
	k.w.t.Helper()
	if !k.enabled {
		k.w.t.Fatal("recording is not enabled")
	}
	if status, text, err := k.do(k.w.t.Context(), http.MethodPut, c); err != nil || status/100 != 2 {
		k.w.t.Fatalf("the recording was not stored: %d %s %v", status, text, err)
	}
}

func send(ctx context.Context, u pbx.Upload) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, u.Method, u.URL, bytes.NewReader(u.Body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", u.Type)
	return answer(r)
}

func answer(r *http.Request) (int, string, error) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// callAt returns a call in the page's account. start is in Gregorian seconds.
func callAt(w *walk, call string, start int64) pbx.Call {
	return pbx.Call{
		Account: w.vars["ACCOUNT_ID"], ID: "202601-" + fmt.Sprintf("%032x", start), CallID: call, Owner: "10a", Start: start, DurationMS: 1000,
		Direction: "inbound", From: "1001@pbx.example", To: "1002@pbx.example", Caller: "1001", Callee: "1002",
		Attachment: "a1b2.mp3", Type: "audio/mpeg", Audio: tone(call),
	}
}

// allFields returns the expected fields of c's recording if Kazoo sends all of them.
func allFields(c pbx.Call) map[string]any {
	return map[string]any{
		"id": c.ID, "owner_id": c.Owner, "start": float64(c.Start), "duration_ms": float64(c.DurationMS), "direction": c.Direction,
		"from": c.From, "to": c.To, "caller_id_number": c.Caller, "callee_id_number": c.Callee,
	}
}

func TestKazooS3(t *testing.T) {
	w := open(t).begin(t, "how-to/connect-kazoo-s3.md", 1)
	k := w.kazoo()
	if w.cloud {
		w.follow("sh", "aws")
		pair := strings.Fields(w.output)
		if len(pair) != 2 {
			t.Fatalf("want an access key and its secret, got %q", w.output)
		}
		w.vars["S3_KEY"], w.vars["S3_SECRET"] = pair[0], pair[1]
	}
	w.follow("sh", "")
	if want := pbx.GuideList(); fmt.Sprint(k.settings.List) != fmt.Sprint(want) {
		t.Errorf("the guide's field list is %v, want that of package pbx, %v", k.settings.List, want)
	}
	c := callAt(w, "a84b4c76e66710@pbx.example", 63937071000)
	k.call(c)
	w.play(c.Audio)
	w.want(w.recordings(1)[c.CallID], allFields(c))
}

func TestKazooHTTP(t *testing.T) {
	w := open(t).begin(t, "how-to/connect-kazoo-http.md", 2)
	k := w.kazoo()
	w.follow("sh", "")
	first, second := callAt(w, "first@pbx.example", 63937071000), callAt(w, "second@pbx.example", 63937072000)
	if status, text, err := send(t.Context(), pbx.Recorder(k.url, first, false)); err != nil || status/100 != 2 {
		t.Fatalf("the recorder's upload was not stored: %d %s %v", status, text, err)
	}
	k.call(second)
	w.play(second.Audio)
	all := w.recordings(2)
	want := allFields(first)
	delete(want, "callee_id_number") // not in the query
	w.want(all[first.CallID], want)
	if w.cloud {
		return // do sent no form, so this recording has only its IDs
	}
	w.want(all[second.CallID], allFields(second))
}

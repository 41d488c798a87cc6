package pbx_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/callrecordings/api/e2e/pbx"
)

func TestKazooNames(t *testing.T) {
	t.Parallel()
	c := pbx.Call{
		Account: "0123456789abcdef0123456789abcdef", ID: "202611-a", CallID: "x@10.0.0.1", From: "1001@r", Attachment: "f.mp3", Type: "audio/mpeg",
	}
	for got, want := range map[string]string{
		pbx.Format(pbx.DefaultList(), c): "account%2F01%2F23%2F456789abcdef0123456789abcdef-202611/202611-a_f.mp3",
		pbx.Format(pbx.GuideList(), c):   "202611-a/call_id=x%4010.0.0.1/owner_id=/start=/duration_ms=/direction=/from=1001%40r/to=/caller_id_number=/callee_id_number=/f.mp3",
		pbx.Plan("u", c).URL:             "u/" + c.Account + "/202611-a/f.mp3",
		pbx.Recorder("u", c, true).URL: "u/call_recording_x%4010.0.0.1..mp3?from=1001%40r&to=&caller_id_name=&caller_id_number=&call_id=x%4010.0.0.1" +
			"&cdr_id=&interaction_id=&account_id=" + c.Account,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestS3RequestPath(t *testing.T) {
	t.Parallel()
	r, err := pbx.S3{Endpoint: "http://127.0.0.1:1", Bucket: "b", Region: "r", ID: "i", Secret: "s"}.Request(t.Context(), "PUT", "inbox/a/from=1%40r/x y.mp3", []byte("a"))
	if err != nil || r.URL.EscapedPath() != "/b/inbox/a/from%3D1%2540r/x%20y.mp3" {
		t.Errorf("path %s, %v", r.URL.EscapedPath(), err)
	}
	if path, _ := url.PathUnescape(r.URL.EscapedPath()); path != "/b/inbox/a/from=1%40r/x y.mp3" || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		t.Errorf("path %s, headers %v", path, r.Header)
	}
}

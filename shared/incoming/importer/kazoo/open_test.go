package kazoo_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
)

// The errors of Open and their texts.
func TestOpenSource(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	for _, c := range []struct {
		name   string
		server kazootest.Options
		change func(o *kazoo.Options)
		want   error
		text   string
	}{
		{"web server", kazootest.Options{NotKazoo: true}, func(o *kazoo.Options) { o.APIKey, o.Token = "", "t" }, importer.ErrStop, "not Kazoo"},
		{"web server, with an API key", kazootest.Options{NotKazoo: true}, nil, nil, "envelope"},
		{"redirect", kazootest.Options{RedirectTo: "https://elsewhere.example.com/"}, nil, importer.ErrStop, "redirects"},
		{"no answer", kazootest.Options{}, func(o *kazoo.Options) { o.URL = closed.URL }, importer.ErrUnreachable, "refused"},
		{"untrusted certificate", kazootest.Options{}, func(o *kazoo.Options) { o.URL = tls.URL }, importer.ErrStop, "certificate"},
		{"wrong key", kazootest.Options{}, func(o *kazoo.Options) { o.APIKey = "wrong-secret" }, importer.ErrStop, "API key was rejected"},
		{"wrong token", kazootest.Options{}, func(o *kazoo.Options) { o.APIKey, o.Token = "", "wrong-secret" }, importer.ErrStop, "token is invalid"},
		{"account of another tenant", kazootest.Options{}, func(o *kazoo.Options) { o.Account = other }, importer.ErrStop, "does not reach"},
		{"unknown account", kazootest.Options{}, func(o *kazoo.Options) { o.Account = strings.Repeat("f", 32) }, importer.ErrStop, "account does not exist"},
		{"no URL", kazootest.Options{}, func(o *kazoo.Options) { o.URL = "pbx.example.com" }, kazoo.ErrURL, ""},
		{"URL with a password", kazootest.Options{}, func(o *kazoo.Options) { o.URL = "https://a:b@pbx.example.com" }, kazoo.ErrURL, ""},
		{"file URL", kazootest.Options{}, func(o *kazoo.Options) { o.URL = "file:///etc" }, kazoo.ErrURL, ""},
		{"neither token nor key", kazootest.Options{}, func(o *kazoo.Options) { o.APIKey = "" }, kazoo.ErrLogin, ""},
		{"both token and key", kazootest.Options{}, func(o *kazoo.Options) { o.Token = "t" }, kazoo.ErrLogin, ""},
		{"URL with a version", kazootest.Options{}, func(o *kazoo.Options) { o.URL += "/v2/" }, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := start(t, c.server)
			o := k.options(t)
			if c.change != nil {
				c.change(&o)
			}
			_, err := kazoo.Open(t.Context(), o)
			if c.want == nil && c.text == "" {
				if err != nil {
					t.Errorf("Open = %v, want nil", err)
				}
				return
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("Open = %v, want %v with %q", err, c.want, c.text)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), key) {
				t.Errorf("Open = %v, which contains a secret", err)
			}
		})
	}
}

// If the module is missing from Kazoo, the error names the module.
func TestOpenWithoutTheModule(t *testing.T) {
	t.Parallel()
	url := handler(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"status":"error","message":"not_found","error":"404"}`))
	})
	o := standIn{url: url}.options(t)
	o.APIKey, o.Token = "", "token"
	if _, err := kazoo.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "start_module cb_recordings") {
		t.Errorf("Open = %v, want the command that starts the module", err)
	}
}

// If there is no API key, an expired token ends the import.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	asked := 0
	url := handler(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked > 3 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":[]}`))
	})
	o := standIn{url: url}.options(t)
	o.APIKey, o.Token = "", "token"
	for _, err := range open(t, o).Pages(t.Context()) {
		if !errors.Is(err, importer.ErrStop) {
			t.Errorf("Pages yields %v, want ErrStop", err)
		}
		return
	}
	t.Error("Pages yields nothing")
}

package e2e

import (
	"path/filepath"
	"testing"

	"github.com/callrecordings/api/local/datadir"
)

// localKeys returns the token keys of the local server on a data folder.
func localKeys(t *testing.T, data string) string {
	t.Helper()
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	return string(dir.Keys.Token)
}

// smokeTarget starts a local server and returns the URL and token from its
// demo.env.
func smokeTarget(t *testing.T) (url, token string) {
	t.Helper()
	tg := target{}
	data := startLocal(t, &tg)
	env, err := envFile(filepath.Join(data, "demo.env"))
	if err != nil {
		t.Fatal(err)
	}
	return env["URL"], env["TOKEN"]
}

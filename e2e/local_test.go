package e2e

import (
	"path/filepath"
	"testing"

	"callrecordings/local/datadir"
)

// localKeys are the keys that the local server over a data folder trusts.
func localKeys(t *testing.T, data string) string {
	t.Helper()
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	return string(dir.Keys.Token)
}

// smokeTarget starts a local server and reads what it tells scripts.
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

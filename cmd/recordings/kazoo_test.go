package main

import (
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
	"github.com/callrecordings/api/shared/recording"
)

// The account that scripts import, and its API key.
const (
	kazooAccount = "0000000000000000000000000000000a"
	kazooKey     = "key-of-kazoo"
)

// kazooServer implements `kazoo N [bad]`: it starts a Kazoo at KAZOO_URL with N
// recordings of the account ACCOUNT. The account has two users, a group, and a disabled
// account below it. With bad, there are two more: one with audio
// that fails, and one with an invalid ID.
func kazooServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: kazoo N [bad]")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	o := kazootest.Options{
		Accounts: []kazootest.Tenant{{
			ID: kazooAccount, Name: "one",
			Users:    []kazootest.User{{ID: "0000000000000000000000000000ada0", First: "Ada", Level: "admin"}, {ID: "0000000000000000000000000000b0b0", First: "Bob"}},
			Groups:   []kazootest.Group{{ID: "00000000000000000000000000005a1e", Name: "Sales", Endpoints: map[string]string{"0000000000000000000000000000b0b0": "user"}}},
			Children: []kazootest.Tenant{{ID: "0000000000000000000000000000000b", Name: "two", Disabled: true}},
		}},
		APIKeys: map[string]string{kazooKey: kazooAccount}, Now: time.Now,
	}
	to := time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC)
	all := kazootest.Account(1, kazooAccount, n, to.AddDate(0, -3, 0), to)
	if len(args) > 1 {
		bad := kazootest.Recording{ID: "202605-bad", Created: int64(recording.SecondsOf(to.AddDate(0, -1, 0))), Document: `{"duration":9}`, AudioType: "audio/mpeg", Audio: []byte("x")}
		odd := bad
		odd.ID, odd.AudioType = "of another form", ""
		all = append(all, bad, odd)
		o.Faults.Always = map[string]kazootest.Misbehavior{"202605-bad": kazootest.AudioFails}
	}
	k := kazootest.New(o)
	k.Add(kazooAccount, all...)
	server := httptest.NewServer(k)
	ts.Defer(server.Close)
	ts.Setenv("KAZOO_URL", server.URL)
	ts.Setenv("KAZOO_API_KEY", kazooKey)
	ts.Setenv("ACCOUNT", kazooAccount)
}

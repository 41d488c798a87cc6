package kazoo_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
)

// id returns an ID of Kazoo's form.
func id(n int) string { return fmt.Sprintf("%032x", n) }

// people starts a Kazoo with a tree, users and groups.
func people(t *testing.T, o kazootest.Options) standIn {
	t.Helper()
	o.Now = time.Now
	many := make([]kazootest.User, 120)
	for i := range many {
		many[i] = kazootest.User{ID: id(500 - i), First: "Many"}
	}
	o.Accounts = []kazootest.Tenant{{ID: id(1), Name: "Master", Children: []kazootest.Tenant{{
		ID: upper, Name: "Upper", Users: []kazootest.User{{ID: id(12), First: "Ada", Last: "Lovelace", Level: "admin"}, {ID: id(11), First: "Bob", Last: "B"}},
		Devices: []kazootest.Device{{ID: id(21), Owner: id(12)}, {ID: id(22)}},
		Groups: []kazootest.Group{
			{ID: id(32), Name: "Sales", Endpoints: map[string]string{id(11): "user", id(21): "device", id(22): "device"}},
			{ID: id(31), Name: "All", Endpoints: map[string]string{id(32): "group", id(31): "group", id(13): "user", "not/valid": "user", id(14): "unknown"}},
			{ID: id(33), Name: "Empty"},
		},
		Children: []kazootest.Tenant{
			{ID: id(3), Name: "Zoo", Children: []kazootest.Tenant{{ID: id(2), Name: "Ark"}}},
			{ID: lower, Name: "Lower", Disabled: true, Users: many},
		},
	}}}}
	o.APIKeys = map[string]string{key: upper}
	s := kazootest.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return standIn{s, server.URL}
}

// The tree, users and groups are read in spite of all faults.
func TestPeople(t *testing.T) {
	t.Parallel()
	k := people(t, kazootest.Options{Seed: 5, TokenUses: 4, PageSize: 2, Faults: kazootest.Faults{TooMany: .1, Broken: .1, Cut: .2}})
	s, err := kazoo.Connect(t.Context(), k.options(t))
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := s.Accounts(t.Context())
	want := []kazoo.Account{
		{upper, "Upper", "", true}, {id(3), "Zoo", upper, true}, {lower, "Lower", upper, false}, {id(2), "Ark", id(3), true},
	}
	if err != nil || !reflect.DeepEqual(accounts, want) {
		t.Errorf("Accounts = %+v, %v, want %+v", accounts, err, want)
	}
	users, err := s.Users(t.Context(), upper)
	if want := []kazoo.User{{id(11), "Bob B", false}, {id(12), "Ada Lovelace", true}}; err != nil || !reflect.DeepEqual(users, want) {
		t.Errorf("Users = %+v, %v, want %+v", users, err, want)
	}
	users, err = s.Users(t.Context(), lower)
	if err != nil || len(users) != 120 || users[0].ID != id(381) {
		t.Errorf("Users = %d, %v, want 120 in order", len(users), err)
	}
	groups, err := s.Groups(t.Context(), upper)
	wantGroups := []kazoo.Group{
		{id(31), "All", []string{id(11), id(12), id(13)}}, {id(32), "Sales", []string{id(11), id(12)}}, {id(33), "Empty", nil},
	}
	if err != nil || !reflect.DeepEqual(groups, wantGroups) {
		t.Errorf("Groups = %+v, %v, want %+v", groups, err, wantGroups)
	}
	if groups, err = s.Groups(t.Context(), lower); err != nil || len(groups) != 0 {
		t.Errorf("Groups of an account without any = %+v, %v", groups, err)
	}
}

// Errors of the account, and of the token.
func TestPeopleErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*kazoo.Options)
		text   string
	}{
		"unknown account":  {func(o *kazoo.Options) { o.Account = id(99) }, "does not exist"},
		"account above":    {func(o *kazoo.Options) { o.Account = id(1) }, "does not reach"},
		"token is invalid": {func(o *kazoo.Options) { o.APIKey, o.Token = "", "wrong" }, "token is invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := people(t, kazootest.Options{}).options(t)
			c.change(&o)
			s, err := kazoo.Connect(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Accounts(t.Context()); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("Accounts = %v, want an error with %q", err, c.text)
			}
		})
	}
}

// Answers that no Kazoo sends do not become accounts, users or groups.
func TestPeopleOddities(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]map[string]string{
		"an account with a slash":        {"descendants": `[{"id":"a/b","tree":["` + upper + `"]}]`},
		"an account elsewhere":           {"descendants": `[{"id":"` + lower + `","tree":["` + other + `"]}]`},
		"an account below itself":        {"descendants": `[{"id":"` + lower + `","tree":["` + upper + `","` + lower + `"]}]`},
		"the document of another":        {upper: `{"id":"` + lower + `"}`},
		"a document that is not one":     {upper: `[]`},
		"enabled that is not true/false": {upper: `{"id":"` + upper + `","enabled":"no"}`},
		"a user without an ID":           {"users": `[{"priv_level":"admin"}]`},
		"a user whose ID is a number":    {"users": `[{"id":5}]`},
		"a group without an ID":          {"groups": `[{}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := handler(t, func(w http.ResponseWriter, r *http.Request) {
				data, ok := answers[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]
				if !ok {
					data = `[]`
					if strings.HasSuffix(r.URL.Path, upper) {
						data = `{"id":"` + upper + `"}`
					}
				}
				_, _ = io.WriteString(w, `{"status":"success","data":`+data+`}`)
			})
			o := standIn{url: url}.options(t)
			o.APIKey, o.Token = "", "token"
			s, err := kazoo.Connect(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			_, accountsErr := s.Accounts(t.Context())
			_, usersErr := s.Users(t.Context(), upper)
			_, groupsErr := s.Groups(t.Context(), upper)
			if err := errors.Join(accountsErr, usersErr, groupsErr); err == nil || errors.Is(err, importer.ErrStop) {
				t.Errorf("the answers were accepted: %v", err)
			}
		})
	}
}

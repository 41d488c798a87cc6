package kazoo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/incoming/importer"
)

// Account is an account of Kazoo and its place in the tree (kazoo.md 6.4).
type Account struct {
	ID, Name string
	// Parent is the account directly above. For the account that Accounts begins with,
	// it is "".
	Parent string
	// Enabled is false if Kazoo refuses the account's tokens.
	Enabled bool
}

// User is a user of an account.
type User struct {
	ID, Name string
	// Admin reports whether the user's priv_level is admin (kazoo.md 6.5).
	Admin bool
}

// Group is a ring group of an account.
type Group struct {
	ID, Name string
	// Members are the IDs of users, sorted. The owner of a member device is a member,
	// and so are the members of a member group.
	Members []string
}

// Accounts returns the account of the options and all accounts below it, each before
// those below it. It reads the document of each account, because Kazoo's list does not
// state whether an account is enabled. Errors: importer.ErrStop, importer.ErrUnreachable.
func (s *Source) Accounts(ctx context.Context) ([]Account, error) {
	type row struct {
		ID   string   `json:"id"`
		Tree []string `json:"tree"`
	}
	top := Account{ID: s.Account}
	if err := s.describe(ctx, &top); err != nil {
		return nil, fmt.Errorf("read account %s: %w", s.Account, explainAccount(err))
	}
	var rows []row
	err := s.rows(ctx, "/accounts/"+url.PathEscape(s.Account)+"/descendants", func(text json.RawMessage) error {
		var r row
		switch {
		case json.Unmarshal(text, &r) != nil || !validAccount.MatchString(r.ID):
			return fmt.Errorf("%w: an account without a valid ID", errNotKazoo)
		case r.ID == s.Account: // old versions list the account itself, too
			return nil
		case !slices.Contains(r.Tree, s.Account) || slices.Contains(r.Tree, r.ID):
			return fmt.Errorf("%w: account %s is not below %s", errNotKazoo, r.ID, s.Account)
		}
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the accounts below %s: %w", s.Account, err)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(len(a.Tree)-len(b.Tree), strings.Compare(a.ID, b.ID))
	})
	rows = slices.CompactFunc(rows, func(a, b row) bool { return a.ID == b.ID })
	all := []Account{top}
	for _, r := range rows {
		a := Account{ID: r.ID, Parent: r.Tree[len(r.Tree)-1]}
		switch err := s.describe(ctx, &a); {
		case errors.Is(err, importer.ErrGone): // deleted since the list
			continue
		case err != nil:
			return nil, fmt.Errorf("read account %s: %w", r.ID, err)
		}
		all = append(all, a)
	}
	return all, nil
}

// explainAccount adds what an error means for the first account.
func explainAccount(err error) error {
	var s *statusError
	switch {
	case errors.Is(err, errNotKazoo):
		return fmt.Errorf("this is not Kazoo: %w", err)
	case errors.Is(err, importer.ErrGone) && errors.As(err, &s):
		return fmt.Errorf("the account does not exist: %w", s)
	}
	return err
}

// describe reads the name and the state of an account from its document. Without enabled
// in the document, the account is enabled. Errors: those of do, and importer.ErrGone if
// Kazoo does not know the account.
func (s *Source) describe(ctx context.Context, a *Account) error {
	var doc struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Enabled *bool  `json:"enabled"`
	}
	if err := s.document(ctx, "/accounts/"+url.PathEscape(a.ID), &doc); err != nil {
		return gone(err)
	}
	if doc.ID != a.ID {
		return fmt.Errorf("%w: it describes another account", errNotKazoo)
	}
	a.Name, a.Enabled = doc.Name, doc.Enabled == nil || *doc.Enabled
	return nil
}

// Users returns the users of an account, sorted by their IDs.
// Errors: importer.ErrStop, importer.ErrUnreachable.
func (s *Source) Users(ctx context.Context, account string) ([]User, error) {
	var all []User
	err := s.rows(ctx, "/accounts/"+url.PathEscape(account)+"/users", func(text json.RawMessage) error {
		var r struct {
			ID    string `json:"id"`
			First string `json:"first_name"`
			Last  string `json:"last_name"`
			Level string `json:"priv_level"`
		}
		if json.Unmarshal(text, &r) != nil || !validAccount.MatchString(r.ID) {
			return fmt.Errorf("%w: a user without a valid ID", errNotKazoo)
		}
		all = append(all, User{ID: r.ID, Name: strings.TrimSpace(r.First + " " + r.Last), Admin: r.Level == "admin"})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the users of %s: %w", account, err)
	}
	slices.SortFunc(all, func(a, b User) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b User) bool { return a.ID == b.ID }), nil
}

// endpoint is a member of a group in Kazoo's document.
type endpoint struct {
	Type string `json:"type"`
}

// Groups returns the groups of an account, sorted by their IDs.
// Errors: importer.ErrStop, importer.ErrUnreachable.
func (s *Source) Groups(ctx context.Context, account string) ([]Group, error) {
	at := "/accounts/" + url.PathEscape(account)
	var all []Group
	err := s.rows(ctx, at+"/groups", func(text json.RawMessage) error {
		var g Group
		if json.Unmarshal(text, &struct {
			ID   *string `json:"id"`
			Name *string `json:"name"`
		}{&g.ID, &g.Name}) != nil || !validAccount.MatchString(g.ID) {
			return fmt.Errorf("%w: a group without a valid ID", errNotKazoo)
		}
		all = append(all, g)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the groups of %s: %w", account, err)
	}
	slices.SortFunc(all, func(a, b Group) int { return strings.Compare(a.ID, b.ID) })
	all = slices.CompactFunc(all, func(a, b Group) bool { return a.ID == b.ID })
	endpoints := map[string]map[string]endpoint{}
	for _, g := range all {
		var doc struct {
			Endpoints map[string]endpoint `json:"endpoints"`
		}
		if err := s.document(ctx, at+"/groups/"+url.PathEscape(g.ID), &doc); err != nil && !errors.Is(gone(err), importer.ErrGone) {
			return nil, fmt.Errorf("read group %s of %s: %w", g.ID, account, err)
		}
		endpoints[g.ID] = doc.Endpoints
	}
	owners, err := s.owners(ctx, account, endpoints)
	if err != nil {
		return nil, fmt.Errorf("list the devices of %s: %w", account, err)
	}
	for i := range all {
		all[i].Members = members(all[i].ID, endpoints, owners)
	}
	return all, nil
}

// owners returns the owners of an account's devices, if a group has a device.
func (s *Source) owners(ctx context.Context, account string, groups map[string]map[string]endpoint) (map[string]string, error) {
	needed := false
	for _, g := range groups {
		for _, e := range g {
			needed = needed || e.Type == "device"
		}
	}
	owners := map[string]string{}
	if !needed {
		return owners, nil
	}
	return owners, s.rows(ctx, "/accounts/"+url.PathEscape(account)+"/devices", func(text json.RawMessage) error {
		var r struct {
			ID    string `json:"id"`
			Owner string `json:"owner_id"`
		}
		if json.Unmarshal(text, &r) != nil {
			return fmt.Errorf("%w: a device that is not an object", errNotKazoo)
		}
		owners[r.ID] = r.Owner
		return nil
	})
}

// members returns the users of a group, of its devices and of the groups in it, sorted.
func members(group string, groups map[string]map[string]endpoint, owners map[string]string) []string {
	var found []string
	seen := map[string]bool{group: true}
	for open := []string{group}; len(open) > 0; {
		g := open[0]
		open = open[1:]
		for id, e := range groups[g] {
			switch {
			case e.Type == "group" && !seen[id]:
				seen[id] = true
				open = append(open, id)
				continue
			case e.Type == "device":
				id = owners[id]
			case e.Type != "user":
				continue
			}
			if validAccount.MatchString(id) {
				found = append(found, id)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// document reads the data of one document.
func (s *Source) document(ctx context.Context, path string, into any) error {
	return s.do(ctx, request{
		method: http.MethodGet, path: path, header: map[string]string{"Accept": "application/json"},
		read: func(resp *http.Response) error {
			var answer struct {
				Data   json.RawMessage `json:"data"`
				Status string          `json:"status"`
			}
			if err := readJSON(resp.Body, &answer); err != nil {
				return err
			}
			if answer.Status != "success" || json.Unmarshal(answer.Data, into) != nil {
				return errNotKazoo
			}
			return nil
		},
	})
}

package kazootest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// User is a user of an account.
type User struct {
	// ID is 32 hexadecimal digits.
	ID          string
	First, Last string
	// Level is the priv_level, "user" by default.
	Level string
}

// Group is a ring group of an account.
type Group struct {
	ID, Name string
	// Endpoints maps IDs to their types: user, device or group.
	Endpoints map[string]string
}

// Device is a device of an account.
type Device struct {
	ID, Owner string
}

// document answers with the document of an account and some of the private fields that
// Kazoo adds to it (applications/crossbar/src/modules/cb_accounts.erl, leak_pvt_fields).
func (x *exchange) document() *failure {
	t := x.account
	reseller := append(slices.Clone(t.tree), t.ID)[0]
	return x.succeed(http.StatusOK, map[string]any{
		"id": t.ID, "name": t.Name, "enabled": !t.Disabled, "realm": strings.ToLower(t.Name) + ".sip.example.com",
		"language": "en-us", "timezone": "America/Los_Angeles", "call_restriction": map[string]any{},
		"reseller_id": reseller, "is_reseller": len(t.Children) > 0, "superduper_admin": false, "billing_mode": "manual",
	}, map[string]any{"revision": digest(t.ID, t.Name)})
}

// users answers with the rows of the view users/crossbar_listing
// (applications/crossbar/priv/couchdb/account/users.json).
func (x *exchange) users() *failure {
	return rows(x, x.account.Users, func(u User) (string, map[string]any) {
		return u.ID, map[string]any{
			"id": u.ID, "first_name": u.First, "last_name": u.Last, "priv_level": cmp.Or(u.Level, "user"),
			"username": strings.ToLower(u.First), "email": strings.ToLower(u.First) + "@example.com", "features": []string{"vm_to_email"},
		}
	})
}

// groups answers with the rows of the view groups/crossbar_listing
// (applications/crossbar/priv/couchdb/account/groups.json).
func (x *exchange) groups() *failure {
	return rows(x, x.account.Groups, func(g Group) (string, map[string]any) {
		return g.ID, map[string]any{"id": g.ID, "name": g.Name, "features": []string{}, "endpoints": len(g.Endpoints)}
	})
}

// group answers with the document of a group.
func (x *exchange) group() *failure {
	i := slices.IndexFunc(x.account.Groups, func(g Group) bool { return g.ID == x.id })
	if i < 0 {
		return system("bad_identifier", map[string]any{"cause": x.id})
	}
	g := x.account.Groups[i]
	endpoints := map[string]any{}
	for id, kind := range g.Endpoints {
		endpoints[id] = map[string]any{"type": kind, "weight": 1}
	}
	return x.succeed(http.StatusOK, map[string]any{
		"id": g.ID, "name": g.Name, "endpoints": endpoints, "music_on_hold": map[string]any{}, "ui_metadata": map[string]any{"ui": "monster-ui"},
	}, map[string]any{"revision": digest(g.ID, g.Name)})
}

// devices answers with the rows of the view devices/crossbar_listing
// (applications/crossbar/priv/couchdb/account/devices.json).
func (x *exchange) devices() *failure {
	return rows(x, x.account.Devices, func(d Device) (string, map[string]any) {
		row := map[string]any{"id": d.ID, "name": "phone " + d.ID, "mac_address": "", "enabled": true, "device_type": "sip_device"}
		if d.Owner != "" {
			row["owner_id"] = d.Owner
		}
		return d.ID, row
	})
}

// rows answers with a list in pages, sorted by ID (3.3).
func rows[T any](x *exchange, all []T, row func(T) (id string, row map[string]any)) *failure {
	size, failed := x.pageSize()
	if failed != nil {
		return failed
	}
	start := openCursor(x.query.Get("start_key")).text
	type keyed struct {
		id  string
		row map[string]any
	}
	found := []keyed{}
	for _, one := range all {
		if id, row := row(one); id >= start {
			found = append(found, keyed{id, row})
		}
	}
	slices.SortFunc(found, func(a, b keyed) int { return strings.Compare(a.id, b.id) })
	envelope := map[string]any{}
	if size > 0 {
		if len(found) > size {
			envelope["next_start_key"] = key{text: found[size].id}.cursor()
			found = found[:size]
		}
		envelope["page_size"] = len(found)
	}
	items := make([]map[string]any, len(found))
	for i := range found {
		items[i] = found[i].row
	}
	return x.succeed(http.StatusOK, items, envelope)
}

package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/webhook"
)

// manager reads and changes the users and groups of an account.
type manager struct {
	directory *access.Directory
	editor    retention.Editor
}

// ManagedStore has the entries that [Manage] reads and writes, and the recordings whose time
// depends on the members of groups.
type ManagedStore interface {
	store.Entries
	store.Reader
}

// Manage answers the requests about users and groups (docs/access.md), and those for the
// audit trail and for webhooks (contract). They need the right to manage, but the audit
// trail needs the right to audit. hooks is nil if the feed of changes is off.
func Manage(env Env, s ManagedStore, c *cursor.Sealer, hooks *webhook.Book) http.Handler {
	m := &manager{
		directory: access.NewDirectory(s),
		editor:    retention.Editor{Entries: s, Recordings: s, Now: env.Now, Time: previewWork},
	}
	t := &trailReader{trail: audit.NewReader(s), sealer: c}
	h := &hookManager{hooks}
	return env.handle(OpAccess, func(w http.ResponseWriter, r *request) error {
		switch r.target.path() {
		case accountTrail, itemTrail:
			return t.serve(w, r)
		case accountHooks, accountHook:
			return h.serve(w, r)
		}
		return m.serve(w, r)
	})
}

// action returns the method that serves a route of OpAccess, given by its HTTP method and
// path. The table is in a function, so that only the function access links these methods.
func (m *manager) action(route string) func(*request) (any, paging, error) {
	return map[string]func(*request) (any, paging, error){
		"GET " + accessUsers:     m.listUsers,
		"GET " + accessUser:      m.getUser,
		"PUT " + accessUser:      m.putUser,
		"DELETE " + accessUser:   m.deleteUser,
		"GET " + accessGroups:    m.listGroups,
		"GET " + accessGroup:     m.getGroup,
		"PUT " + accessGroup:     m.putGroup,
		"DELETE " + accessGroup:  m.deleteGroup,
		"GET " + accessMembers:   m.listMembers,
		"PUT " + accessMember:    m.putMember,
		"DELETE " + accessMember: m.deleteMember,
	}[route]
}

func (m *manager) serve(w http.ResponseWriter, r *request) error {
	if err := r.allow(access.Manage); err != nil {
		return err
	}
	if err := r.acceptsDocument(); err != nil {
		return err
	}
	data, keys, err := m.do(r)
	if err != nil {
		return err
	}
	return r.writeData(w, http.StatusOK, data, keys)
}

// do carries out the request. A change is confirmed and recorded first.
func (m *manager) do(r *request) (data any, keys paging, err error) {
	do := m.action(r.Method + " " + r.target.path())
	if r.Method == http.MethodGet {
		return do(r)
	}
	r.object = managedObject(r)
	if err := m.confirm(r); err != nil {
		return nil, paging{}, err
	}
	data, err = audited(r, access.Manage, "", func(record func() error) (any, error) {
		if err := record(); err != nil {
			return nil, err
		}
		data, _, err := do(r)
		return data, err
	})
	return data, paging{}, err
}

// confirm checks a change of the members of a group, because it may remove recordings. Users
// have no other part in how long recordings are kept: a user who is removed stays a member.
func (m *manager) confirm(r *request) error {
	change := access.MemberChange{Group: r.target.group}
	if change.Group == "" {
		return nil
	}
	confirmed, err := confirmedNumber(r)
	if err != nil {
		return err
	}
	switch r.Method + " " + r.target.path() {
	case "DELETE " + accessGroup:
		change.RemoveAll = true
	case "PUT " + accessGroup:
		removing, err := m.directory.Removing(r.Context(), r.account, change.Group)
		if err != nil || !removing {
			return err
		}
		change.RemoveAll = true
	case "PUT " + accessMember:
		change.Add = []string{r.user}
	case "DELETE " + accessMember:
		change.Remove = []string{r.user}
	}
	err = m.editor.ConfirmMembers(r.Context(), r.account, confirmed, change)
	if u := (*retention.UnconfirmedError)(nil); errors.As(err, &u) && len(change.Add) > 0 {
		if _, e := m.directory.Group(r.Context(), r.account, change.Group); e != nil {
			return e // the group does not exist, so nobody has to confirm anything
		}
	}
	return err
}

// managedObject names the user, the group or the member of the path in the audit trail.
func managedObject(r *request) string {
	group, user := r.target.group, r.user
	switch {
	case group == "":
		return "user/" + user
	case user == "":
		return "group/" + group
	}
	return "group/" + group + "/member/" + user
}

// pageOfIDs returns the size of a page of users, groups or members. The page begins after the
// ID after. Here start_key is that ID: callers with the right to manage may know it.
func pageOfIDs(r *request) (size int, after string, err error) {
	query := parseParameters(r.URL.RawQuery)
	size = defaultPageSize
	if text, ok := query.first("page_size"); ok {
		if err := parsePageSize(&size, text); err != nil {
			f, _ := err.(recording.FieldError) //nolint:errorlint // parsePageSize does not wrap it
			f.Field = "page_size"
			return 0, "", f
		}
	}
	if text, _ := query.first("start_key"); !recording.IsAbsent(text) {
		if after = text; !auth.ValidName(after) {
			return 0, "", cursor.ErrInvalid
		}
	}
	return size, after, nil
}

// userData and groupData are the users and groups in answers. Lists are never null.
type userData struct {
	ID     string      `json:"id"`
	Role   access.Role `json:"role,omitempty"`
	Name   string      `json:"name,omitempty"`
	Leads  []string    `json:"leads"`
	Source string      `json:"source,omitempty"`
}

type groupData struct {
	ID      string   `json:"id"`
	Name    string   `json:"name,omitempty"`
	Leaders []string `json:"leaders"`
	Source  string   `json:"source,omitempty"`
}

// memberData is a member of a group in answers.
type memberData struct {
	ID string `json:"id"`
}

func userDataOf(p access.Person) userData {
	return userData{p.ID, p.Role, p.Name, append([]string{}, p.Leads...), p.Source}
}

func groupDataOf(t access.Team) groupData {
	return groupData{t.ID, t.Name, append([]string{}, t.Leaders...), t.Source}
}

func (m *manager) listUsers(r *request) (any, paging, error) {
	size, after, err := pageOfIDs(r)
	if err != nil {
		return nil, paging{}, err
	}
	found, next, err := m.directory.Users(r.Context(), r.account, after, size)
	data := make([]userData, len(found))
	for i := range found {
		data[i] = userDataOf(found[i])
	}
	return data, paging{size: len(data), start: after, end: next, byID: true}, err
}

func (m *manager) getUser(r *request) (any, paging, error) {
	p, err := m.directory.User(r.Context(), r.account, r.user)
	return userDataOf(p), paging{}, err
}

func (m *manager) putUser(r *request) (any, paging, error) {
	var u access.UserEntry
	err := readEntry(r, map[string]any{"role": &u.Role, "name": &u.Name})
	if err != nil {
		return nil, paging{}, err
	}
	if u.Role != "" && !u.Role.Valid() {
		return nil, paging{}, recording.FieldErrors{{
			Field: "role", Code: "enum", Message: "Value not found in enumerated list of values", Target: access.Roles,
		}}
	}
	p, err := m.directory.SetUser(r.Context(), r.account, r.user, u)
	return userDataOf(p), paging{}, err
}

func (m *manager) deleteUser(r *request) (any, paging, error) {
	p, err := m.directory.User(r.Context(), r.account, r.user)
	if err == nil {
		err = m.directory.RemoveUser(r.Context(), r.account, r.user)
	}
	return userDataOf(p), paging{}, err
}

func (m *manager) listGroups(r *request) (any, paging, error) {
	size, after, err := pageOfIDs(r)
	if err != nil {
		return nil, paging{}, err
	}
	found, next, err := m.directory.Groups(r.Context(), r.account, after, size)
	data := make([]groupData, len(found))
	for i := range found {
		data[i] = groupDataOf(found[i])
	}
	return data, paging{size: len(data), start: after, end: next, byID: true}, err
}

func (m *manager) getGroup(r *request) (any, paging, error) {
	t, err := m.directory.Group(r.Context(), r.account, r.target.group)
	return groupDataOf(t), paging{}, err
}

func (m *manager) putGroup(r *request) (any, paging, error) {
	var g access.Group
	if err := readEntry(r, map[string]any{"name": &g.Name, "leaders": &g.Leaders}); err != nil {
		return nil, paging{}, err
	}
	t, err := m.directory.SetGroup(r.Context(), r.account, r.target.group, g)
	return groupDataOf(t), paging{}, err
}

func (m *manager) deleteGroup(r *request) (any, paging, error) {
	t, err := m.directory.Group(r.Context(), r.account, r.target.group)
	if err == nil || errors.Is(err, access.ErrNoGroup) { // a removal that died partway is finished
		err = m.directory.RemoveGroup(r.Context(), r.account, r.target.group)
	}
	t.ID = r.target.group
	return groupDataOf(t), paging{}, err
}

func (m *manager) listMembers(r *request) (any, paging, error) {
	size, after, err := pageOfIDs(r)
	if err != nil {
		return nil, paging{}, err
	}
	if _, err := m.directory.Group(r.Context(), r.account, r.target.group); err != nil {
		return nil, paging{}, err
	}
	found, next, err := m.directory.Members(r.Context(), r.account, r.target.group, after, size)
	data := make([]memberData, len(found))
	for i := range found {
		data[i] = memberData{found[i]}
	}
	return data, paging{size: len(data), start: after, end: next, byID: true}, err
}

func (m *manager) putMember(r *request) (any, paging, error) {
	return memberData{r.user}, paging{}, m.directory.AddMembers(r.Context(), r.account, r.target.group, r.user)
}

func (m *manager) deleteMember(r *request) (any, paging, error) {
	return memberData{r.user}, paging{}, m.directory.RemoveMembers(r.Context(), r.account, r.target.group, r.user)
}

// noEntry returns the 404 for the user or the group of the path.
func noEntry(r *request) *publicError {
	id := r.target.group
	if id == "" {
		id = r.user
	}
	return &publicError{
		status: http.StatusNotFound, code: "bad_identifier", data: map[string]any{"message": "bad identifier", "cause": id},
	}
}

// badEntry returns a function that makes the 400 for a user or a group that breaks a
// rule, with the rule in words.
func badEntry(code, format string) func(*request) *publicError {
	return func(*request) *publicError {
		return &publicError{
			status: http.StatusBadRequest, code: "validation error",
			data: map[string]any{"data": map[string]any{code: map[string]any{
				"message": strings.ToUpper(format[:1]) + format[1:], "target": format,
			}}},
		}
	}
}

package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Operation is the kind of a request, such as list. The Lambda functions and the routes in the
// log have these names.
type Operation string

// The operations. OpFallback stands for all requests that the others do not serve.
const (
	OpList    Operation = "list"
	OpGet     Operation = "get"
	OpCreate  Operation = "create"
	OpPatch   Operation = "patch"
	OpDelete  Operation = "delete"
	OpReceive Operation = "receive"
	OpShare   Operation = "share"
	OpAccess  Operation = "access"
	// OpRetention is how long recordings are kept, and legal holds.
	OpRetention Operation = "retention"
	// OpJobs is the jobs over many recordings.
	OpJobs Operation = "jobs"
	// OpChanges is the feed of changes.
	OpChanges  Operation = "changes"
	OpFallback Operation = "fallback"
)

// Route is a row of the route table: a method and a path, and the operation that
// serves them.
type Route struct {
	Op     Operation
	Method string
	// Path is a pattern. {version} matches v1 and v2, any other {…} one segment.
	Path string
	// Public routes need no token. Storage has a secret in the path instead.
	Public bool
}

// The paths of the contract (Routes). A deployed interface uses the alias paths
// for users.
const (
	accountList = "/{version}/accounts/{account_id}/recordings"
	userList    = "/{version}/accounts/{account_id}/users/{user_id}/recordings"
	aliasList   = "/{version}/accounts/{account_id}/{user_id}/recordings"
	accountItem = accountList + "/{recording_id}"
	userItem    = userList + "/{recording_id}"
	aliasItem   = aliasList + "/{recording_id}"
	// The audio has a path of its own, because generated clients need an operation
	// with one type of answer. accept=audio on the item's path is Kazoo's way.
	accountAudio = accountItem + "/audio"
	userAudio    = userItem + "/audio"
	aliasAudio   = aliasItem + "/audio"
	// No recording ID is "audit", because IDs begin with a month.
	accountTrail = accountList + "/audit"
	itemTrail    = accountItem + "/audit"
	// No recording ID is "changes", either.
	accountChanges = accountList + "/changes"
	// No recording ID is "webhooks", either.
	accountHooks = accountList + "/webhooks"
	accountHook  = accountHooks + "/{webhook_id}"
	// No recording ID is "summary", either.
	accountSummary = accountList + "/summary"
	userSummary    = userList + "/summary"
	itemLinks      = accountItem + "/links"
	itemRestore    = accountItem + "/restore"
	userRestore    = userItem + "/restore"
	itemLink       = itemLinks + "/{link_id}"
	// linkAudio plays a recording without a token: its last segment is a secret.
	linkAudio = itemLink + "/{secret}"
	// Users and groups. No recording ID is "access", because IDs begin with a month.
	accessUsers   = accountList + "/access/users"
	accessUser    = accessUsers + "/{user_id}"
	accessGroups  = accountList + "/access/groups"
	accessGroup   = accessGroups + "/{group_id}"
	accessMembers = accessGroup + "/members"
	accessMember  = accessMembers + "/{user_id}"
	// How long recordings are kept. No recording ID is "retention", because IDs begin with
	// a month.
	retentionPolicy  = accountList + "/retention"
	retentionPreview = retentionPolicy + "/preview"
	// Legal holds. No recording ID is "holds" either.
	accountHolds = accountList + "/holds"
	accountHold  = accountHolds + "/{hold_id}"
	// Jobs over many recordings. No recording ID is "jobs", because IDs begin with a month.
	jobList    = accountList + "/jobs"
	jobItem    = jobList + "/{job_id}"
	definition = "/{version}/openapi.json"
	errorList  = "/{version}/errors"
	// storage takes the storage requests of PBXs. A name of one or more segments
	// follows the secret.
	storage = "/{version}/storage/{account_id}/{secret}/{proxy+}"
)

// Routes is the table of all routes. OPTIONS is answered on every path and has no
// rows.
var Routes = []Route{
	{Op: OpList, Method: http.MethodGet, Path: accountList},
	{Op: OpCreate, Method: http.MethodPut, Path: accountList},
	{Op: OpJobs, Method: http.MethodGet, Path: jobList},
	{Op: OpJobs, Method: http.MethodPost, Path: jobList},
	{Op: OpJobs, Method: http.MethodGet, Path: jobItem},
	{Op: OpJobs, Method: http.MethodPut, Path: jobItem},
	{Op: OpJobs, Method: http.MethodDelete, Path: jobItem},
	{Op: OpAccess, Method: http.MethodGet, Path: accountTrail},
	{Op: OpChanges, Method: http.MethodGet, Path: accountChanges},
	{Op: OpAccess, Method: http.MethodGet, Path: accountHooks},
	{Op: OpAccess, Method: http.MethodPost, Path: accountHooks},
	{Op: OpAccess, Method: http.MethodGet, Path: accountHook},
	{Op: OpAccess, Method: http.MethodDelete, Path: accountHook},
	{Op: OpList, Method: http.MethodGet, Path: accountSummary},
	{Op: OpAccess, Method: http.MethodGet, Path: itemTrail},
	{Op: OpRetention, Method: http.MethodGet, Path: retentionPolicy},
	{Op: OpRetention, Method: http.MethodPut, Path: retentionPolicy},
	{Op: OpRetention, Method: http.MethodDelete, Path: retentionPolicy},
	{Op: OpRetention, Method: http.MethodPost, Path: retentionPreview},
	{Op: OpRetention, Method: http.MethodGet, Path: accountHolds},
	{Op: OpRetention, Method: http.MethodPost, Path: accountHolds},
	{Op: OpRetention, Method: http.MethodGet, Path: accountHold},
	{Op: OpRetention, Method: http.MethodDelete, Path: accountHold},
	{Op: OpGet, Method: http.MethodGet, Path: accountItem},
	{Op: OpGet, Method: http.MethodHead, Path: accountItem},
	{Op: OpPatch, Method: http.MethodPatch, Path: accountItem},
	{Op: OpDelete, Method: http.MethodDelete, Path: accountItem},
	{Op: OpList, Method: http.MethodGet, Path: userList},
	{Op: OpList, Method: http.MethodGet, Path: userSummary},
	{Op: OpGet, Method: http.MethodGet, Path: userItem},
	{Op: OpGet, Method: http.MethodHead, Path: userItem},
	{Op: OpPatch, Method: http.MethodPatch, Path: userItem},
	{Op: OpDelete, Method: http.MethodDelete, Path: userItem},
	{Op: OpDelete, Method: http.MethodPost, Path: itemRestore},
	{Op: OpDelete, Method: http.MethodPost, Path: userRestore},
	{Op: OpList, Method: http.MethodGet, Path: aliasList},
	{Op: OpGet, Method: http.MethodGet, Path: aliasItem},
	{Op: OpGet, Method: http.MethodHead, Path: aliasItem},
	{Op: OpPatch, Method: http.MethodPatch, Path: aliasItem},
	{Op: OpDelete, Method: http.MethodDelete, Path: aliasItem},
	{Op: OpGet, Method: http.MethodGet, Path: accountAudio},
	{Op: OpGet, Method: http.MethodHead, Path: accountAudio},
	{Op: OpGet, Method: http.MethodGet, Path: userAudio},
	{Op: OpGet, Method: http.MethodHead, Path: userAudio},
	{Op: OpGet, Method: http.MethodGet, Path: aliasAudio},
	{Op: OpGet, Method: http.MethodHead, Path: aliasAudio},
	{Op: OpShare, Method: http.MethodGet, Path: itemLinks},
	{Op: OpShare, Method: http.MethodPost, Path: itemLinks},
	{Op: OpShare, Method: http.MethodDelete, Path: itemLink},
	{Op: OpShare, Method: http.MethodGet, Path: linkAudio, Public: true},
	{Op: OpShare, Method: http.MethodHead, Path: linkAudio, Public: true},
	{Op: OpAccess, Method: http.MethodGet, Path: accessUsers},
	{Op: OpAccess, Method: http.MethodGet, Path: accessUser},
	{Op: OpAccess, Method: http.MethodPut, Path: accessUser},
	{Op: OpAccess, Method: http.MethodDelete, Path: accessUser},
	{Op: OpAccess, Method: http.MethodGet, Path: accessGroups},
	{Op: OpAccess, Method: http.MethodGet, Path: accessGroup},
	{Op: OpAccess, Method: http.MethodPut, Path: accessGroup},
	{Op: OpAccess, Method: http.MethodDelete, Path: accessGroup},
	{Op: OpAccess, Method: http.MethodGet, Path: accessMembers},
	{Op: OpAccess, Method: http.MethodPut, Path: accessMember},
	{Op: OpAccess, Method: http.MethodDelete, Path: accessMember},
	{Op: OpReceive, Method: http.MethodPut, Path: storage, Public: true},
	{Op: OpReceive, Method: http.MethodPost, Path: storage, Public: true},
	{Op: OpReceive, Method: http.MethodGet, Path: storage, Public: true},
	{Op: OpReceive, Method: http.MethodHead, Path: storage, Public: true},
	{Op: OpFallback, Method: http.MethodGet, Path: definition, Public: true},
	{Op: OpFallback, Method: http.MethodHead, Path: definition, Public: true},
	{Op: OpFallback, Method: http.MethodGet, Path: errorList, Public: true},
	{Op: OpFallback, Method: http.MethodHead, Path: errorList, Public: true},
}

// Match returns the operation that serves a method on a path, or OpFallback. The path
// is escaped, as from [url.URL.EscapedPath]. A server that mounts several handlers on
// one address routes with Match. Every handler checks its route again.
func Match(method, escapedPath string) Operation {
	p := parseTarget(escapedPath)
	if op, ok := p.operation(method); ok {
		return op
	}
	if p.secret != "" {
		return OpReceive // only OpReceive checks the secret, and that check comes before the method
	}
	return OpFallback
}

// Account returns the account of an escaped path, in lower case and not checked; "" if
// the path has none.
func Account(escapedPath string) string {
	return strings.ToLower(parseTarget(escapedPath).account)
}

// resource is a path of the table with all its methods.
type resource struct {
	segments []string
	routes   []Route
	allow    string // the value of Allow
}

// resources are the rows of Routes by path, in the order of the table.
var resources = resourcesOf(Routes)

// resourcesOf groups routes. Every function runs it when it starts, so it allocates
// little: the rows of a path follow each other in the table. A test checks that.
func resourcesOf(routes []Route) []resource {
	all := make([]resource, 0, len(routes))
	segments := make([]string, 0, 4*len(routes)) // of all paths
	for len(routes) > 0 {
		path, n := routes[0].Path, 0
		allow := append(make([]byte, 0, 64), http.MethodOptions...)
		for ; n < len(routes) && routes[n].Path == path; n++ {
			allow = append(append(allow, ", "...), routes[n].Method...)
		}
		first := len(segments)
		for segment := range strings.SplitSeq(path[1:], "/") {
			segments = append(segments, segment)
		}
		all = append(all, resource{segments: segments[first:len(segments):len(segments)], routes: routes[:n:n], allow: string(allow)})
		routes = routes[n:]
	}
	return all
}

// maxSegments is the length of the longest path of the table.
const maxSegments = 9

// target is the parsed path of a request.
type target struct {
	// resource is nil if no row of the table has this path.
	resource *resource
	// version is "v1" or "v2". account, user and id are decoded once and not
	// checked; "" if the path has none. account is set for every path below an
	// account, even without a route.
	version, account, user, id string
	// group is that of the path of a group, decoded and not checked.
	group string
	// secret and name are those of a storage request. The name is still escaped,
	// because an escaped slash does not separate segments.
	secret, name string
	// webhook is that of the path of a webhook, decoded and not checked.
	webhook string
	// job is the ID of a job, decoded and not checked.
	job string
	// link and linkSecret are those of a link.
	link, linkSecret string
	// hold is the ID of a legal hold, decoded and not checked.
	hold string
	// owned is true if the path is below an account. audio is true if it is that of a
	// recording's audio.
	owned, audio bool
}

// parseTarget parses an escaped path. It splits before it decodes, because an
// escaped slash does not separate segments. It ignores a trailing slash.
func parseTarget(escaped string) target {
	var p target
	var segments [maxSegments]string
	n := 0
	rest := strings.TrimSuffix(strings.TrimPrefix(escaped, "/"), "/")
	if s, ok := parseStorage(rest); ok {
		return s
	}
	for part := range strings.SplitSeq(rest, "/") {
		text, err := url.PathUnescape(part)
		if n == maxSegments || err != nil {
			n = maxSegments + 1 // matches no row
			break
		}
		segments[n] = text
		n++
	}
	if segments[1] == "accounts" && n > 2 {
		p.account, p.owned = segments[2], true
	}
	if n > maxSegments {
		return p
	}
	for i := range resources {
		if p.match(&resources[i], segments[:n]) {
			break
		}
	}
	return p
}

// storageResource is the entry of storage in resources.
var storageResource = &resources[slices.IndexFunc(resources, func(r resource) bool { return r.segments[1] == "storage" })]

// parseStorage parses the path of a storage request. ok is false for any other
// path.
func parseStorage(rest string) (p target, ok bool) {
	parts := strings.SplitN(rest, "/", len(storageResource.segments))
	if len(parts) < len(storageResource.segments) || parts[1] != "storage" || parts[0] != "v1" && parts[0] != "v2" {
		return p, false
	}
	p = target{resource: storageResource, version: parts[0], name: parts[4]}
	for i, field := range map[int]*string{2: &p.account, 3: &p.secret} {
		text, err := url.PathUnescape(parts[i])
		if err != nil || text == "" {
			return p, false
		}
		*field = text
	}
	return p, p.name != ""
}

// match sets p from segments and returns true if they match res.
func (p *target) match(res *resource, segments []string) bool {
	if len(segments) != len(res.segments) {
		return false
	}
	found := target{resource: res, account: p.account, owned: p.owned}
	for i, want := range res.segments {
		got := segments[i]
		switch want {
		case "{version}":
			if got != "v1" && got != "v2" {
				return false
			}
			found.version = got
		case "{account_id}":
		case "{user_id}":
			// After the account, these words have another meaning.
			if i == 3 && (got == "users" || got == "recordings") {
				return false
			}
			found.user = got
		case "{group_id}":
			found.group = got
		case "{recording_id}":
			found.id = got
		case "{webhook_id}":
			found.webhook = got
		case "{job_id}":
			found.job = got
		case "{link_id}":
			found.link = got
		case "{hold_id}":
			found.hold = got
		case "{secret}":
			found.linkSecret = got
		default:
			if got != want {
				return false
			}
			found.audio = found.audio || want == "audio"
			continue
		}
		if got == "" {
			return false
		}
	}
	*p = found
	return true
}

// operation returns the operation of a method on p. ok is false without a row.
func (p *target) operation(method string) (op Operation, ok bool) {
	if p.resource != nil {
		for _, route := range p.resource.routes {
			if route.Method == method {
				return route.Op, true
			}
		}
	}
	return OpFallback, false
}

// path returns the pattern of the route. Only handlers call it: their requests have a route.
func (p *target) path() string { return p.resource.routes[0].Path }

// public reports whether p needs no token.
func (p *target) public() bool { return p.resource != nil && p.resource.routes[0].Public }

// allow returns the value of Allow for p.
func (p *target) allow() string {
	if p.resource == nil {
		return http.MethodOptions
	}
	return p.resource.allow
}

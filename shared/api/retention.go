package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// previewWork limits how long one request counts for a preview. API Gateway
// answers for a function after 29 s.
const previewWork = 15 * time.Second

// keeper reads and changes how long the recordings of an account are kept.
type keeper struct {
	book   retention.Book
	editor retention.Editor
}

// RetentionStore has the recordings and entries that [Retention] reads and writes.
type RetentionStore interface {
	store.Entries
	store.Reader
	store.Finder
}

// Retention answers the requests about how long recordings are kept (contract,
// Retention), and those about legal holds (contract, Holds). The former need the right to
// retention, the latter those to hold and to release.
func Retention(env Env, s RetentionStore, holds *hold.Book) http.Handler {
	h := &holder{book: holds, find: s}
	k := &keeper{
		book:   retention.Book{Entries: s},
		editor: retention.Editor{Entries: s, Recordings: s, Now: env.Now, Time: previewWork},
	}
	return env.handle(OpRetention, func(w http.ResponseWriter, r *request) error {
		if path := r.target.path(); path == accountHolds || path == accountHold {
			return h.serve(w, r)
		}
		return k.serve(w, r)
	})
}

// action returns the method for a route of OpRetention. The table is in a function, so that
// only the function retention links those methods.
func (k *keeper) action(route string) func(*request) (any, error) {
	return map[string]func(*request) (any, error){
		"GET " + retentionPolicy:    k.get,
		"PUT " + retentionPolicy:    k.put,
		"DELETE " + retentionPolicy: k.remove,
		"POST " + retentionPreview:  k.preview,
	}[route]
}

func (k *keeper) serve(w http.ResponseWriter, r *request) error {
	if err := r.allow(access.Retention); err != nil {
		return err
	}
	if err := r.acceptsDocument(); err != nil {
		return err
	}
	r.object = "retention"
	data, err := k.action(r.Method + " " + r.target.path())(r)
	if err != nil {
		return err
	}
	return r.writeData(w, http.StatusOK, data, paging{})
}

// policyData is a policy in answers. Rules are never null.
type policyData struct {
	// Rules are those that apply.
	Rules []retention.Rule `json:"rules"`
	// Source is the account that has them, null if none applies.
	Source *string `json:"source"`
	retention.Bounds
}

// effective returns the policy that applies to the account of the path.
func (k *keeper) effective(r *request) (policyData, error) {
	e, err := k.book.Effective(r.Context(), r.account)
	if err != nil {
		return policyData{}, err
	}
	data := policyData{Rules: append([]retention.Rule{}, e.Policy.Rules...), Bounds: e.Bounds}
	if e.Source != "" {
		data.Source = &e.Source
	}
	return data, nil
}

func (k *keeper) get(r *request) (any, error) { return k.effective(r) }

// put stores the policy of the body.
func (k *keeper) put(r *request) (any, error) {
	rules, confirm, err := readPolicy(r)
	if err != nil {
		return nil, err
	}
	return k.change(r, confirm, k.replace(r, &retention.Policy{Rules: rules}))
}

// remove removes the account's own policy. The one of the account above then applies.
func (k *keeper) remove(r *request) (any, error) {
	confirm, err := confirmedNumber(r)
	if err != nil {
		return nil, err
	}
	return k.change(r, confirm, k.replace(r, nil))
}

// confirmedNumber returns the parameter confirm: the number of recordings that the client lets
// go. It is 0 if the parameter is absent.
func confirmedNumber(r *request) (int, error) {
	text := r.URL.Query().Get("confirm")
	if recording.IsAbsent(text) {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, recording.FieldError{
			Field: "confirm", Code: "type", Message: "Value did not match type(s): integer", Target: "integer",
		}
	}
	return n, nil
}

// preview counts the recordings that the policy of the body would remove.
func (k *keeper) preview(r *request) (any, error) {
	rules, _, err := readPolicy(r)
	if err != nil {
		return nil, err
	}
	return k.editor.Preview(r.Context(), r.account, k.replace(r, &retention.Policy{Rules: rules}))
}

// replace returns a change of settings that sets the policy, and checks it against the
// operator's bounds.
func (k *keeper) replace(r *request, p *retention.Policy) func(retention.Settings) (retention.Settings, error) {
	return func(s retention.Settings) (retention.Settings, error) {
		if s.Policy = p; p == nil {
			return s, nil
		}
		e, err := k.book.With(r.Context(), r.account, r.account, s)
		if err != nil {
			return s, err
		}
		return s, p.Validate(e.Bounds)
	}
}

// change stores settings and returns the policy that applies now.
func (k *keeper) change(r *request, confirm int, change func(retention.Settings) (retention.Settings, error)) (any, error) {
	_, err := audited(r, access.Retention, "", func(record func() error) (retention.Settings, error) {
		return k.editor.Change(r.Context(), r.account, confirm, change, record)
	})
	if err != nil {
		return nil, err
	}
	return k.effective(r)
}

// readPolicy reads the body of a PUT or of a preview: the rules, and the number of
// recordings that the client has confirmed.
func readPolicy(r *request) (rules []retention.Rule, confirm int, err error) {
	var raw json.RawMessage
	if err := readEntry(r, map[string]any{"rules": &raw, "confirm": &confirm}); err != nil {
		return nil, 0, err
	}
	var members []json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &members) != nil {
		return nil, 0, wrongEntryType("rules", "array")
	}
	if len(members) > retention.MaxRules {
		members = members[:retention.MaxRules+1] // Policy.Validate reports it
	}
	rules = make([]retention.Rule, len(members))
	var errs recording.FieldErrors
	for i := range members {
		errs = append(errs, readRule(members[i], "rules."+strconv.Itoa(i+1)+".", &rules[i])...)
	}
	return rules, confirm, errs.Err()
}

// readRule reads a rule. at is the path of its fields.
func readRule(raw json.RawMessage, at string, rule *retention.Rule) recording.FieldErrors {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return wrongEntryType(at[:len(at)-1], "object")
	}
	return decodeFields(members, at, map[string]any{
		"name": &rule.Name, "days": &rule.Days, "forever": &rule.Forever, "direction": &rule.Direction, "owner_id": &rule.Owner,
		"group": &rule.Group, "tag": &rule.Tag, "min_seconds": &rule.MinSeconds, "max_seconds": &rule.MaxSeconds,
	})
}

package retention

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Effective is the policy that applies to the recordings of one account. [Book.Effective] makes it.
// The zero value keeps everything for good.
type Effective struct {
	// Account is the account.
	Account string
	// Source has the policy that applies. It is Account or an account above it, or ""
	// without any policy.
	Source string
	// Policy is that of Source.
	Policy Policy
	// Bounds are the strictest of Account and of all accounts above it.
	Bounds Bounds

	// members has the users of the groups in Policy, by group.
	members map[string]map[string]bool
	guards  []store.Guard
	// moves is how often the account has moved, and revisions are those of the settings of the
	// account and of all accounts above it, "" for those that never had any.
	moves     int
	revisions []string
}

// Guards returns the entries that e was computed from. A removal that rests on e passes
// them to the store, which refuses it if one has changed. The members of groups are not
// among them: they are read right before the removal.
func (e *Effective) Guards() []store.Guard { return slices.Clone(e.guards) }

// Limits reports whether any recording of the account may expire.
func (e *Effective) Limits() bool { return len(e.Days()) > 0 }

// Expires returns when a recording expires, and the name of the rule that decides. at is 0
// if it is kept for good. Holds are not considered.
func (e *Effective) Expires(r *recording.Recording) (at recording.Seconds, rule string) {
	days, rule := e.Bounds.clamp(0), MaximumRule
	if i := slices.IndexFunc(e.Policy.Rules, func(one Rule) bool { return e.matches(&one, r) }); i >= 0 {
		days, rule = e.Bounds.clamp(e.Policy.Rules[i].Days), e.Policy.Rules[i].Name
	}
	if days == 0 {
		return 0, ""
	}
	return r.Created + recording.Seconds(days*recording.Day), rule
}

// Expired reports whether r has expired at the time now. Holds are not considered.
func (e *Effective) Expired(r *recording.Recording, now recording.Seconds) bool {
	at, _ := e.Expires(r)
	return at != 0 && at <= now
}

// clamp returns how long a rule of that many days keeps recordings; 0 means for good.
func (b Bounds) clamp(days int) int {
	if b.Max > 0 && (days == 0 || days > b.Max) {
		days = b.Max
	}
	if days != 0 {
		days = max(days, b.Min)
	}
	return days
}

// matches reports whether r meets the conditions of a rule.
func (e *Effective) matches(rule *Rule, r *recording.Recording) bool {
	if rule.Owner != "" && rule.Owner != r.Owner || rule.Group != "" && !e.members[rule.Group][r.Owner] {
		return false
	}
	if rule.Direction != "" {
		if direction, _ := r.Document.Text("direction"); direction != rule.Direction {
			return false
		}
	}
	if rule.MinSeconds > 0 || rule.MaxSeconds > 0 {
		seconds, ok := r.Document.Int("duration")
		if !ok || seconds < int64(rule.MinSeconds) || rule.MaxSeconds > 0 && seconds > int64(rule.MaxSeconds) {
			return false
		}
	}
	if rule.Tag != "" {
		if _, ok := r.Document.Raw("user_metadata", "tags", rule.Tag); !ok {
			return false
		}
	}
	return true
}

// Days returns the different numbers of days after which recordings expire, ascending.
func (e *Effective) Days() []int {
	var all []int
	for i := range e.Policy.Rules {
		all = append(all, e.Bounds.clamp(e.Policy.Rules[i].Days))
	}
	all = append(all, e.Bounds.clamp(0))
	all = slices.DeleteFunc(all, func(days int) bool { return days == 0 })
	slices.Sort(all)
	return slices.Compact(all)
}

// Fingerprint identifies what applies: the rules, the bounds and the members of groups.
// Equal fingerprints expire the same recordings at the same times.
func (e *Effective) Fingerprint() string {
	type group struct {
		Name    string
		Members []string
	}
	var groups []group
	for name, set := range e.members {
		g := group{Name: name}
		for m := range set {
			g.Members = append(g.Members, m)
		}
		slices.Sort(g.Members)
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int { return compareText(a.Name, b.Name) })
	text, _ := json.Marshal([]any{e.Policy, e.Bounds, groups}) // these types cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Version identifies the state of the settings and of the account's place that e was computed from.
// If a policy is removed and saved again, or the account moves out and back, the fingerprint is
// the same as before, but the version is another. Two equal versions mean that the policy and the
// bounds have stayed the same in between. Other changes of the account, such as its name, do not
// count.
func (e *Effective) Version() string {
	text, _ := json.Marshal([]any{e.Fingerprint(), e.moves, e.revisions}) // these types cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

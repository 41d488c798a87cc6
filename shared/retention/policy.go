package retention

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
)

// Limits of policies.
const (
	// MaxDays is the longest time that a rule may state, about 100 years.
	MaxDays = 36500
	// MaxRules is the maximum number of rules of a policy.
	MaxRules = 50
	// MaxGroups is the maximum number of different groups in the rules of a policy.
	MaxGroups = 4
	// maxName and maxTag bound the names of rules and tags, in characters.
	maxName, maxTag = 100, 40
)

// MaximumRule is the name under which recordings expire that no rule limits, because the
// operator's Bounds do. A rule cannot have this name.
const MaximumRule = "maximum"

// Policy is how long the recordings of an account are kept. A recording that no rule
// matches is kept for good. A policy without rules keeps everything, which differs from no
// policy: that follows the account above.
type Policy struct {
	// Rules are tried in order. The first one that matches decides.
	Rules []Rule `json:"rules"`
}

// Rule keeps the recordings that meet all its conditions. A condition with the zero value
// is met by every recording.
type Rule struct {
	// Name is shown by documents as the reason of their expiry.
	Name string `json:"name"`
	// Days is how long a recording is kept after its creation, from 1 to MaxDays; 0 if
	// Forever is set.
	Days int `json:"days,omitempty"`
	// Forever keeps recordings for good. Days of 0 do not mean that: the mistake would be
	// too easy to make in either direction.
	Forever bool `json:"forever,omitempty"`
	// Direction is that of the call, inbound or outbound.
	Direction string `json:"direction,omitempty"`
	// Owner is the user that the recording belongs to.
	Owner string `json:"owner_id,omitempty"`
	// Group is a group of the recording's account that its owner is a member of.
	Group string `json:"group,omitempty"`
	// Tag is a tag of the recording (docs/reference/tags-and-notes.md).
	Tag string `json:"tag,omitempty"`
	// MinSeconds and MaxSeconds bound the recording's duration, both inclusive; 0 leaves
	// that end open. A recording without a duration meets neither.
	MinSeconds int `json:"min_seconds,omitempty"`
	MaxSeconds int `json:"max_seconds,omitempty"`
}

// Bounds limit the policies of an account and of those below it. They are in days; 0
// means no limit.
type Bounds struct {
	// Min is the least that a rule keeps a recording.
	Min int `json:"min_days,omitempty"`
	// Max is the most that any recording is kept, also one that no rule matches. If it is
	// less than a Min further up or down, the Min counts: rather keep than lose.
	Max int `json:"max_days,omitempty"`
}

// Settings are the stored settings of an account.
type Settings struct {
	// Policy is the account's own; nil follows the account above.
	Policy *Policy `json:"policy,omitempty"`
	Bounds
}

// Validate returns the errors in a policy, each with the path of its field, or nil.
// Error: [recording.FieldErrors].
func (p *Policy) Validate(b Bounds) error {
	var errs recording.FieldErrors
	if len(p.Rules) > MaxRules {
		errs = append(errs, fieldError("rules", "maxItems", "Value must have at most "+strconv.Itoa(MaxRules)+" items", MaxRules))
	}
	names, groups := map[string]bool{}, map[string]bool{}
	for i := range p.Rules {
		r := &p.Rules[i]
		at := "rules." + strconv.Itoa(i+1) + "."
		errs = append(errs, r.check(at, b)...)
		if names[r.Name] {
			errs = append(errs, fieldError(at+"name", "uniqueItems", "Two rules have this name", nil))
		}
		names[r.Name] = true
		if r.Group != "" {
			groups[r.Group] = true
		}
	}
	if len(groups) > MaxGroups {
		errs = append(errs, fieldError("rules", "maxItems", "Value must name at most "+strconv.Itoa(MaxGroups)+" groups", MaxGroups))
	}
	return errs.Err()
}

func fieldError(field, code, message string, target any) recording.FieldError {
	return recording.FieldError{Field: field, Code: code, Message: message, Target: target}
}

// check returns the errors in r. at is the path of its fields.
func (r *Rule) check(at string, b Bounds) recording.FieldErrors {
	errs := r.checkDays(at, b)
	add := func(wrong bool, field, code, message string, target any) {
		if wrong {
			errs = append(errs, fieldError(at+field, code, message, target))
		}
	}
	add(!isLabel(r.Name, maxName), "name", "wrong_format", "A name has 1 to 100 characters and no control characters", nil)
	add(r.Name == MaximumRule, "name", "forbidden", "This name stands for the operator's limit", nil)
	add(r.Direction != "" && r.Direction != "inbound" && r.Direction != "outbound", "direction", "enum",
		"Value not found in enumerated list of values", []string{"inbound", "outbound"})
	add(r.Owner != "" && !auth.ValidName(r.Owner), "owner_id", "wrong_format", "Field is not in the correct format", nil)
	add(r.Group != "" && !auth.ValidName(r.Group), "group", "wrong_format", "Field is not in the correct format", nil)
	add(r.Tag != "" && (!isLabel(r.Tag, maxTag) || strings.Contains(r.Tag, ".")), "tag", "wrong_format",
		"A tag has 1 to 40 characters, no dot and no control characters", nil)
	add(r.MinSeconds < 0, "min_seconds", "minimum", "Value must be at least 0", 0)
	add(r.MaxSeconds < 0, "max_seconds", "minimum", "Value must be at least 0", 0)
	add(r.MaxSeconds > 0 && r.MaxSeconds < r.MinSeconds, "max_seconds", "minimum", "Value must be at least min_seconds", r.MinSeconds)
	return errs
}

// checkDays returns the errors in how long r keeps recordings.
func (r *Rule) checkDays(at string, b Bounds) recording.FieldErrors {
	least, most := max(b.Min, 1), MaxDays
	if b.Max > 0 {
		most = max(min(most, b.Max), least)
	}
	switch {
	case r.Forever && r.Days != 0:
		return recording.FieldErrors{fieldError(at+"forever", "forbidden", "A rule has days or forever, not both", nil)}
	case r.Forever && b.Max > 0:
		return recording.FieldErrors{fieldError(at+"forever", "forbidden", "The operator limits how long recordings are kept", b.Max)}
	case r.Forever:
	case r.Days < least:
		return recording.FieldErrors{fieldError(at+"days", "minimum",
			"Value must be at least "+strconv.Itoa(least)+"; forever keeps recordings for good", least)}
	case r.Days > most:
		return recording.FieldErrors{fieldError(at+"days", "maximum", "Value must be at most "+strconv.Itoa(most), most)}
	}
	return nil
}

// Validate returns the errors in bounds that an operator sets, or nil.
// Error: [recording.FieldErrors].
func (b Bounds) Validate() error {
	var errs recording.FieldErrors
	for _, f := range []struct {
		name string
		days int
	}{{"min_days", b.Min}, {"max_days", b.Max}} {
		if f.days < 0 || f.days > MaxDays {
			errs = append(errs, fieldError(f.name, "maximum", "Value must be from 0 to "+strconv.Itoa(MaxDays), MaxDays))
		}
	}
	if b.Max > 0 && b.Max < b.Min {
		errs = append(errs, fieldError("max_days", "minimum", "Value must be at least min_days", b.Min))
	}
	return errs.Err()
}

// isLabel reports whether s has 1 to most characters, is UTF-8, has no control characters
// and no space at either end.
func isLabel(s string, most int) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= most && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

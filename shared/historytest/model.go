package historytest

import (
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// presence is whether a recording exists.
type presence byte

const (
	absent presence = iota
	present
	deleted
)

// state is a state of one recording. The revision is "" if it is unknown, because the
// answer to the latest change did not arrive.
type state struct {
	presence
	document     Document
	revision     string
	body, id     string // of the request that created it
	claimed      string // the body that reserved the idempotency key
	pastRevision string // all revisions so far, each followed by a space
	restorable   bool   // a deleted recording has kept its document
	holds        string // the cases of the holds, sorted, each followed by a space
}

// used reports whether the recording had the revision.
func (s state) used(revision string) bool {
	return slices.Contains(strings.Fields(s.pastRevision), revision)
}

// changed returns s under a new revision, "" for an unknown one. ok is false if the
// revision is not new.
func (s state) changed(revision string) (next state, ok bool) {
	if revision != "" && s.used(revision) {
		return s, false
	}
	if s.revision = revision; revision != "" {
		s.pastRevision += revision + " "
	}
	return s, true
}

// sees returns s if an answer that shows the recording agrees with it. If the revision
// was unknown, the answer supplies it.
func (s state) sees(in Input, out Output) []state {
	if s.presence != present || out.Document != s.document || out.Revision == "" {
		return nil
	}
	if s.id == "" {
		s.id = out.ID
	}
	if s.id != out.ID || in.ID != "" && in.ID != out.ID {
		return nil
	}
	if s.revision == "" {
		next, ok := s.changed(out.Revision)
		return only(next, ok)
	}
	return only(s, s.revision == out.Revision)
}

// admits reports whether the recording exists and meets If-Match. A client knows a
// revision only from an earlier answer, so If-Match is never an unknown revision.
func (s state) admits(in Input) bool {
	return s.presence == present && (in.IfMatch == "" || in.IfMatch == s.revision)
}

// only returns s, or nothing unless ok.
func only(s state, ok bool) []state {
	if ok {
		return []state{s}
	}
	return nil
}

// either returns s and the states after an effect.
func either(s state, effect []state) []state { return append(effect, s) }

// step returns the states that may follow s after a call with that answer.
func step(s state, in Input, out Output) []state {
	switch in.Kind {
	case claim:
		return either(s, s.reserve(in))
	case Create:
		return s.create(in, out)
	case Get:
		return s.get(in, out)
	case Patch:
		return s.patch(in, out)
	case Delete:
		return s.remove(in, out)
	case Restore:
		return s.restore(in, out)
	case Hold, Release:
		return s.hold(in, out)
	case Complete:
		return s.complete(in, out)
	}
	return nil
}

// reserve returns the state after the idempotency key was reserved, unless another
// request has it.
func (s state) reserve(in Input) []state {
	if !in.Keyed || s.claimed == in.Body {
		return []state{s}
	}
	free := s.claimed == ""
	s.claimed = in.Body
	return only(s, free)
}

// made returns the state after a recording was created with that revision.
func (s state) made(in Input, revision string) []state {
	reserved := s.reserve(in)
	if s.presence != absent || len(reserved) == 0 {
		return nil
	}
	next, ok := reserved[0].changed(revision)
	next.presence, next.body = present, in.Body
	next.document = Document{Tags: [slots]string{in.Body}}
	return only(next, ok)
}

func (s state) create(in Input, out Output) []state {
	switch out.Result {
	case Done:
		var all []state
		for _, next := range s.made(in, out.Revision) {
			all = append(all, next.sees(in, out)...)
		}
		if s.body == in.Body {
			all = append(all, s.sees(in, out)...)
		}
		return all
	case Conflict:
		if s.presence == deleted || s.presence == present && s.body != in.Body || s.claimed != "" && s.claimed != in.Body {
			return []state{s}
		}
	case Unknown:
		return either(s, append(s.reserve(in), s.made(in, "")...))
	}
	return nil
}

func (s state) get(in Input, out Output) []state {
	switch out.Result {
	case Done:
		return s.sees(in, out)
	case Missing:
		return only(s, s.presence != present)
	case Unknown:
		return []state{s}
	}
	return nil
}

func (s state) patch(in Input, out Output) []state {
	switch out.Result {
	case Done, Unknown:
		next, ok := s.changed(out.Revision)
		next.document.Tags[in.Slot] = in.Value
		effect := only(next, ok && s.admits(in))
		if out.Result == Unknown {
			return either(s, effect)
		}
		if len(effect) > 0 {
			return next.sees(in, out)
		}
	default:
		return s.unmet(in, out)
	}
	return nil
}

func (s state) remove(in Input, out Output) []state {
	gone := s
	gone.presence, gone.revision, gone.restorable = deleted, "", in.Restorable
	if !in.Restorable {
		gone.document = Document{}
	}
	free := s.admits(in) && s.holds == ""
	switch out.Result {
	case Done:
		return only(gone, free && len(s.sees(in, out)) > 0)
	case Unknown:
		return either(s, only(gone, free))
	case Held:
		return only(s, s.admits(in) && s.holds != "")
	}
	return s.unmet(in, out)
}

func (s state) restore(in Input, out Output) []state {
	back, ok := s.changed(out.Revision)
	back.presence, back.restorable = present, false
	effect := only(back, ok && s.presence == deleted && s.restorable)
	switch out.Result {
	case Done: // a recording that exists is the answer to a retry
		all := s.sees(in, out)
		for _, next := range effect {
			all = append(all, next.sees(in, out)...)
		}
		return all
	case Unknown:
		return either(s, effect)
	case Missing:
		return only(s, s.presence != present && !s.restorable)
	}
	return s.unmet(in, out)
}

// hold is Hold and Release.
func (s state) hold(in Input, out Output) []state {
	cases := strings.Fields(s.holds)
	cases = slices.DeleteFunc(cases, func(c string) bool { return c == in.Case })
	if in.Kind == Hold {
		cases = append(cases, in.Case)
		slices.Sort(cases)
	}
	next := s
	if next.holds = strings.Join(cases, " "); next.holds != "" {
		next.holds += " "
	}
	switch out.Result {
	case Done:
		return []state{next}
	case Unknown:
		return either(s, []state{next})
	case Missing: // the API places no hold on a recording that does not exist
		return only(s, in.Kind == Hold && s.presence != present)
	case Conflict:
		return []state{s}
	}
	return nil
}

// unmet returns s if a change may fail in it with that answer.
func (s state) unmet(in Input, out Output) []state {
	switch out.Result {
	case Missing:
		return only(s, s.presence != present)
	case Mismatch:
		return only(s, s.presence == present && in.IfMatch != "" && in.IfMatch != s.revision)
	case Conflict:
		return []state{s}
	}
	return nil
}

func (s state) complete(in Input, out Output) []state {
	waits := s.presence == present && !s.document.Ready
	switch out.Result {
	case Done, Unknown:
		next, ok := s.changed(out.Revision)
		next.document.Ready = true
		effect := only(next, ok && waits)
		if out.Result == Unknown {
			return either(s, effect)
		}
		return effect
	case Unchanged:
		return only(s, s.presence == present && s.document.Ready)
	case Gone:
		return []state{s}
	}
	return s.unmet(in, out)
}

// model is the specification of one recording. Recordings are independent.
var model = (&porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts, order := map[string][]porcupine.Operation{}, []string{}
		for _, op := range history {
			key := op.Input.(Input).Key
			if parts[key] == nil {
				order = append(order, key)
			}
			parts[key] = append(parts[key], op)
		}
		all := make([][]porcupine.Operation, len(order))
		for i, key := range order {
			all[i] = parts[key]
		}
		return all
	},
	Init: func() []any { return []any{state{}} },
	Step: func(s, in, out any) []any {
		var all []any
		for _, next := range step(s.(state), in.(Input), out.(Output)) {
			all = append(all, next)
		}
		return all
	},
}).ToModel()

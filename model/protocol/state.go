package protocol

import (
	"fmt"
	"slices"
	"strings"
)

// kind is the stage of a recording; see [State].
type kind uint8

const (
	none       kind = iota // there is neither a recording nor a tombstone
	live                   // clients see the recording
	restorable             // deleted; document and audio are kept
	purging                // deleted; the audio is being removed
	purged                 // the tombstone alone is left
)

var kindNames = [...]string{"none", "live", "restorable", "purging", "purged"}

// audio is the condition of a recording's audio.
type audio uint8

const (
	pending audio = iota // no audio has arrived
	managed              // the audio is in the bucket, at the row's key
	failed               // the audio that arrived was rejected
)

var audioNames = [...]string{"pending", "managed", "failed"}

// The keys of a recording's audio in the bucket.
const (
	ownKey      uint8 = iota // recordings/…: uploads
	importedKey              // imported/…: imports
	revivedKey               // imported/…~…: imports that revive a deleted recording
)

var keyNames = [...]string{"recordings/", "imported/", "imported/~"}

// row is the item of the recording in the table.
type row struct {
	kind  kind
	audio audio
	// key is where the audio is, or where it is expected.
	key uint8
	// life counts the recordings that had this ID: a revived one is the second.
	life uint8
	// rev counts the deletes and restores. It is the revision of a tombstone.
	rev uint8
	// due is true once the time to restore is over.
	due bool
	// scope is true if the scope of the holds includes the recording, by its owner.
	scope bool
}

// maxVersions is the maximum number of objects that are ever written, and maxActors
// that of processes.
const (
	maxVersions = 4
	maxActors   = 14
)

// version is one version of an object.
type version struct {
	// here is true while it exists.
	here bool
	key  uint8
	// bad is true if the bytes cannot be served.
	bad bool
	// old is true once the version is older than any process that could have written it.
	old bool
	// event is true while the queue has an event that is certain to be delivered: one
	// that reconcile requested. See readForIngest.
	event bool
}

// actor is a process. pc is the number of its next action, 0 if it is idle; the other
// fields are its memory.
type actor struct{ pc, a, b, c uint8 }

// done is the pc of a client that has finished, or died.
const done = 255

// State is the state of one recording ID, of its objects in the bucket, and of all
// processes that work on it.
type State struct {
	row
	versions [maxVersions]version
	written  uint8
	// aside is 1 + the number of the version that is copied to set-aside/, or 0.
	aside uint8
	// holds is the number of active holds, holdRev the revision of their entry.
	holds, holdRev uint8
	// expired is true while the recording is past its time by the policy, and
	// policyRev is the revision of the policy.
	expired   bool
	policyRev uint8
	// hint is true once reconcile has requested a purge.
	hint bool
	// created is true once a client has the answer that the recording exists.
	created bool

	// These variables exist for the invariants alone.

	// dead has a bit for each life that ended for good.
	dead uint8
	// covered is true if a hold has covered the recording since the hold was placed.
	covered bool
	// doomed has a bit for each version that the last delete must remove.
	doomed uint8
	fault  fault

	actors [maxActors]actor
}

// present returns a bit for each version that exists under a key.
func (s *State) present(key uint8) (mask uint8) {
	for i, v := range s.versions {
		if v.here && v.key == key {
			mask |= 1 << i
		}
	}
	return mask
}

// remove removes the versions of a mask.
func (s *State) remove(mask uint8) {
	for i := range s.versions {
		if mask&(1<<i) != 0 {
			v := &s.versions[i]
			v.here, v.old, v.event = false, false, false
		}
	}
}

// refers reports whether the row, live or deleted, needs the objects under key.
func (s *State) refers(key uint8) bool {
	return (s.kind == live || s.kind == restorable || s.kind == purging) && s.key == key
}

// held reports whether a hold covers the recording.
func (s *State) held() bool { return s.holds > 0 && s.scope }

// erase is the step from a recording, or a restorable one, to a pending purge.
func (s *State) erase() {
	if s.holds > 0 && s.covered {
		s.fault = heldRemoved
	}
	s.kind, s.due, s.hint = purging, false, false
	s.rev++
	s.dead |= 1 << s.life
	s.doomed = s.present(s.key)
}

// observe updates the variables of the invariants after a step.
func (s *State) observe() {
	switch {
	case s.holds == 0:
		s.covered = false
	case s.scope && (s.kind == live || s.kind == restorable):
		s.covered = true
	}
}

// String describes the shared part of the state.
func (s *State) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", kindNames[s.kind])
	if s.kind != none && s.kind != purged {
		fmt.Fprintf(&b, " %s at %s", audioNames[s.audio], keyNames[s.key])
	}
	flag := func(on bool, text string) {
		if on {
			b.WriteString(text)
		}
	}
	flag(s.life > 0, ", revived")
	flag(s.due, ", due")
	flag(s.holds > 0, fmt.Sprintf(", holds %d", s.holds))
	flag(s.holds > 0 && !s.scope, " of others")
	flag(s.expired, ", expired")
	flag(s.hint, ", purge requested")
	for i, v := range s.versions {
		flag(v.here, fmt.Sprintf("; object %d at %s", i, keyNames[v.key]))
		flag(v.here && v.bad, " bad")
		flag(v.here && v.old, " old")
		flag(v.event, fmt.Sprintf("; event %d", i))
	}
	flag(s.aside > 0, "; set aside")
	return b.String()
}

// Normal orders actors of the same kind, because they are interchangeable.
func (c *Config) normal(s State) State {
	for i := 0; i < len(c.cast); {
		n := i
		for n < len(c.cast) && c.cast[n] == c.cast[i] {
			n++
		}
		if n-i > 1 {
			slices.SortFunc(s.actors[i:n], func(x, y actor) int {
				return slices.Compare([]uint8{x.pc, x.a, x.b, x.c}, []uint8{y.pc, y.a, y.b, y.c})
			})
		}
		i = n
	}
	return s
}

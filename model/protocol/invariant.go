package protocol

// fault is a violation that a step commits, as opposed to one that a state shows.
type fault uint8

const (
	noFault fault = iota
	heldRemoved
	windowCut
	expiredEarly
	notGone
)

var faultNames = [...]string{
	heldRemoved:  "a recording was removed while a hold covered it",
	windowCut:    "a deleted recording was purged before the time to restore it was over",
	expiredEarly: "a recording was removed as expired although the policy keeps it",
	notGone:      "a tombstone says that the audio is gone, but it is not",
}

// The violations that a state shows.
const (
	audioLost   = "the audio of a recording is lost"
	uploadLost  = "an acknowledged upload is lost"
	playsAgain  = "a recording that was deleted for good is live again"
	neverBroken = ""
)

// broken returns the invariant that s violates, or "".
func broken(s State) string {
	if s.fault != noFault {
		return faultNames[s.fault]
	}
	if s.kind != live && s.kind != restorable {
		return neverBroken
	}
	switch {
	case s.kind == live && s.dead&(1<<s.life) != 0:
		return playsAgain
	case s.audio == managed && s.present(s.key) == 0:
		return audioLost
	}
	if s.audio != managed && s.life == 0 {
		for _, v := range s.versions[:s.written] {
			if v.key == ownKey && !v.bad && !v.here {
				return uploadLost
			}
		}
	}
	return neverBroken
}

// clean reports whether nothing remains to be done: no purge is pending, nothing that is
// due is left, every object belongs to a recording, and every upload has been judged.
func clean(s State) bool {
	switch {
	case s.kind == purging, s.aside > 0,
		s.kind == restorable && !s.held(),
		s.kind == live && s.expired && !s.held():
		return false
	}
	for _, v := range s.versions {
		if v.here && (!s.refers(v.key) || s.audio != managed) {
			return false
		}
	}
	return true
}

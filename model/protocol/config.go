package protocol

import (
	"github.com/callrecordings/api/model/explore"
)

// Actors is how many processes of each kind take part. Clients act once; the others
// start again and again.
type Actors struct {
	// Clients.
	Create, Upload, BadUpload, Delete, Erase, Restore, Import, Change, Hold, Release, Policy int
	// Background processes.
	Ingest, Purge, Sweep, Reconcile int
}

// Faults are deliberate mistakes in the protocol. With each of them the model must find
// a violation.
type Faults struct {
	// AudioFirst: a delete removes the audio before it writes the tombstone.
	AudioFirst bool
	// NoConfirm: a purge does not read the tombstone again between its list of the
	// versions and their removal.
	NoConfirm bool
	// RemoveByKey: a purge, or reconcile, removes all versions of a key, not those that it
	// has listed.
	RemoveByKey bool
	// ReviveSameKey: an import stores the audio of a revived recording under the key that
	// the deleted one had. This alone violates nothing.
	ReviveSameKey bool
	// ReviveEarly: an import revives a recording while its purge is pending.
	ReviveEarly bool
	// MarkAny: a purge marks the current tombstone as purged, even if it has removed the
	// audio of an earlier one.
	MarkAny bool
	// ListAllFirst: a purge lists the objects of all keys before it removes the first.
	ListAllFirst bool
	// NoHoldGuard and NoPolicyGuard: the write of a removal does not check that holds, or
	// the policy, are unchanged.
	NoHoldGuard, NoPolicyGuard bool
	// StaleCover: whether a hold covers the recording is decided on an earlier read of the
	// recording.
	StaleCover bool
	// CondemnHeld: the end of the time to restore ignores holds.
	CondemnHeld bool
	// CondemnStale: the end of the time to restore is decided on an earlier read.
	CondemnStale bool
	// FreeChange: a change of the owner does not check holds.
	FreeChange bool
	// RestoreBlind: a restore does not check that the recording is still restorable.
	RestoreBlind bool
	// IngestRemoves: ingest treats a restorable recording like one that is gone.
	IngestRemoves bool
	// ReviveAny: a revival replaces the current tombstone, even if that is not the one that
	// the import looked up.
	ReviveAny bool
	// WithdrawAlways: an import removes its audio after a conflict unless a recording exists.
	// WithdrawUnused: it does so only if neither a recording nor a tombstone refers to the
	// key. WithdrawRefused: it does so if the store does not take its document.
	WithdrawAlways, WithdrawUnused, WithdrawRefused bool
	// RemoveYoung: reconcile removes objects that may still get their recording.
	RemoveYoung bool
	// KeepOther: reconcile never removes an upload to a recording that has other audio.
	KeepOther bool
	// NoArrivals: reconcile does not look for audio of pending recordings.
	NoArrivals bool
	// NoPurges: reconcile does not look for pending purges.
	NoPurges bool
	// NoReconcile: nothing looks for what no event will finish.
	NoReconcile bool
}

// Config is a set of processes that meet on one recording ID.
type Config struct {
	Actors
	Faults
	// Window: a delete leaves a restorable recording (RestoreDays > 0).
	Window bool
	// Unversioned: the bucket keeps one version of each object, as the built-in one does.
	Unversioned bool
	// Later: the request that deletes a recording does not purge it.
	Later bool
	// Imported: the recording exists from the start, with its audio, from an import.
	Imported bool

	// cast is the program of each actor.
	cast []program
}

// Model returns the model of the configuration.
func (c Config) Model() explore.Model[State] {
	for p, n := range []int{
		create: c.Create, upload: c.Upload, badUpload: c.BadUpload, deletion: c.Delete, erasure: c.Erase, restore: c.Restore,
		importing: c.Import, change: c.Change, hold: c.Hold, release: c.Release, policy: c.Policy,
		ingest: c.Ingest, purge: c.Purge, sweep: c.Sweep, reconcile: c.Reconcile,
	} {
		for range n {
			c.cast = append(c.cast, program(p))
		}
	}
	if len(c.cast) > maxActors {
		panic("the configuration has too many actors")
	}
	start := State{row: row{scope: true}}
	if c.Imported {
		start.row = row{kind: live, audio: managed, key: importedKey, scope: true}
		start.versions[0] = version{here: true, key: importedKey, old: true}
		start.written, start.created = 1, true
	}
	return explore.Model[State]{
		Start: start, Steps: c.steps, Normal: c.normal, Broken: broken, Clean: clean, Text: func(s State) string { return s.String() },
	}
}

// steps passes all steps from s to yield: one action of each process, or the end of
// that process, or a step of the environment.
func (c *Config) steps(s State, yield func(explore.Step[State])) {
	for i, p := range c.cast {
		c.act(s, i, p, yield)
		if pc := s.actors[i].pc; pc != 0 && pc != done {
			next := s
			next.actors[i] = actor{}
			if !p.background() {
				next.actors[i].pc = done // a client that died does not come back
			}
			yield(explore.Step[State]{Actor: p.name(), Action: "dies", Next: next, Fair: !p.background()})
		}
	}
	c.environment(s, yield)
}

// act passes the possible next actions of process i to yield.
func (c *Config) act(s State, i int, p program, yield func(explore.Step[State])) {
	pc := s.actors[i].pc
	if pc == done {
		return
	}
	do := p.actions()[pc]
	for choice := range max(1, do.choices) {
		w := world{State: s, Config: c, me: i, choice: choice, fair: p.background()}
		next := do.run(&w)
		switch {
		case next == disabled:
			continue
		case next == end && p.background():
			w.actors[i] = actor{}
		case next == end:
			w.actors[i] = actor{pc: done}
		default:
			w.actors[i].pc = uint8(next)
		}
		w.observe()
		yield(explore.Step[State]{Actor: p.name(), Action: do.name, Next: w.State, Fair: w.fair})
	}
}

// environment passes the steps that no process makes: time passes.
func (c *Config) environment(s State, yield func(explore.Step[State])) {
	step := func(action string, fair bool, change func(*State)) {
		next := s
		change(&next)
		yield(explore.Step[State]{Actor: "environment", Action: action, Next: next, Fair: fair})
	}
	if s.kind == restorable && !s.due {
		step("the time to restore passes", true, func(s *State) { s.due = true })
	}
	if s.aside > 0 {
		step("the lifecycle rule removes rejected audio", true, func(s *State) { s.aside = 0 })
	}
	for i, v := range s.versions {
		if v.here && !v.old && !c.inFlight(&s, i) {
			step("an object grows old", true, func(s *State) { s.versions[i].old = true })
		}
	}
}

// inFlight reports whether the import that wrote a version, or one that stored its audio
// earlier still, has not finished. No import takes as long as reconcile waits.
func (c *Config) inFlight(s *State, version int) bool {
	for i, p := range c.cast {
		if a := s.actors[i]; p == importing && a.pc > 1 && a.pc != done && a.b > 0 && int(a.b) <= version+1 {
			return true
		}
	}
	return false
}

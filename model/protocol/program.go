package protocol

// program is a kind of process.
type program uint8

// The programs: clients, then background processes.
const (
	create program = iota
	upload
	badUpload
	deletion
	erasure
	restore
	importing
	change
	hold
	release
	policy
	ingest
	purge
	sweep
	reconcile
)

// background reports whether a process of the program starts again and again.
func (p program) background() bool { return p >= ingest }

func (p program) name() string { return programs[p].name }

func (p program) actions() []action { return programs[p].actions }

// action is one atomic step of a process: at most one call to the table or the bucket.
type action struct {
	name string
	// run makes the step, and returns the number of the next action, end or disabled.
	run func(w *world) int
	// choices is the number of different outcomes; 0 means 1.
	choices int
}

const (
	end      = -1 // the process has finished
	disabled = -2 // the process cannot make the step now
)

// world is a state in which process me makes a step.
type world struct {
	State
	*Config
	me     int
	choice int
	fair   bool
}

// mine returns the memory of the process.
func (w *world) mine() *actor { return &w.actors[w.me] }

// programs are the actions of each program.
var programs = [...]struct {
	name    string
	actions []action
}{
	create: {"create", []action{{name: "stores the document", run: createDocument}}},
	upload: {"upload", []action{{name: "stores good audio", run: func(w *world) int { return storeUpload(w, false) }}}},
	badUpload: {"upload", []action{
		{name: "stores bytes that are not audio", run: func(w *world) int { return storeUpload(w, true) }},
	}},
	deletion: {"delete", append([]action{
		{name: "reads the holds", run: readHoldsFirst},
		{name: "writes the tombstone", run: writeTombstone},
		{name: "removes the audio first", run: removeFirst},
	}, purgeActions(firstPurge)...)},
	erasure: {"erase", append([]action{
		{name: "reads the holds", run: readHoldsFirst},
		{name: "writes the tombstone", run: writeErasure},
		{name: "removes the audio first", run: removeFirst},
	}, purgeActions(firstPurge)...)},
	restore: {"restore", []action{
		{name: "reads the tombstone", run: readRestorable},
		{name: "makes the recording live", run: makeLive},
	}},
	importing: {"import", []action{
		{name: "looks the recording up", run: lookUp},
		{name: "stores the audio", run: storeImport},
		{name: "stores the document", run: storeDocument, choices: refused + 1},
		{name: "looks at the conflict", run: lookAtConflict},
		{name: "removes the audio that it stored", run: withdraw},
	}},
	change: {"change", []action{
		{name: "reads the holds", run: readHolds},
		{name: "changes the owner", run: changeOwner},
	}},
	hold:    {"hold", []action{{name: "places a hold", run: placeHold}}},
	release: {"release", []action{{name: "releases a hold", run: releaseHold}}},
	policy:  {"policy", []action{{name: "changes the policy", run: changePolicy}}},
	ingest: {"ingest", []action{
		{name: "reads the recording", run: readForIngest, choices: maxVersions},
		{name: "reads the tombstone", run: readTombstone},
		{name: "judges the audio", run: judge},
		{name: "removes the rejected audio of a deleted recording", run: removeAside},
		{name: "removes the audio of a deleted recording", run: removeLate},
		{name: "completes the recording", run: complete},
		{name: "copies the audio to set-aside/", run: setAside},
		{name: "notes why the audio was rejected", run: noteReason},
		{name: "removes the rejected audio", run: removeRejected},
	}},
	purge: {"purge", append([]action{{name: "reads the tombstone", run: startPurge}}, purgeActions(1)...)},
	sweep: {"sweep", []action{
		{name: "reads holds and policy", run: readGuards},
		{name: "writes the tombstone", run: removeDue},
	}},
	reconcile: {"reconcile", []action{
		{name: "lists the objects, or the pending purges", run: listObjects, choices: maxVersions + 1},
		{name: "reads the recording", run: compare},
		{name: "removes an object without a recording", run: removeOrphan},
	}},
}

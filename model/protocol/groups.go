package protocol

import "github.com/callrecordings/api/model/explore"

// Group is a configuration with a name.
type Group struct {
	Name string
	Config
}

// Small returns the configurations that `make test` checks, in seconds. Each has the
// processes of one part of the protocol. Where a part is symmetric, it has two of a kind.
func Small() []Group {
	return []Group{
		{"life", Config{Later: true, Actors: Actors{Create: 1, Upload: 1, BadUpload: 1, Delete: 1, Ingest: 1, Purge: 1, Reconcile: 1}}},
		{"restore", Config{Window: true, Actors: Actors{
			Create: 1, Upload: 1, Delete: 2, Restore: 2, Ingest: 1, Purge: 1, Sweep: 1, Reconcile: 1,
		}}},
		{"retention", Config{Window: true, Imported: true, Actors: Actors{
			Delete: 1, Restore: 1, Hold: 1, Release: 1, Policy: 2, Change: 2, Sweep: 1, Purge: 1, Reconcile: 1,
		}}},
		{"import", Config{Window: true, Actors: Actors{Import: 2, Delete: 1, Restore: 1, Purge: 1, Sweep: 1, Reconcile: 1}}},
		{"revive", Config{Later: true, Imported: true, Actors: Actors{Import: 2, Delete: 2, Purge: 2, Reconcile: 1}}},
		{"attach", Config{Window: true, Actors: Actors{Create: 1, Import: 2, Delete: 1, Restore: 1, Purge: 1, Sweep: 1, Reconcile: 1}}},
		{"meeting", Config{Window: true, Actors: Actors{Create: 1, Upload: 1, Import: 1, Delete: 1, Ingest: 1, Purge: 1, Sweep: 1, Reconcile: 1}}},
	}
}

// Full returns the configurations that `make model` checks, in minutes: two processes of
// each kind.
func Full() []Group {
	return []Group{
		{"life", Config{Later: true, Actors: Actors{Create: 2, Upload: 1, BadUpload: 1, Delete: 2, Ingest: 2, Purge: 1, Reconcile: 1}}},
		{"deletes", Config{Actors: Actors{Create: 1, Upload: 1, BadUpload: 1, Delete: 2, Ingest: 1, Purge: 2, Reconcile: 1}}},
		{"restore", Config{Window: true, Actors: Actors{
			Create: 1, Upload: 2, Delete: 2, Restore: 2, Ingest: 2, Purge: 1, Sweep: 2, Reconcile: 1,
		}}},
		{"retention", Config{Window: true, Imported: true, Actors: Actors{
			Delete: 2, Restore: 2, Policy: 2, Hold: 2, Release: 1, Sweep: 2, Purge: 1, Reconcile: 1,
		}}},
		{"erasure", Config{Window: true, Imported: true, Actors: Actors{
			Erase: 2, Delete: 1, Restore: 1, Change: 2, Hold: 2, Release: 1, Sweep: 1, Purge: 1, Reconcile: 1,
		}}},
		{"import", Config{Window: true, Actors: Actors{Import: 2, Delete: 2, Restore: 2, Purge: 2, Sweep: 2, Reconcile: 2}}},
		{"revive", Config{Imported: true, Actors: Actors{Import: 2, Delete: 2, Purge: 2, Reconcile: 2}}},
		{"meeting", Config{Window: true, Actors: Actors{
			Create: 1, Upload: 1, Import: 2, Delete: 1, Restore: 1, Ingest: 2, Purge: 1, Sweep: 1, Reconcile: 1,
		}}},
	}
}

// Mistake is a protocol with a mistake, and the violation that the model finds.
type Mistake struct {
	Name string
	// Group is the name of the configuration in Small that shows the mistake.
	Group string
	Faults
	// Finds is the violation.
	Finds string
}

// Mistakes returns every fault with the violation that it leads to.
func Mistakes() []Mistake {
	return []Mistake{
		{"the audio goes before the tombstone", "life", Faults{AudioFirst: true}, uploadLost},
		{
			"a purge trusts its event, and a revived recording has the old key", "revive",
			Faults{ReviveSameKey: true, NoConfirm: true},
			audioLost,
		},
		{
			"a purge removes all versions of a key, and a revived recording has the old key", "revive",
			Faults{ReviveSameKey: true, RemoveByKey: true},
			audioLost,
		},
		{"reconcile removes all versions of a key", "import", Faults{RemoveByKey: true}, audioLost},
		{
			"an import revives during the purge, under the old key", "revive",
			Faults{ReviveSameKey: true, ReviveEarly: true},
			audioLost,
		},
		{"a purge marks whatever tombstone is there", "revive", Faults{MarkAny: true}, faultNames[notGone]},
		{"a purge lists all keys before it removes the first object", "life", Faults{ListAllFirst: true}, faultNames[notGone]},
		{"a removal does not check that the holds are unchanged", "retention", Faults{NoHoldGuard: true}, faultNames[heldRemoved]},
		{"a removal does not check that the policy is unchanged", "retention", Faults{NoPolicyGuard: true}, faultNames[expiredEarly]},
		{"whether a hold covers a recording is decided on an earlier read", "retention", Faults{StaleCover: true}, faultNames[heldRemoved]},
		{"a hold does not keep a restorable recording", "retention", Faults{CondemnHeld: true}, faultNames[heldRemoved]},
		{"the end of the time to restore is decided on an earlier read", "restore", Faults{CondemnStale: true}, faultNames[windowCut]},
		{"a recording may be moved out of the scope of its hold", "retention", Faults{FreeChange: true}, faultNames[heldRemoved]},
		{"a restore does not check that the recording is restorable", "restore", Faults{RestoreBlind: true}, playsAgain},
		{"ingest removes the audio of a restorable recording", "restore", Faults{IngestRemoves: true}, uploadLost},
		{"an import removes audio that a restorable recording needs", "import", Faults{WithdrawAlways: true}, audioLost},
		{"an import removes audio that another one is about to use", "attach", Faults{WithdrawUnused: true}, audioLost},
		{"an import removes the audio of a document that the store refuses", "import", Faults{WithdrawRefused: true}, audioLost},
		{"a revival replaces any tombstone", "revive", Faults{ReviveAny: true}, audioLost},
		{"reconcile removes audio whose recording may be on its way", "import", Faults{RemoveYoung: true}, audioLost},
		{"reconcile leaves the upload to a recording with other audio", "meeting", Faults{KeepOther: true}, explore.Unclean},
		{"reconcile does not look for audio of pending recordings", "meeting", Faults{NoArrivals: true}, explore.Unclean},
		{"reconcile does not look for pending purges", "revive", Faults{NoPurges: true}, explore.Unclean},
		{"nothing looks for what no event will finish", "import", Faults{NoReconcile: true}, explore.Unclean},
	}
}

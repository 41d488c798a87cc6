package protocol

// How an import stores the document. It keeps this in actor.c, with the revision of the
// tombstone that it looked up times 4.
const (
	byPut uint8 = iota
	byRevive
	byAttach
)

// lookUp decides how the import stores the recording, and under which key its audio:
// a, and 1 + the number of the version it writes is b.
func lookUp(w *world) int {
	m := w.mine()
	switch {
	case w.written == maxVersions:
		return disabled
	case w.kind == none:
		m.a, m.c = importedKey, byPut
	case w.kind == live && w.audio != managed:
		m.a, m.c = importedKey, byAttach
	case w.life > 0: // one revival suffices
		return end
	case w.kind == purged, w.kind == purging && w.ReviveEarly:
		m.a, m.c = revivedKey, byRevive|w.rev<<2
		if w.ReviveSameKey {
			m.a = importedKey
		}
	default:
		return end
	}
	return 1
}

// refused is the choice that the store does not take the document.
const refused = 1

func storeImport(w *world) int {
	if w.written == maxVersions {
		return end
	}
	if w.Unversioned {
		w.remove(w.present(w.mine().a))
	}
	w.versions[w.written] = version{here: true, key: w.mine().a}
	w.written++
	w.mine().b = w.written
	return 2
}

// storeDocument may fail for good: the store does not take every document. Then the import
// leaves its audio to reconcile.
func storeDocument(w *world) int {
	m := w.mine()
	if w.choice == refused {
		if w.WithdrawRefused {
			return 4
		}
		return end
	}
	mode, seen := m.c&3, m.c>>2
	switch {
	case mode == byPut && w.kind == none:
		w.row = row{kind: live, audio: managed, key: m.a, scope: true}
		w.created = true
	case mode == byRevive && (w.kind == purged || w.kind == purging && w.ReviveEarly) && (w.rev == seen || w.ReviveAny):
		w.row = row{kind: live, audio: managed, key: m.a, life: w.life + 1, rev: w.rev + 1, scope: true}
	case mode == byAttach && w.kind == live && w.audio != managed:
		w.audio, w.key = managed, m.a
	default:
		return 3
	}
	return end
}

// lookAtConflict looks at the row that another process has written. The import removes the
// audio that it has stored only if nothing will ever need it. Another import may be about to
// use the same key. Reconcile removes what stays.
func lookAtConflict(w *world) int {
	m := w.mine()
	unused := w.kind == live && w.key != m.a || w.kind == purging || w.kind == purged
	switch {
	case w.kind == live && w.audio != managed:
		m.c = byAttach
		return 2
	case unused, w.WithdrawAlways && w.kind != live, w.WithdrawUnused && !w.refers(m.a):
		return 4
	}
	return end
}

// withdraw removes all versions of the key.
func withdraw(w *world) int {
	w.remove(w.present(w.mine().a))
	return end
}

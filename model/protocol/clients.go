package protocol

func createDocument(w *world) int {
	if w.kind == none {
		w.row = row{kind: live, key: ownKey, scope: true}
		w.created = true
	}
	return end
}

// storeUpload stores audio through a presigned URL. A client gets the URL once the recording
// is created, and may use it late. The upload never replaces an object.
func storeUpload(w *world, bad bool) int {
	if !w.created || w.Imported || w.written == maxVersions || w.present(ownKey) != 0 {
		return disabled
	}
	w.versions[w.written] = version{here: true, key: ownKey, bad: bad}
	w.written++
	return end
}

// readHolds keeps the revision and the number of the holds, and whether the scope
// included the recording.
func readHolds(w *world) int {
	m := w.mine()
	m.a, m.b, m.c = w.holdRev, w.holds, 0
	if w.scope {
		m.c = 1
	}
	return 1
}

// readHoldsFirst is readHolds for a delete. With AudioFirst, the audio goes next.
func readHoldsFirst(w *world) int {
	readHolds(w)
	if w.AudioFirst && w.kind == live && !w.held() {
		return removeFirstAt
	}
	return 1
}

const (
	removeFirstAt = 2
	firstPurge    = 3
)

func removeFirst(w *world) int {
	if w.kind == live {
		w.remove(w.present(w.key))
	}
	return 1
}

// vetoed reports whether the holds that the process has read cover the recording.
func (w *world) vetoed() bool {
	m := w.mine()
	if w.StaleCover {
		return m.b > 0 && m.c == 1
	}
	return m.b > 0 && w.scope
}

func writeTombstone(w *world) int {
	switch {
	case w.kind != live:
		return end // 404
	case w.holdRev != w.mine().a && !w.NoHoldGuard:
		*w.mine() = actor{}
		return 0
	case w.vetoed():
		return end // 409
	case w.Window:
		if w.holds > 0 && w.covered {
			w.fault = heldRemoved
		}
		w.kind, w.due = restorable, false
		w.rev++
		return end
	}
	w.erase()
	return w.purgeNow()
}

// writeErasure removes a live or a restorable recording at once.
func writeErasure(w *world) int {
	switch {
	case w.kind != live && w.kind != restorable:
		return end
	case w.holdRev != w.mine().a && !w.NoHoldGuard:
		*w.mine() = actor{}
		return 0
	case w.vetoed():
		return end
	}
	w.erase()
	return w.purgeNow()
}

// purgeNow lets the request that deleted the recording purge it.
func (w *world) purgeNow() int {
	if w.Later {
		return end
	}
	*w.mine() = purgeOf(&w.row)
	return firstPurge
}

func readRestorable(w *world) int {
	if w.kind != restorable || w.due {
		return end // 404 or 410
	}
	w.mine().a = w.rev
	return 1
}

// makeLive is conditional on the tombstone that was read. Its clock was read before, so
// the time to restore may just have passed.
func makeLive(w *world) int {
	switch {
	case w.RestoreBlind && (w.kind == purging || w.kind == purged):
	case w.kind != restorable || w.rev != w.mine().a:
		return end // 410, or a retry
	}
	w.kind, w.due = live, false
	w.rev++
	return end
}

// changeOwner moves the recording into or out of the scope of the holds, as an import
// that corrects documents does.
func changeOwner(w *world) int {
	switch {
	case w.kind != live:
		return end
	case w.holdRev != w.mine().a && !w.FreeChange:
		*w.mine() = actor{}
		return 0
	case w.mine().b > 0 && w.scope && !w.FreeChange:
		return end // 409
	}
	w.scope = !w.scope
	return end
}

func placeHold(w *world) int {
	w.holds++
	w.holdRev++
	return end
}

func releaseHold(w *world) int {
	if w.holds == 0 {
		return disabled
	}
	w.holds--
	w.holdRev++
	return end
}

func changePolicy(w *world) int {
	w.expired = !w.expired
	w.policyRev++
	return end
}

package protocol

// purgeOf is the memory of a process that purges the tombstone r: a is its revision,
// b the listed versions, c the key, plus nowhere if no audio had arrived.
func purgeOf(r *row) actor {
	m := actor{a: r.rev, c: r.key}
	if r.audio != managed {
		m.c |= nowhere
	}
	return m
}

const (
	nowhere = 0x10
	keyMask = 0x0f
	// asideListed marks in actor.b that the list had rejected audio.
	asideListed = 0x80
)

// startPurge begins with an event about the tombstone. The event that reconcile requested
// comes for certain. An event of the table's stream may come at any time, or never.
func startPurge(w *world) int {
	w.fair = w.hint
	if w.kind != purging {
		if !w.hint {
			return disabled
		}
		w.hint = false
		return end
	}
	*w.mine() = purgeOf(&w.row)
	return 1
}

// purgeActions are the actions of a purge; the first one has the number n. For each key,
// the purge lists the versions, reads the tombstone again, and removes the listed versions.
func purgeActions(n int) []action {
	confirmed := func(w *world) bool {
		return w.NoConfirm || w.kind == purging && (w.rev == w.mine().a || w.MarkAny)
	}
	confirm := func(next int) func(w *world) int {
		return func(w *world) int {
			if !confirmed(w) {
				return end
			}
			return next
		}
	}
	return []action{
		{name: "lists the versions of the audio", run: func(w *world) int {
			m := w.mine()
			m.b = w.present(m.c & keyMask)
			if w.ListAllFirst && w.aside > 0 {
				m.b |= asideListed
			}
			return n + 1
		}},
		{name: "reads the tombstone again", run: confirm(n + 2)},
		{name: "removes the versions", run: func(w *world) int {
			m := w.mine()
			if w.RemoveByKey {
				m.b |= w.present(m.c & keyMask)
			}
			w.remove(m.b &^ asideListed)
			m.b &= asideListed
			switch {
			case m.c&nowhere == 0:
				m.c = 0
				return n + 6
			case w.ListAllFirst:
				return n + 5
			}
			return n + 3
		}},
		{name: "lists the rejected audio", run: func(w *world) int {
			w.mine().b, w.mine().c = 0, 0
			if w.aside > 0 {
				w.mine().b = asideListed
			}
			return n + 4
		}},
		{name: "reads the tombstone again", run: confirm(n + 5)},
		{name: "removes the rejected audio", run: func(w *world) int {
			if w.mine().b&asideListed != 0 {
				w.aside = 0
			}
			w.mine().b, w.mine().c = 0, 0
			return n + 6
		}},
		{name: "marks the tombstone as purged", run: markPurged},
	}
}

func markPurged(w *world) int {
	if w.kind != purging || w.rev != w.mine().a && !w.MarkAny {
		return end
	}
	for i, v := range w.versions {
		if bit := uint8(1) << i; w.doomed&bit != 0 && (v.here || int(w.aside) == i+1) {
			w.fault = notGone
		}
	}
	w.kind, w.hint, w.doomed = purged, false, 0
	return end
}

// readGuards keeps the revisions of holds and policy (a), their content (b), and the
// tombstone's time to restore as it is now (c).
func readGuards(w *world) int {
	if (w.kind != restorable || !w.due) && (w.kind != live || !w.expired) {
		return disabled
	}
	m := w.mine()
	m.a, m.b, m.c = w.holdRev<<4|w.policyRev, w.holds, 0
	if w.expired {
		m.b |= policyExpired
	}
	if w.scope {
		m.c |= scopeSeen
	}
	if w.kind == restorable && w.due {
		m.c |= dueSeen
	}
	return 1
}

const (
	policyExpired = 0x80
	scopeSeen     = 1
	dueSeen       = 2
)

// removeDue ends the time to restore, or removes an expired recording, unless the holds or
// the policy have changed since they were read.
func removeDue(w *world) int {
	m := w.mine()
	if w.holdRev != m.a>>4 && !w.NoHoldGuard || w.policyRev != m.a&0x0f && !w.NoPolicyGuard {
		return end
	}
	covered := m.b&^policyExpired > 0 && (w.scope && !w.StaleCover || m.c&scopeSeen != 0 && w.StaleCover)
	switch {
	case w.kind == restorable && (!covered || w.CondemnHeld) && (w.due || w.CondemnStale && m.c&dueSeen != 0):
		if !w.due {
			w.fault = windowCut
		}
	case w.kind == live && m.b&policyExpired != 0 && !covered:
		if !w.expired {
			w.fault = expiredEarly
		}
	default:
		return end
	}
	early := w.fault
	w.erase()
	if early != noFault {
		w.fault = early
	}
	return end
}

// listObjects finds an old object, or a purge that is pending.
func listObjects(w *world) int {
	switch {
	case w.NoReconcile:
		return disabled
	case w.choice == maxVersions:
		if w.kind != purging || w.NoPurges {
			return disabled
		}
		w.hint = true
		return end
	case !w.versions[w.choice].here, !w.versions[w.choice].old && !w.RemoveYoung:
		return disabled
	}
	w.mine().a = uint8(w.choice)
	return 1
}

// compare looks at the row after the list: it requests what an event should have
// started, and decides whether the object belongs to nothing.
func compare(w *world) int {
	v := &w.versions[w.mine().a]
	elsewhere := (w.kind == live || w.kind == restorable) && w.audio == managed && w.key != v.key
	switch {
	case v.key != ownKey:
		if !w.refers(v.key) || w.kind == live && w.audio != managed {
			return 2
		}
	case elsewhere && !w.KeepOther:
		return 2
	case w.kind == none, w.kind == purged, w.kind == live && w.audio != managed && !w.NoArrivals:
		v.event = v.here
	}
	return end
}

func removeOrphan(w *world) int {
	mask := uint8(1) << w.mine().a
	if w.RemoveByKey {
		mask |= w.present(w.versions[w.mine().a].key)
	}
	w.remove(mask)
	return end
}

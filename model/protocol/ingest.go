package protocol

// The memory of ingest: a is 1 + the version of its event, b is 1 without a recording, and
// c is 1 + the judged version.

// settle ends ingest, and takes its event from the queue.
func (w *world) settle() int {
	w.versions[w.mine().a-1].event = false
	return end
}

// readForIngest begins with an event. The event that reconcile requested comes for certain.
// An event of the bucket may come at any time, twice or never.
func readForIngest(w *world) int {
	v := w.versions[w.choice]
	if w.choice >= int(w.written) || v.key != ownKey {
		return disabled
	}
	w.fair = v.event
	w.mine().a = uint8(w.choice) + 1
	switch {
	case w.kind != live:
		return 1
	case w.key != ownKey, w.audio == managed:
		return w.settle()
	}
	return 2
}

func readTombstone(w *world) int {
	switch w.kind {
	case live:
		return end // the queue tries again
	case restorable:
		if !w.IngestRemoves {
			return w.settle()
		}
		return 3
	case purging, purged:
		return 3
	}
	w.mine().b = 1
	return 2
}

// judge looks at the object that is there now.
func judge(w *world) int {
	m := w.mine()
	for i, v := range w.versions {
		if !v.here || v.key != ownKey {
			continue
		}
		m.c = uint8(i) + 1
		switch {
		case m.b == 1 && !v.old:
			return end // its recording may be on its way
		case v.bad:
			return 6
		}
		return 5
	}
	return w.settle() // it is gone
}

func removeAside(w *world) int {
	w.aside = 0
	return 4
}

func removeLate(w *world) int {
	w.remove(w.present(ownKey))
	return w.settle()
}

// complete stores the verdict on good audio, or makes a recording of it.
func complete(w *world) int {
	m := w.mine()
	switch {
	case m.b == 1 && w.kind == none:
		w.row = row{kind: live, audio: managed, key: ownKey, scope: true}
	case m.b == 1, w.kind != live:
		return end // the queue tries again
	case w.key != ownKey, w.audio == managed:
	case w.audio == failed && w.aside > 0:
		w.aside = 0
		return 5
	default:
		w.audio = managed
	}
	return w.settle()
}

func setAside(w *world) int {
	m := w.mine()
	if !w.versions[m.c-1].here {
		return w.settle()
	}
	w.aside = m.c
	return 7
}

func noteReason(w *world) int {
	switch {
	case w.mine().b == 1:
	case w.kind != live:
		return end // the queue tries again
	case w.key == ownKey && w.audio == pending:
		w.audio = failed
	}
	return 8
}

func removeRejected(w *world) int {
	w.remove(1 << (w.mine().c - 1))
	return w.settle()
}

package simulate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/retention"
)

// settings are those of one account, as the oracle knows them.
type settings struct {
	rules []keep // nil follows the account above
	retention.Bounds
}

// policy returns the policy of s, nil without one.
func (s settings) policy() *retention.Policy {
	if s.rules == nil {
		return nil
	}
	p := &retention.Policy{}
	for i, r := range s.rules {
		p.Rules = append(p.Rules, retention.Rule{Name: strconv.Itoa(i), Days: r.days, Forever: r.days == 0, Tag: r.tag, Owner: r.owner})
	}
	return p
}

// changePolicy saves, changes or removes the policy of an account, or the operator's bounds.
func (w *world) changePolicy(ctx context.Context, a application) error {
	account := pick(w, accounts)
	s := settings{Bounds: w.settings[account].Bounds}
	if w.rnd.IntN(4) > 0 {
		for _, r := range []keep{{tag: pick(w, tags[1:])}, {owner: pick(w, owners)}, {}} {
			if r.days = pick(w, terms); w.rnd.IntN(5) == 0 {
				r.days = 0
			}
			s.rules = append(s.rules, r)
		}
	}
	if account == accounts[0] && w.rnd.IntN(3) == 0 {
		s.Bounds = pick(w, []retention.Bounds{{}, {Min: 30}, {Max: 365}, {Min: 7, Max: 90}})
	}
	w.Policies++
	return w.save(ctx, a, account, s)
}

// save stores the settings of an account.
func (w *world) save(ctx context.Context, a application, account string, s settings) error {
	err := w.insist("policy", func(a application) error {
		_, revision, err := retention.Book{Entries: a.store}.Own(ctx, account)
		if err != nil {
			return err
		}
		return retention.Save(ctx, a.store, account, revision, retention.Settings{Policy: s.policy(), Bounds: s.Bounds})
	}, a)
	if err != nil {
		return fmt.Errorf("save a policy: %w", err)
	}
	w.settings[account] = s
	return w.changed(ctx)
}

// move takes an account out of its place, with those below it, or back.
func (w *world) move(ctx context.Context, a application) error {
	account := pick(w, accounts[1:])
	parent := ""
	if w.parents[account] == "" {
		parent = places[account]
	}
	w.Moves++
	return w.put(ctx, a, account, parent)
}

// put moves an account below another one.
func (w *world) put(ctx context.Context, a application, account, parent string) error {
	err := w.insist("move", func(a application) error { return access.NewTree(a.store).Move(ctx, account, parent) }, a)
	if err != nil {
		return fmt.Errorf("move %s: %w", account, err)
	}
	w.parents[account] = parent
	return w.changed(ctx)
}

// pause takes what limits an account away, imports recordings, and puts it back as it was. All that
// is between two sweeps.
func (w *world) pause(ctx context.Context) error {
	account := pick(w, accounts)
	s, parent := w.settings[account], w.parents[account]
	none := settings{}
	if w.rnd.IntN(3) == 0 {
		none.rules = []keep{{}} // a policy that keeps everything
	}
	back := func() error { return w.save(ctx, w.app, account, s) }
	away := func() error { return w.save(ctx, w.app, account, none) }
	if parent != "" && w.rnd.IntN(2) == 0 {
		away = func() error { return w.put(ctx, w.app, account, "") }
		back = func() error { return w.put(ctx, w.app, account, parent) }
	}
	w.Pauses++
	for _, step := range []func() error{away, func() error { return w.importOld(ctx) }, func() error { return w.importOld(ctx) }, back} {
		if err := step(); err != nil {
			return err
		}
		w.now = w.now.Add(15 * time.Second) // longer than policies are cached
	}
	return nil
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

var holdPlaceUsage = usage{
	name: "place", summary: "place a legal hold",
	args: "--account ID --case NAME --reason TEXT (--recording ID | --owner ID | --number N | --from TIME | --to TIME)… | --everything",
	does: `From then on, what the hold covers cannot be deleted, expire, be erased or get other audio, until the hold
is released. It covers the recordings that match all options that are given, also those that come later. It
prints the ID of the hold. Repeating the command places no second hold.`,
	examples: []string{`hold place --account A --case "Smith v. Example" --reason "letter of 5 May" --number "+1 555 123 4567"`},
}

// holdCommand makes `recordings hold`, which manages legal holds (docs/how-to/holds.md).
func (e env) holdCommand() *cobra.Command {
	return usage{
		name: "hold", summary: "place and release legal holds",
		does:     `A legal hold keeps recordings from being deleted until it is released.`,
		examples: []string{holdPlaceUsage.examples[0], "hold list --account A"},
	}.parent(e.holdPlaceCommand(), e.holdListCommand(), e.holdShowCommand(), e.holdReleaseCommand())
}

// holdOptions are the options of the commands about holds.
type holdOptions struct {
	env
	target  *target
	account string
	asJSON  bool
	audit   string
}

func (e env) holdFlags(fs *pflag.FlagSet) *holdOptions {
	o := &holdOptions{env: e, target: e.targetFlags(fs), audit: auditAuto}
	accountFlag(fs, &o.account)
	jsonFlag(fs, &o.asJSON)
	return o
}

// heldBook is the holds of a target, and its recordings.
type heldBook struct {
	*hold.Book
	recordings store.Finder
}

// run checks the command line, opens the target and calls do.
func (o *holdOptions) run(ctx context.Context, args []string, n int, do func(b *heldBook, t *trailed) error) error {
	if err := unexpected(args, n); err != nil {
		return err
	}
	if len(args) < n {
		return usageError{errors.New("want the ID of a hold")}
	}
	if err := checkIDs(o.account, ""); err != nil {
		return usageError{err}
	}
	if err := checkAudit(o.audit); err != nil {
		return err
	}
	plain, closed, err := o.target.openEntries(ctx)
	if err != nil {
		return err
	}
	t, err := o.trailed(plain, o.audit)
	if err == nil {
		err = do(&heldBook{hold.NewBook(plain, o.now, rand.Reader, true), plain}, t)
	}
	if fields := recording.FieldErrors(nil); errors.As(err, &fields) {
		err = usageError{fields}
	}
	return errors.Join(err, closed())
}

// holdPlaceCommand makes the command that places a hold.
func (e env) holdPlaceCommand() *cobra.Command {
	c := holdPlaceUsage.command()
	fs := c.Flags()
	o := e.holdFlags(fs)
	auditFlag(fs, &o.audit)
	var h hold.Hold
	var everything bool
	fs.StringVar(&h.Case, "case", "", "`NAME`: the name or number of the legal case")
	fs.StringVar(&h.Reason, "reason", "", "`TEXT`: why the hold is placed")
	fs.StringVar(&h.Scope.Recording, "recording", "", "`ID`: covers one recording")
	fs.StringVar(&h.Scope.Owner, "owner", "", "`ID`: covers the recordings of a user")
	fs.StringVar(&h.Scope.Number, "number", "", "`NUMBER`: covers calls with a phone number, in any spelling")
	e.timeFlag(fs, &h.Scope.From, "from", "`TIME`: covers calls that started then or later")
	e.timeFlag(fs, &h.Scope.To, "to", "`TIME`: covers calls that started then or earlier")
	fs.BoolVar(&everything, "everything", false, "covers the whole account")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := o.checkScope(&h.Scope, everything); err != nil {
			return usageError{err}
		}
		return o.run(c.Context(), args, 0, func(b *heldBook, t *trailed) error {
			placed, err := o.place(c.Context(), b, t, h)
			if err != nil {
				return err
			}
			return o.print([]hold.Hold{placed}, func() { printf(o.stdout, "%s\n", placed.ID) })
		})
	}
	return c
}

// checkScope checks the scope of a new hold.
func (o *holdOptions) checkScope(s *hold.Scope, everything bool) error {
	if everything != (*s == hold.Scope{}) {
		return errors.New("want --recording, --owner, --number, --from or --to, or else --everything")
	}
	if s.Recording != "" {
		if _, err := recording.ParseID(s.Recording); err != nil {
			return fmt.Errorf("--recording %s: %w", s.Recording, err)
		}
	}
	return checkIDs(o.account, s.Owner)
}

// place places a hold, unless it exists already.
func (o *holdOptions) place(ctx context.Context, b *heldBook, t *trailed, h hold.Hold) (hold.Hold, error) {
	h, err := b.Draft(h)
	if err != nil {
		return h, err
	}
	if err := h.Scope.CheckRecording(ctx, b.recordings, o.account); err != nil {
		return h, fmt.Errorf("--recording %s: %w", h.Scope.Recording, err)
	}
	active, err := b.Active(ctx, o.account)
	if err != nil {
		return h, err
	}
	if twin, ok := active.Twin(h); ok {
		return twin, nil
	}
	change := ruleChange{account: o.account, object: "hold/" + h.ID, action: access.Hold, reason: h.Reason}
	err = t.record(ctx, []ruleChange{change}, func() error { return b.Place(ctx, o.account, h) })
	if twin := (*hold.TwinError)(nil); errors.As(err, &twin) { // another command was faster
		return twin.Hold, nil
	}
	return h, err
}

// holdListCommand makes the command that lists holds.
func (e env) holdListCommand() *cobra.Command {
	c := usage{
		name: "list", summary: "list the legal holds of an account", args: "--account ID [--released] [OPTIONS]",
		does:     `Lists the active holds, or with --released those that were released.`,
		examples: []string{"hold list --account A"},
	}.command()
	o := e.holdFlags(c.Flags())
	var released bool
	c.Flags().BoolVar(&released, "released", false, "list the holds that were released")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, 0, func(b *heldBook, _ *trailed) error {
			holds, err := o.holds(c.Context(), b, released)
			if err != nil {
				return err
			}
			return o.print(holds, func() {
				for i := range holds {
					h := &holds[i]
					printf(o.stdout, "%s  %s  %s  %s\n", h.ID, h.Placed.Time().Format(time.DateOnly), clean(h.Case), scopeWords(&h.Scope))
				}
			})
		})
	}
	return c
}

// releasedAtOnce is how many released holds are read at a time.
const releasedAtOnce = 100

func (o *holdOptions) holds(ctx context.Context, b *heldBook, released bool) ([]hold.Hold, error) {
	if !released {
		active, err := b.Active(ctx, o.account)
		return active.Holds(), err
	}
	var all []hold.Hold
	for after := ""; ; {
		page, next, err := b.Released(ctx, o.account, after, releasedAtOnce)
		all = append(all, page...)
		if after = next; err != nil || next == "" {
			return all, err
		}
	}
}

// holdShowCommand makes the command that prints a hold.
func (e env) holdShowCommand() *cobra.Command {
	c := usage{
		name: "show", summary: "print a legal hold", args: "--account ID HOLD [OPTIONS]",
		does:     `Prints a hold, active or released.`,
		examples: []string{"hold show --account A 5e0b1a2c3d4f6071"},
	}.command()
	o := e.holdFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, 1, func(b *heldBook, _ *trailed) error {
			h, err := b.Find(c.Context(), o.account, args[0])
			if err != nil {
				return err
			}
			return o.print([]hold.Hold{h}, func() { o.show(&h) })
		})
	}
	return c
}

// show prints a hold for people.
func (o *holdOptions) show(h *hold.Hold) {
	printf(o.stdout, "hold      %s\ncase      %s\ncovers    %s\nplaced    %s%s\nreason    %s\n",
		h.ID, clean(h.Case), scopeWords(&h.Scope), h.Placed.RFC3339(), byWords(h.By), clean(h.Reason))
	if r := h.Released; r != nil {
		printf(o.stdout, "released  %s%s\nreason    %s\n", r.At.RFC3339(), byWords(r.By), clean(r.Reason))
	}
}

func byWords(user string) string {
	if user == "" {
		return ""
	}
	return " by " + clean(user)
}

// scopeWords describes the scope of a hold.
func scopeWords(s *hold.Scope) string {
	var all []string
	for _, c := range []struct{ name, value string }{
		{"recording", s.Recording}, {"owner", s.Owner}, {"number", clean(s.Number)}, {"from", timeWords(s.From)}, {"to", timeWords(s.To)},
	} {
		if c.value != "" {
			all = append(all, c.name+" "+c.value)
		}
	}
	return first(strings.Join(all, ", "), "the whole account")
}

func timeWords(at recording.Seconds) string {
	if at == 0 {
		return ""
	}
	return at.RFC3339()
}

// holdReleaseCommand makes the command that releases a hold.
func (e env) holdReleaseCommand() *cobra.Command {
	c := usage{
		name: "release", summary: "release a legal hold", args: "--account ID HOLD --reason TEXT [OPTIONS]",
		does:     `What no other hold covers can be deleted again, and expires if its time is up.`,
		examples: []string{`hold release --account A 5e0b1a2c3d4f6071 --reason "the case is settled"`},
	}.command()
	o := e.holdFlags(c.Flags())
	auditFlag(c.Flags(), &o.audit)
	var r hold.Release
	c.Flags().StringVar(&r.Reason, "reason", "", "`TEXT`: why the hold is released")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, 1, func(b *heldBook, t *trailed) error {
			h, err := o.release(c.Context(), b, t, args[0], r)
			if err != nil {
				return err
			}
			return o.print([]hold.Hold{h}, func() { printf(o.stdout, "released %s\n", h.ID) })
		})
	}
	return c
}

func (o *holdOptions) release(ctx context.Context, b *heldBook, t *trailed, id string, r hold.Release) (hold.Hold, error) {
	if err := r.Check(); err != nil {
		return hold.Hold{}, err
	}
	h, err := b.Find(ctx, o.account, id)
	if err != nil || h.Released != nil {
		return h, err
	}
	change := ruleChange{account: o.account, object: "hold/" + id, action: access.Release, reason: r.Reason}
	err = t.record(ctx, []ruleChange{change}, func() (err error) {
		h, err = b.Release(ctx, o.account, id, r)
		return err
	})
	return h, err
}

// print prints holds: each as a line of JSON, or as words does.
func (o *holdOptions) print(holds []hold.Hold, words func()) error {
	if !o.asJSON {
		words()
		return nil
	}
	for i := range holds {
		if err := printJSON(o.stdout, holds[i]); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/price"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

var usageUsage = usage{
	name: "usage", summary: "print what accounts used in a month, and what it costs",
	args: "--month YYYY-MM [--account ID] [--prices FILE] [OPTIONS]",
	does: `Prints, for one account or all accounts of the tree, what a month (in UTC) added: recordings, their hours
and bytes, and the gigabytes that were stored at its end. These figures are for a bill: deleting recordings
later does not lower them. It also prints how many of the recordings that were created in the month still
exist. The figures come from the totals that the index keeps, so that no recording is read. With prices, it
adds the cost of each account: of the recordings and hours added, and of the gigabytes stored.`,
	examples: []string{"usage --month 2026-11 --json", "usage --month 2026-11 --account A --prices prices.json"},
	notes: `Prices are a JSON object, in the file or in PRICES; a price that is missing is 0:
  {"currency": "EUR", "recording": "0.001", "hour": "0.02", "gigabyte_month": "0.03"}
A gigabyte has 10^9 bytes. Amounts have 4 decimals.
A recording counts for the month in which it is first indexed, which is normally the one of its arrival,
and never again.
`,
}

// accountUsage is the usage of an account in a month.
type accountUsage struct {
	Account string `json:"account"`
	Month   string `json:"month"`
	// Recordings, Seconds and Bytes were added in the month. StoredBytes is the size of all
	// recordings at its end. Later deletions do not change them.
	Recordings  int64 `json:"recordings"`
	Seconds     int64 `json:"seconds"`
	Bytes       int64 `json:"bytes"`
	StoredBytes int64 `json:"stored_bytes"`
	// Kept counts the recordings that were created in the month and still exist.
	Kept search.Sum `json:"kept"`
	// Updated is when the index last changed these numbers (RFC 3339).
	Updated  string `json:"updated,omitempty"`
	Cost     string `json:"cost,omitempty"`
	Currency string `json:"currency,omitempty"`
}

// usageOptions are the options of usage.
type usageOptions struct {
	env
	target                     *target
	account, month, pricesFile string
	asJSON                     bool
}

// usageCommand makes the command that prints what accounts used.
func (e env) usageCommand() *cobra.Command {
	o := usageOptions{env: e}
	c := usageUsage.command()
	fs := c.Flags()
	o.target = e.targetFlags(fs)
	accountFlag(fs, &o.account)
	fs.StringVar(&o.month, "month", "", "`YYYY-MM`: the month, in UTC")
	fs.StringVar(&o.pricesFile, "prices", "", "`FILE`: JSON file with prices (or PRICES, the prices themselves)")
	jsonFlag(fs, &o.asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		month, err := time.Parse("2006-01", o.month)
		if err != nil {
			return usageError{errors.New("--month is required, in the form 2026-11")}
		}
		return o.print(c.Context(), month)
	}
	return c
}

// print prints the usage of the chosen accounts.
func (o *usageOptions) print(ctx context.Context, month time.Time) error {
	p, err := o.readPrices()
	if err != nil {
		return usageError{err}
	}
	s, closed, err := o.target.openIndex(ctx)
	if err != nil {
		return err
	}
	return errors.Join(o.printFrom(ctx, s, month, p), closed())
}

// printFrom prints the usage of the chosen accounts from the totals in s. If those of an account
// are damaged, the others still get their lines, and the errors are returned at the end. If the
// store is not available, it stops.
func (o *usageOptions) printFrom(ctx context.Context, s search.Store, month time.Time, p *price.Prices) error {
	accounts := 0
	var failed []error
	one := func(account string) error {
		accounts++
		u, err := usageOf(ctx, s, account, month)
		if err != nil {
			err = fmt.Errorf("account %s: %w", account, err)
			if ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) {
				return err
			}
			failed = append(failed, err)
			return nil
		}
		if p != nil {
			u.Currency, u.Cost = p.Currency, p.Usage(u.Recordings, u.Seconds, u.StoredBytes)
		}
		return o.show(u)
	}
	var err error
	if o.account != "" {
		err = one(o.account)
	} else {
		err = access.NewTree(s).Walk(ctx, "", func(l access.Listed) error { return one(l.ID) })
	}
	if err == nil && accounts == 0 {
		printf(o.stderr, "the account tree is empty: name an account with --account\n")
	}
	return errors.Join(append(failed, err)...)
}

// usageOf reads the totals of an account.
func usageOf(ctx context.Context, s search.Store, account string, month time.Time) (accountUsage, error) {
	u := accountUsage{Account: account, Month: month.Format("2006-01")}
	of := search.Range{Account: account, All: true, From: recording.SecondsOf(month), To: recording.SecondsOf(month.AddDate(0, 1, 0)) - 1}
	got, err := search.Summarize(ctx, s, of, search.ByNothing)
	if err != nil {
		return u, err
	}
	u.Recordings, u.Seconds, u.Bytes, u.Kept = got.Added.Count, got.Added.Seconds, got.Added.Bytes, got.Sum
	of.From = 0
	if got, err = search.Summarize(ctx, s, of, search.ByNothing); err != nil {
		return u, err
	}
	if u.StoredBytes = got.Stored; got.Updated > 0 {
		u.Updated = got.Updated.RFC3339()
	}
	return u, nil
}

// readPrices reads the file of prices, or else the environment; nil without either.
func (o *usageOptions) readPrices() (*price.Prices, error) {
	if o.pricesFile == "" {
		s, err := config.Load(o.getenv, config.Tool)
		return s.Prices, err
	}
	text, err := os.ReadFile(o.pricesFile)
	if err != nil {
		return nil, err
	}
	p, err := price.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.pricesFile, err)
	}
	return p, nil
}

// show prints the usage of an account.
func (o *usageOptions) show(u accountUsage) error {
	if o.asJSON {
		return printJSON(o.stdout, u)
	}
	line := fmt.Sprintf("%s  %s  %s, %.1f h, %.3f GB added, %.3f GB stored, %d kept", u.Account, u.Month, count(u.Recordings, "recording"),
		float64(u.Seconds)/3600, float64(u.Bytes)/1e9, float64(u.StoredBytes)/1e9, u.Kept.Count)
	if u.Cost != "" {
		line += ", " + clean(u.Cost+" "+u.Currency)
	}
	_, err := fmt.Fprintln(o.stdout, line)
	return err
}

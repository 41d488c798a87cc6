package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/issuer/keyset"
)

var issuerAddUsage = usage{
	name: "add", summary: "accept the tokens of an issuer",
	args: "NAME --iss ISS [--url URL | --keys FILE] [OPTIONS]",
	does: `Adds an issuer. Its keys come from a URL, which is a JWKS or an OpenID configuration, or from a file. Without
both, the URL is ISS/.well-known/openid-configuration. The keys are fetched at once, to find mistakes.
A claim is named by its name, or by a path such as /realm_access/roles.`,
	examples: []string{
		"issuer add keycloak --iss https://login.example.com/realms/pbx --audience recordings",
		"issuer add kazoo --kazoo --keys kazoo.jwks",
	},
	notes: privateHostsNote,
}

// issuerAdd is one invocation of issuer add.
type issuerAdd struct {
	*issuerOptions

	definition            issuer.Definition
	kazoo                 bool
	keys, restrictions    string // names of files
	roles, require        []string
	accountRestrictions   []string
	maxTTL                time.Duration
	replace, withoutFetch bool
}

// issuerAddCommand makes the command that adds an issuer.
func (e env) issuerAddCommand() *cobra.Command {
	c := issuerAddUsage.command()
	a := issuerAdd{issuerOptions: e.issuerChangeFlags(c.Flags())}
	a.flags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		name, err := oneName(args)
		if err != nil {
			return err
		}
		r := issuer.Record{Name: name}
		if err := a.complete(&r); err != nil {
			return usageError{err}
		}
		return a.run(c.Context(), func(b issuer.Book) error { return a.add(c.Context(), b, r) })
	}
	return c
}

func (a *issuerAdd) flags(fs *pflag.FlagSet) {
	d := &a.definition
	fs.StringVar(&d.Iss, "iss", "", "`ISS`: the claim iss of its tokens")
	fs.StringVar(&d.URL, "url", "", "`URL`: its keys, as a JWKS or an OpenID configuration")
	fs.StringVar(&a.keys, "keys", "", "`FILE`: its keys, as a JWKS; - for standard input")
	fs.BoolVar(&a.kazoo, "kazoo", false, "a Kazoo: iss is kazoo, and the algorithms are RS256, RS384 and RS512")
	fs.StringArrayVar(&d.Audiences, "audience", nil, "`AUD`: a value of aud that is accepted; repeatable. Without it, tokens must have no aud")
	fs.StringArrayVar(&d.Algorithms, "algorithm", nil, "`ALG`: an algorithm that is accepted; repeatable (default "+strings.Join(issuer.DefaultAlgorithms, " and ")+")")
	fs.StringVar(&d.AccountClaim, "account-claim", issuer.DefaultAccountClaim, "`CLAIM`: the claim with the account")
	fs.StringVar(&d.OwnerClaim, "owner-claim", issuer.DefaultOwnerClaim, "`CLAIM`: the claim with the user, \"\" for none")
	fs.StringVar(&d.RoleClaim, "role-claim", "", "`CLAIM`: the claim with the role, if the issuer is trusted for roles")
	fs.StringVar(&d.GroupsClaim, "groups-claim", "", "`CLAIM`: the claim with the groups, if the issuer is trusted for groups")
	fs.StringArrayVar(&a.roles, "role", nil, "`VALUE=ROLE`: the role for a value of the role claim; repeatable. Without it, values are roles")
	fs.StringArrayVar(&d.Accounts, "account", nil, "`ID`: an account that it may issue tokens for; repeatable (default all)")
	fs.StringArrayVar(&a.require, "require", nil, "`CLAIM=VALUE`: a claim that its tokens must have; repeatable")
	fs.DurationVar(&a.maxTTL, "max-ttl", issuer.DefaultMaxTTL, "`DURATION`: how far in the future its tokens may expire; 0 for no limit")
	fs.StringVar(&a.restrictions, "restrictions", "", "`FILE`: Kazoo's token restrictions of the system, as JSON")
	fs.StringArrayVar(&a.accountRestrictions, "account-restrictions", nil, "`ID=FILE`: Kazoo's token restrictions of an account, as JSON; repeatable")
	fs.BoolVar(&a.replace, "replace", false, "replace an issuer of the same name")
	fs.BoolVar(&a.withoutFetch, "no-fetch", false, "do not fetch the keys now")
}

// complete makes an issuer of the command line.
func (a *issuerAdd) complete(r *issuer.Record) (err error) {
	d := &a.definition
	if a.kazoo {
		d.Iss = first(d.Iss, "kazoo")
		if len(d.Algorithms) == 0 {
			d.Algorithms = []string{"RS256", "RS384", "RS512"}
		}
	}
	switch {
	case d.Iss == "":
		return errors.New("want --iss")
	case a.keys != "" && (d.URL != "" || a.withoutFetch):
		return errors.New("--keys gives the keys: use it without --url and --no-fetch")
	case a.keys == "" && d.URL == "" && !strings.HasPrefix(d.Iss, "https://"):
		return errors.New("want --url or --keys, because iss is not a URL that begins with https://")
	case a.keys == "" && d.URL == "":
		d.URL = strings.TrimSuffix(d.Iss, "/") + "/.well-known/openid-configuration"
	}
	if len(d.Algorithms) == 0 {
		d.Algorithms = issuer.DefaultAlgorithms
	}
	d.MaxTTL = int64(a.maxTTL / time.Second)
	if d.Roles, err = split("--role", a.roles); err != nil {
		return err
	}
	if d.Require, err = split("--require", a.require); err != nil {
		return err
	}
	if err := a.readRestrictions(d); err != nil {
		return err
	}
	r.Definition = *d
	if err := r.Check(); err != nil {
		return err
	}
	return a.readKeys(r)
}

// split parses options of the form NAME=VALUE. The last = separates the two, because
// names of claims may contain it.
func split(option string, texts []string) (map[string]string, error) {
	var found map[string]string
	for _, text := range texts {
		at := strings.LastIndex(text, "=")
		if at <= 0 || at == len(text)-1 {
			return nil, fmt.Errorf("%s %q: want two texts and = between them", option, text)
		}
		if found == nil {
			found = map[string]string{}
		}
		if _, twice := found[text[:at]]; twice {
			return nil, fmt.Errorf("%s: %q occurs twice", option, text[:at])
		}
		found[text[:at]] = text[at+1:]
	}
	return found, nil
}

// pairs is the reverse of split, for a person.
func pairs(m map[string]string) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		texts = append(texts, name+" = "+m[name])
	}
	return strings.Join(texts, ", ")
}

// maxFile is the maximum size of a file of the command, in bytes.
const maxFile = 1 << 20

// read reads a file; - is standard input.
func (a *issuerAdd) read(name string) ([]byte, error) {
	from := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // only read
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return data, err
}

// readKeys reads the keys that --keys gives.
func (a *issuerAdd) readKeys(r *issuer.Record) error {
	if a.keys == "" {
		return nil
	}
	data, err := a.read(a.keys)
	if err != nil {
		return err
	}
	list, skipped, err := keyset.Parse(data, r.Algorithms)
	if err != nil {
		return fmt.Errorf("%s: %w", a.keys, err)
	}
	r.Keys = issuer.Keys{List: list, Skipped: skipped, Fetched: a.now().Unix()}
	return nil
}

// readRestrictions reads the token restrictions.
func (a *issuerAdd) readRestrictions(d *issuer.Definition) (err error) {
	if a.restrictions != "" {
		if d.Restrictions, err = a.readJSON(a.restrictions); err != nil {
			return err
		}
	}
	files, err := split("--account-restrictions", a.accountRestrictions)
	if err != nil {
		return err
	}
	for account, name := range files {
		text, err := a.readJSON(name)
		if err != nil {
			return err
		}
		if d.AccountRestrictions == nil {
			d.AccountRestrictions = map[string]json.RawMessage{}
		}
		d.AccountRestrictions[account] = text
	}
	return nil
}

func (a *issuerAdd) readJSON(name string) (json.RawMessage, error) {
	data, err := a.read(name)
	if err == nil && !json.Valid(data) {
		err = fmt.Errorf("%s is not JSON", name)
	}
	return data, err
}

// add fetches the keys, unless they were given, and stores the issuer.
func (a *issuerAdd) add(ctx context.Context, b issuer.Book, r issuer.Record) error {
	switch {
	case a.keys != "":
	case a.withoutFetch:
		if old, err := b.Get(ctx, r.Name); err == nil && old.URL == r.URL && old.Iss == r.Iss && slices.Equal(old.Algorithms, r.Algorithms) {
			r.Keys = old.Keys
		}
	default:
		refresher, err := a.refresher(b)
		if err != nil {
			return err
		}
		list, skipped, err := refresher.Fetcher.Keys(ctx, r.Definition)
		if err != nil {
			return fmt.Errorf("the keys: %w (nothing is stored; with --no-fetch the service fetches them)", err)
		}
		r.Keys = issuer.Keys{List: list, Skipped: skipped, Fetched: a.now().Unix()}
	}
	err := b.Put(ctx, r, a.replace)
	if errors.Is(err, issuer.ErrExists) {
		return fmt.Errorf("%w; replace it with --replace", err)
	}
	if err != nil {
		return err
	}
	if a.asJSON {
		return printJSON(a.stdout, shownIssuerOf(r))
	}
	printf(a.stderr, "issuer %s added with %s\n", r.Name, count(len(r.List), "key"))
	for _, s := range r.Skipped {
		printf(a.stderr, "not used: %s\n", clean(s))
	}
	return nil
}

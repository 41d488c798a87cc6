package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"callrecordings/shared/auth"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// maxLabel is the most bytes of a secret's label.
const maxLabel = 200

// storageSecret makes, lists and revokes the secrets that whoever writes
// recordings over HTTP has in his URL (contract, Storage).
func storageSecret(ctx context.Context, e env, args []string) error {
	fs := flags("storage-secret")
	t := e.targetFlags(fs)
	account := fs.String("account", "", "`id` of the account")
	label := fs.String("label", "", "`text` that says whose it is")
	id := fs.String("id", "", "`id` of the secret to revoke")
	base := fs.String("url", "", "base `address` of the API, to print the whole URL of the storage")
	asJSON := fs.Bool("json", false, "print JSON objects")
	rest, err := e.parse(fs, "create|list|revoke --account A [--label TEXT] [--id ID] [--url ADDRESS]", args)
	if err != nil {
		return err
	}
	k := keeper{env: e, account: *account, label: *label, id: *id, base: strings.TrimSuffix(*base, "/"), asJSON: *asJSON}
	do, err := k.choose(rest)
	if err != nil {
		return usageError{err}
	}
	o, closed, err := t.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, o.store), closed())
}

// keeper is one call of storage-secret.
type keeper struct {
	env
	account, label, id, base string
	asJSON                   bool
}

// choose finds what is to be done, and what is wrong with the call.
func (k keeper) choose(words []string) (func(context.Context, store.Secrets) error, error) {
	if err := checkNames(k.account, ""); err != nil {
		return nil, err
	}
	if len(words) != 1 {
		return nil, errors.New("say one of create, list and revoke")
	}
	do := map[string]func(context.Context, store.Secrets) error{"create": k.create, "list": k.list, "revoke": k.revoke}[words[0]]
	switch {
	case do == nil:
		return nil, fmt.Errorf("%q is none of create, list and revoke", words[0])
	case (words[0] == "revoke") != (k.id != ""):
		return nil, errors.New("--id goes with revoke, and revoke with --id")
	case k.label != "" && words[0] != "create":
		return nil, errors.New("--label goes with create")
	case len(k.label) > maxLabel:
		return nil, fmt.Errorf("--label has %d bytes, at most %d are kept", len(k.label), maxLabel)
	}
	return do, nil
}

// create makes a secret and prints it, which nobody can do a second time.
func (k keeper) create(ctx context.Context, s store.Secrets) error {
	secret, id, sum, err := auth.NewStorageSecret(rand.Reader)
	if err != nil {
		return err
	}
	added := store.Secret{Account: k.account, ID: id, Sum: sum, Label: k.label, Created: recording.SecondsOf(k.now())}
	if err := s.AddSecret(ctx, added); err != nil {
		return err
	}
	url := k.base + "/v2/storage/" + k.account + "/" + secret
	if k.asJSON {
		return printJSON(k.stdout, struct {
			ID     string `json:"id"`
			Secret string `json:"secret"`
			Path   string `json:"url"`
		}{id, secret, url})
	}
	say(k.stdout, "%s\n", url)
	say(k.stderr, "secret %s; it is shown this once\n", id)
	return nil
}

// list prints what is known of the account's secrets.
func (k keeper) list(ctx context.Context, s store.Secrets) error {
	all, err := s.ListSecrets(ctx, k.account)
	if err != nil {
		return err
	}
	for _, one := range all {
		created := one.Created.Time().Format(time.RFC3339)
		if k.asJSON {
			err := printJSON(k.stdout, struct {
				ID      string `json:"id"`
				Created string `json:"created"`
				Label   string `json:"label,omitempty"`
			}{one.ID, created, one.Label})
			if err != nil {
				return err
			}
			continue
		}
		say(k.stdout, "%s  %s  %s\n", one.ID, created, one.Label)
	}
	return nil
}

// revoke forgets a secret. What comes with it from now on is refused.
func (k keeper) revoke(ctx context.Context, s store.Secrets) error {
	err := s.RevokeSecret(ctx, k.account, k.id)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("account %s has no secret %s", k.account, k.id)
	}
	return err
}

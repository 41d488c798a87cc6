package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// maxLabel is the longest label of a secret, in bytes.
const maxLabel = 200

var secretUsage = usage{
	name: "storage-secret", summary: "create, list and revoke secrets for storage requests over HTTP",
	args: "create|list|revoke --account ID [OPTIONS]",
	does: `Manages the secrets in the URLs of storage requests, with which a PBX stores recordings over HTTP.
create prints the URL of a new secret. Only a hash of the secret is kept, so it cannot be shown again.
list prints the ID, the creation time and the label of each secret; revoke takes such an ID.`,
	examples: []string{
		"storage-secret create --account A --label office --url https://recordings.example.com",
		"storage-secret revoke --account A --id 1f2e3d4c",
	},
}

// storageSecretCommand makes the command that creates, lists and revokes storage
// secrets (contract, Storage).
func (e env) storageSecretCommand() *cobra.Command {
	s := secretCommand{env: e}
	c := secretUsage.command()
	fs := c.Flags()
	t := e.targetFlags(fs)
	accountFlag(fs, &s.account)
	fs.StringVar(&s.label, "label", "", "`TEXT`: description of a new secret, such as the name of its PBX")
	fs.StringVar(&s.id, "id", "", "`ID`: ID of the secret to revoke")
	fs.StringVar(&s.base, "url", "", "`URL`: base URL of the API; create then prints a complete URL")
	auditFlag(fs, &s.audit)
	jsonFlag(fs, &s.asJSON)
	c.ValidArgs = []string{"create", "list", "revoke"}
	c.RunE = func(c *cobra.Command, words []string) error {
		s.base = strings.TrimSuffix(s.base, "/")
		do, err := s.choose(words)
		if err != nil {
			return usageError{err}
		}
		o, closed, err := t.open(c.Context())
		if err != nil {
			return err
		}
		trail, err := s.trailed(o.store, s.audit)
		if err == nil {
			err = do(c.Context(), recordedSecrets{o.store, trail})
		}
		return errors.Join(err, closed())
	}
	return c
}

// secretCommand is one invocation of storage-secret.
type secretCommand struct {
	env
	account, label, id, base string
	audit                    string
	asJSON                   bool
}

// choose checks the command line and returns the action that it asks for.
func (c secretCommand) choose(words []string) (func(context.Context, store.Secrets) error, error) {
	if err := checkIDs(c.account, ""); err != nil {
		return nil, err
	}
	if len(words) != 1 {
		return nil, errors.New("want one of create, list and revoke")
	}
	do := map[string]func(context.Context, store.Secrets) error{"create": c.create, "list": c.list, "revoke": c.revoke}[words[0]]
	switch {
	case do == nil:
		return nil, fmt.Errorf("want one of create, list and revoke, not %q", words[0])
	case (words[0] == "revoke") != (c.id != ""):
		return nil, errors.New("revoke needs --id, and --id works only with revoke")
	case c.label != "" && words[0] != "create":
		return nil, errors.New("--label works only with create")
	case len(c.label) > maxLabel:
		return nil, fmt.Errorf("--label has %s, the limit is %d", count(len(c.label), "byte"), maxLabel)
	}
	return do, checkAudit(c.audit)
}

// create makes a secret, stores its hash, and prints it.
func (c secretCommand) create(ctx context.Context, s store.Secrets) error {
	secret, id, sum, err := auth.NewStorageSecret(rand.Reader)
	if err != nil {
		return err
	}
	added := store.Secret{Account: c.account, ID: id, Sum: sum, Label: c.label, Created: recording.SecondsOf(c.now())}
	if err := s.AddSecret(ctx, added); err != nil {
		return err
	}
	url := c.base + "/v2/storage/" + c.account + "/" + secret
	if c.asJSON {
		return printJSON(c.stdout, struct {
			ID     string `json:"id"`
			Secret string `json:"secret"`
			Path   string `json:"url"`
		}{id, secret, url})
	}
	printf(c.stdout, "%s\n", url)
	printf(c.stderr, "secret %s created; this URL is not shown again\n", id)
	return nil
}

// list prints the ID, creation time and label of each secret of the account.
func (c secretCommand) list(ctx context.Context, s store.Secrets) error {
	all, err := s.ListSecrets(ctx, c.account)
	if err != nil {
		return err
	}
	for _, one := range all {
		created := one.Created.RFC3339()
		if c.asJSON {
			err := printJSON(c.stdout, struct {
				ID      string `json:"id"`
				Created string `json:"created"`
				Label   string `json:"label,omitempty"`
			}{one.ID, created, one.Label})
			if err != nil {
				return err
			}
			continue
		}
		printf(c.stdout, "%s  %s  %s\n", one.ID, created, one.Label)
	}
	return nil
}

// revoke deletes a secret. From then on, requests with it are rejected.
func (c secretCommand) revoke(ctx context.Context, s store.Secrets) error {
	err := s.RevokeSecret(ctx, c.account, c.id)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("account %s has no secret %s", c.account, c.id)
	}
	return err
}

// recordedSecrets records changes of the secrets in the audit trail.
type recordedSecrets struct {
	store.Secrets

	trail *trailed
}

// AddSecret implements store.Secrets.
func (s recordedSecrets) AddSecret(ctx context.Context, added store.Secret) error {
	return s.trail.record(ctx, []ruleChange{{account: added.Account, object: "storage-secret/" + added.ID}}, func() error { return s.Secrets.AddSecret(ctx, added) })
}

// RevokeSecret implements store.Secrets.
func (s recordedSecrets) RevokeSecret(ctx context.Context, account, id string) error {
	return s.trail.record(ctx, []ruleChange{{account: account, object: "storage-secret/" + id}}, func() error { return s.Secrets.RevokeSecret(ctx, account, id) })
}

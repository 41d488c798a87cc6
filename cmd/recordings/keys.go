package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"callrecordings/shared/auth"
)

// keys prints a JWKS with a fresh key, for TOKEN_KEYS: what it signs, it also
// verifies, so it is a secret.
func keys(_ context.Context, e env, args []string) error {
	fs := flags("keys")
	kid := fs.String("kid", "", "`name` of the key; the day, if none is given")
	rest, err := e.parse(fs, "[--kid NAME]", args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return usageError{fmt.Errorf("unexpected argument %q", rest[0])}
	}
	if *kid == "" {
		*kid = e.now().UTC().Format("2006-01-02")
	}
	made, err := auth.NewKeys(rand.Reader, *kid)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s\n", made)
	return err
}

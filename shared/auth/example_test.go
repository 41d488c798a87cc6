package auth_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"callrecordings/shared/auth"
)

// Keys, a token, and what it says: as the local server does it at its start.
func ExampleSign() {
	jwks, err := auth.NewKeys(rand.Reader, "demo")
	if err != nil {
		panic(err)
	}
	token, err := auth.Sign(jwks, auth.Claims{Account: "acme", Owner: "anna", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		panic(err)
	}
	keys, err := auth.ParseKeys(jwks)
	if err != nil {
		panic(err)
	}
	b, err := auth.NewVerifier(keys, time.Now).Verify(context.Background(), token)
	fmt.Println(b.Account, b.Owner, err)
	fmt.Println(b.Reaches("acme"), b.Reaches("other"), b.May(auth.Delete))
	// Output:
	// acme anna <nil>
	// true false true
}

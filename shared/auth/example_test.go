package auth_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/auth"
)

// The local server makes its keys and tokens like this when it starts.
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
	// Output:
	// acme anna <nil>
}

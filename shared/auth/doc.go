// Package auth says who a request speaks for: where its token is taken from
// ([Token]), whether the token is good ([Verifier]), and what its bearer may
// do ([Bearer]).
//
// Tokens are JWTs (RFC 7519), checked in every function (docs/adr/003-tokens-in-the-function.md). The
// order of the checks:
//
//  1. form: at most [MaxToken] characters, three parts of base64url;
//  2. header: a typ of JWT or none, no crit, and a kid of our keys;
//  3. algorithm: that of the key and no other (RFC 8725, 3.1);
//  4. signature;
//  5. claims: exp in the future, nbf not, account_id and maybe owner_id of
//     the form that the routes have.
//
// The algorithm is fixed by the key and never chosen by the token: HS256 for
// oct keys, RS256 for RSA, ES256 for EC. So "none" does not exist here, and
// an RSA public key is never the secret of an HMAC. A token without kid is
// tried only if exactly one key has its algorithm. Keys in the header of a
// token (jwk, jku, x5c, x5u) are not looked at.
//
// What it does not do: it fetches no keys, knows no audience and no issuer,
// no tree of accounts and no roles.
//
// A JWT library does the cryptography and the encoding; the reading of a JWK
// is here, because the libraries for it would take 0.3 MB of every function.
package auth

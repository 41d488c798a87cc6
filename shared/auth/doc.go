// Package auth authenticates requests. It finds a request's token ([Token]), verifies
// it ([Verifier]), and returns its bearer ([Bearer]). Package access decides what the
// bearer may do.
//
// Tokens are JWTs (RFC 7519). Every function verifies them itself
// (docs/adr/003-tokens-in-the-function.md), in this order:
//
//  1. Form: at most [MaxToken] characters, three parts of base64url.
//  2. Header: typ is absent or that of a JWT, crit is absent, and kid names one of
//     our keys.
//  3. Algorithm: exactly that of the key (RFC 8725, 3.1).
//  4. Signature.
//  5. Claims: exp is in the future and nbf is not. account_id, and owner_id if
//     present, have the form that the routes require.
//
// The key, not the token, fixes the algorithm: HS256 for oct keys, RS256 for RSA,
// ES256 for EC. So "none" is impossible, and an RSA public key can never serve as
// the secret of an HMAC. A token without kid is accepted only if exactly one key
// has its algorithm. Keys in the header of a token (jwk, jku, x5c, x5u) are
// ignored.
//
// The package does not fetch keys. It does not check audience or issuer, and it
// does not know the account tree or what a role may do.
//
// A JWT library does the cryptography and the encoding. The package parses JWKs
// itself, because the libraries for that would add 0.3 MB to every function.
package auth

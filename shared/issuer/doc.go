// Package issuer keeps the issuers of tokens in the table, and finds them for package
// auth (docs/adr/021-issuers.md).
//
// An issuer is one entry of package store, in the partition "issuers" and with its name
// as the key. The entry holds a [Definition] from the operator, and the
// [Keys] that verify its tokens. The operator gives the keys, or the function keys
// fetches them (package keyset).
//
// A [Registry] is what requests use. It reads the table only for a token that no static
// key has signed, at most once a minute, and once more for a kid that it does not know.
package issuer

// Package keyset fetches the public keys of issuers and stores them in the table. Only
// the function keys, the local server and the command line use it: requests read what
// is stored, so no request waits for a provider, and a provider that is down changes
// nothing.
//
// [Parse] turns a JWKS into keys, [Fetcher] fetches one under the rules for egress, and
// [Refresher] does both for all issuers in the table.
package keyset

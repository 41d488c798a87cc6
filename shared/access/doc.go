// Package access decides who may do what with which recordings: the roles and their
// rights, the account tree, and the users and groups of an account.
//
// [Policy] is the table of rights. A [Resolver] finds out which role a bearer has and
// whether its token reaches an account, and returns a [Grant]. Handlers ask the grant,
// and nothing else, what the bearer may do.
//
// # Entries
//
// All data is in entries of package store (docs/adr/019-access.md):
//
//	partition   key                     value
//	account/A   account                 Account: parent, ancestors, disabled
//	account/A   child/B                 an account directly below A
//	account/A   user/U                  User: role, groups that U leads
//	account/A   group/G                 Group: name, leaders
//	account/A   member/G/U              U is a member of G
//
// IDs of accounts, users and groups contain no slash ([auth.ValidName]).
package access

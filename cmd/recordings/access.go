package main

import "github.com/spf13/cobra"

// accessCommand returns the commands about who may use which recordings.
func (e env) accessCommand() *cobra.Command {
	return usage{
		name: "access", summary: "check the access rules, and copy them from a running Kazoo",
		does:     "Checks and copies the rules about who may use which recordings (docs/access.md).",
		examples: []string{accessCheckUsage.examples[0], accessImportKazooUsage.examples[0]},
	}.parent(e.accessCheckCommand(), usage{
		name: "import", summary: "copy accounts, users and groups from another system",
		does:     "Copies the account tree, the roles of users, and groups.",
		examples: []string{accessImportKazooUsage.examples[0]},
	}.parent(e.accessImportKazooCommand()))
}

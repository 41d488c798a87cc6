package access

import (
	"os"
	"strings"
	"testing"
)

// The words of the guide's table for the scopes.
var words = map[string]Scope{"–": Nothing, "own": Own, "own and groups": OwnAndGroups, "all": All}

// docs/access.md prints the table of rights.
func TestGuidePrintsThePolicy(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := table(string(text))
	if len(rows) != len(Roles)+1 {
		t.Fatalf("the table of docs/access.md has %d rows, want a header and %d roles", len(rows), len(Roles))
	}
	var named []string
	for i, role := range Roles {
		row := rows[i+1]
		if row[0] != "`"+string(role)+"`" {
			t.Errorf("row %d of the table is about %s, want %s", i+1, row[0], role)
		}
		named = nil
		for c, cell := range row[1:] {
			scope, ok := words[cell]
			if !ok {
				t.Errorf("%s: unknown word %q", role, cell)
			}
			for action := range strings.SplitSeq(rows[0][c+1], ", ") {
				named = append(named, action)
				if want := Policy[role][Action(action)]; scope != want {
					t.Errorf("docs/access.md: %s may %s with %q, the policy has scope %d", role, action, cell, want)
				}
			}
		}
	}
	for i, a := range Actions {
		if i >= len(named) || named[i] != string(a) {
			t.Fatalf("the columns of the table are %q, want the actions %q", named, Actions)
		}
	}
}

// table returns the cells of the first table in a Markdown text, without the line below
// its header.
func table(text string) (rows [][]string) {
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(line, "|---"):
		case strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		case len(rows) > 0:
			return rows
		}
	}
	return rows
}

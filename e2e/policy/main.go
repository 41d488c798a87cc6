// Command policy prints the IAM policy that deploying the stack needs, for
// tools/deploy-policy.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/callrecordings/api/e2e/stack"
)

func main() {
	account := flag.String("account", "*", "AWS `account`")
	region := flag.String("region", "*", "AWS `region`")
	name := flag.String("stack", "", "`name` of the stack")
	lines := flag.Bool("lines", false, "print a line for each statement instead: actions without *, a tab, resources")
	flag.Parse()
	if *name == "" {
		fmt.Fprintln(os.Stderr, "-stack is missing")
		os.Exit(2)
	}
	if *lines {
		for _, row := range stack.Deployer {
			named := slices.DeleteFunc(slices.Clone(row.Actions), func(action string) bool { return strings.Contains(action, "*") })
			fmt.Printf("%s\t%s\n", strings.Join(named, " "), strings.Join(row.In(*account, *region, *name), " "))
		}
		return
	}
	text, err := stack.DeployerPolicy(*account, *region, *name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}

// Command attach writes what CloudFormation needs to import a table and a bucket into a new
// stack, for tools/reattach: template.yaml, parameters.json and resources.json.
//
//	go run ./e2e/attach -out FOLDER -table NAME -bucket NAME [PARAMETER=VALUE…]
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/callrecordings/api/e2e/stack"
)

func main() {
	out := flag.String("out", "", "`folder` for the files")
	table := flag.String("table", "", "`name` of the table")
	bucket := flag.String("bucket", "", "`name` of the bucket")
	flag.Parse()
	if err := write(*out, *table, *bucket, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes the files. settings are the parameters of the deployment; those that the
// import does not need are left out.
func write(out, table, bucket string, settings []string) error {
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		return err
	}
	values := map[string]string{}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		values[name] = value
	}
	files, err := stack.Attach(text, table, bucket, values)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(out, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

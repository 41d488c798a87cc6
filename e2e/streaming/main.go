// Command streaming makes the template of a deployment with MediaDelivery=stream from
// that of any other. tools/deploy runs it.
//
//	go run ./e2e/streaming <TEMPLATE >STREAMING-TEMPLATE
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/callrecordings/api/e2e/stack"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "streaming:", err)
		os.Exit(1)
	}
}

// run reads a template and writes the one that streams.
func run(from io.Reader, to io.Writer) error {
	template, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	streaming, err := stack.Stream(template)
	if err != nil {
		return err
	}
	_, err = to.Write(streaming)
	return err
}

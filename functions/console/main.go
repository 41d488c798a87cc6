// Command console is the Lambda function that serves the console, a page on which
// people find, play and handle recordings. It reads no data: the page calls the API.
package main

import (
	"net/http"
	"time"

	"github.com/callrecordings/api/console"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
)

func main() { wiring.ServePage(config.Console, build) }

func build(e wiring.Env, now func() time.Time) (http.Handler, error) {
	origins := e.Settings.AudioOrigins()
	return console.New(console.Options{
		Origins: func(*http.Request) []string { return origins }, Log: e.Log, Now: now,
	})
}

// Package config reads the settings of a program from its environment.
//
// There is one table of settings, [All]. A row says what the setting is
// for, which functions read it, what it defaults to, how it is checked, and
// whether it is a secret; template.yaml and docs/operate.md are compared with
// it by a test. [Load] reads what one function uses and nothing else, and its
// error names everything that is wrong at once, each with the variable's
// name. A secret's value is in no error.
//
// An empty variable counts as absent, and so does the space around a value.
package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Function is a program that reads settings.
type Function string

// The programs. The Lambda functions are named after their folders.
const (
	List     Function = "list"
	Get      Function = "get"
	Create   Function = "create"
	Patch    Function = "patch"
	Delete   Function = "delete"
	Fallback Function = "fallback"
	Purge    Function = "purge"
	Ingest   Function = "ingest"
	Publish  Function = "publish"
	Receive  Function = "receive"
	// Local is the whole API in one process.
	Local Function = "local"
	// Tool is the operator's command line.
	Tool Function = "recordings"
)

// Lambdas are those that run as Lambda functions.
func Lambdas() []Function { return append(Answering(), Purge, Ingest, Publish) }

// Answering are those that answer requests of API Gateway; the other Lambda
// functions follow events.
func Answering() []Function {
	return []Function{List, Get, Create, Patch, Delete, Receive, Fallback}
}

// MaxEnvironment is the most bytes that all variables of a Lambda function
// may have together, measured as the JSON object of names and values.
const MaxEnvironment = 4096

// Settings are the values. Those that the function does not use are zero.
type Settings struct {
	// Function is the program that they are for.
	Function Function
	// Region of AWS, "eu-central-1".
	Region string
	// AccessKeyID, SecretAccessKey and SessionToken are AWS's credentials.
	AccessKeyID     string
	SecretAccessKey Secret
	SessionToken    Secret
	// DynamoDBEndpoint, S3Endpoint and EventBridgeEndpoint replace AWS's own;
	// "" is AWS.
	DynamoDBEndpoint, S3Endpoint, EventBridgeEndpoint string
	// S3PublicEndpoint is the one that clients reach, for presigned URLs;
	// "" is the same as S3Endpoint.
	S3PublicEndpoint string
	// Table and Bucket are the names of the DynamoDB table and S3 bucket.
	Table, Bucket string
	// EventBus is the name or ARN of EventBridge's bus for events.
	EventBus string
	// PresignTTL is how long a presigned URL is good for.
	PresignTTL time.Duration
	// UploadTTL is how long a signed upload may begin.
	UploadTTL time.Duration
	// MaxAudioBytes is the most audio of one recording.
	MaxAudioBytes int64
	// InboxPatterns and InboxTimezone are what namepattern.Open takes.
	InboxPatterns, InboxTimezone string
	// MaxWait is the longest that a request for audio may wait for it.
	MaxWait time.Duration
	// Delivery is how audio travels unless the client asks for a way:
	// auto, inline or redirect.
	Delivery string
	// TokenKeys is the JWKS that tokens are checked with.
	TokenKeys Secret
	// CursorKey seals cursors; CursorKeyPrevious still opens them.
	CursorKey, CursorKeyPrevious Secret
	// Origin is the allowed origin of CORS, "*" or one origin.
	Origin string
	// ExternalHosts are the hosts that external audio may be redirected to:
	// lower case, exact ("audio.example.com") or any host below a suffix
	// ("*.example.com").
	ExternalHosts []string
	// MetricsNamespace is where CloudWatch puts the metrics of the log's
	// lines; "" logs none.
	MetricsNamespace string
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
	// Host and Port are what a local server listens on.
	Host, Port string
	// S3Port is what its S3 server listens on; "" leaves the choice to the
	// program.
	S3Port string
	// DataDir is where local data lies; "" leaves the choice to the program.
	DataDir string
}

// Error lists all that is wrong with an environment. It never holds a secret.
type Error struct {
	// Function whose settings were read.
	Function Function
	// Problems are sentences, each beginning with the variable's name.
	Problems []string
}

// Error joins the problems, one a line if there are several.
func (e *Error) Error() string {
	head := fmt.Sprintf("settings of %s: ", e.Function)
	if len(e.Problems) == 1 {
		return head + e.Problems[0]
	}
	return fmt.Sprintf("%s%d problems\n\t%s", head, len(e.Problems), strings.Join(e.Problems, "\n\t"))
}

// Load reads the settings that f uses. Its error is an [*Error].
func Load(getenv func(string) string, f Function) (Settings, error) {
	s := Settings{Function: f}
	e := &Error{Function: f}
	environment := map[string]string{}
	for _, row := range table {
		if !slices.Contains(row.Functions, f) {
			continue
		}
		value := strings.TrimSpace(getenv(row.Name))
		if value != "" && !row.runtime {
			environment[row.Name] = value
		}
		if err := row.read(&s, value, f); err != nil {
			e.Problems = append(e.Problems, row.Name+" "+err.Error())
		}
	}
	if n := size(environment); n > MaxEnvironment && slices.Contains(Lambdas(), f) {
		e.Problems = append(e.Problems, tooLarge(environment, n))
	}
	if len(e.Problems) > 0 {
		return Settings{}, e
	}
	return s, nil
}

// size measures an environment as Lambda does: the length of its JSON. (The
// encoder itself would cost every cold start more than all else here.)
func size(environment map[string]string) int {
	n := len("{}")
	for name, value := range environment {
		n += len(`"":"",`) + len(name)
		for i := range len(value) {
			switch c := value[i]; {
			case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
				n += 2
			case c < ' ':
				n += 6
			default:
				n++
			}
		}
	}
	if len(environment) > 0 {
		n-- // no comma after the last
	}
	return n
}

// tooLarge says what does not fit, and which variable takes the most room.
func tooLarge(environment map[string]string, n int) string {
	largest := ""
	for name, value := range environment {
		if len(value) > len(environment[largest]) || (len(value) == len(environment[largest]) && name < largest) {
			largest = name
		}
	}
	return fmt.Sprintf("all variables together have %d bytes, Lambda holds %d; the largest is %s with %d bytes"+
		" (a JWKS needs public keys only, without certificates)", n, MaxEnvironment, largest, len(environment[largest]))
}

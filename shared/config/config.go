// Package config reads the settings of a program from its environment.
//
// All settings are in one table, [All]. A row has the purpose of a setting, the
// functions that read it, its default, its check, and whether it is a secret. A
// test compares template.yaml and docs/how-to/operate.md with the table. [Load] reads only
// the settings of one function. Its error lists all problems at once, each with the
// name of the variable, and never contains the value of a secret.
//
// An empty variable counts as absent. Space around a value is ignored.
package config

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/price"
)

// Function is a program that reads settings.
type Function string

// The programs. The name of a Lambda function is that of its folder.
const (
	List      Function = "list"
	Get       Function = "get"
	Create    Function = "create"
	Patch     Function = "patch"
	Delete    Function = "delete"
	Fallback  Function = "fallback"
	Purge     Function = "purge"
	Ingest    Function = "ingest"
	Publish   Function = "publish"
	Receive   Function = "receive"
	Share     Function = "share"
	Access    Function = "access"
	Retention Function = "retention"
	Keys      Function = "keys"
	Expire    Function = "expire"
	// Reconcile compares the table with the bucket once a day.
	Reconcile Function = "reconcile"
	Jobs      Function = "jobs"
	Work      Function = "work"
	Changes   Function = "changes"
	Deliver   Function = "deliver"
	Index     Function = "index"
	Console   Function = "console"
	// Local is the whole API in one process.
	Local Function = "local"
	// Tool is the operator's command line.
	Tool Function = "recordings"
)

// Lambdas returns the programs that are Lambda functions.
func Lambdas() []Function { return lambdas.list() }

// MaxEnvironment is Lambda's limit on all variables of a function together, in
// bytes of a JSON object of their names and values.
const MaxEnvironment = 4096

// Settings holds the values. A setting that the function does not use is zero.
type Settings struct {
	// Function is the program that the settings are for.
	Function Function
	// Region is the AWS region, such as "eu-central-1".
	Region string
	// AccessKeyID, SecretAccessKey and SessionToken are the AWS credentials.
	AccessKeyID     string
	SecretAccessKey Secret
	SessionToken    Secret
	// DynamoDBEndpoint, S3Endpoint, EventBridgeEndpoint and SQSEndpoint replace AWS's own
	// endpoints unless they are "".
	DynamoDBEndpoint, S3Endpoint, EventBridgeEndpoint, SQSEndpoint string
	// S3PublicEndpoint is the endpoint in presigned URLs, which clients can
	// reach; "" means S3Endpoint.
	S3PublicEndpoint string
	// Table and Bucket are the names of the DynamoDB table and S3 bucket.
	Table, Bucket string
	// ObjectLock is true if legal holds also lock the audio in the bucket.
	ObjectLock bool
	// Prices are those in plans of jobs and of recordings usage; nil without any.
	Prices *price.Prices
	// JobsQueue is the URL of the queue of jobs.
	JobsQueue string
	// IndexQueue is the URL of the queue of the function index; "" if there is no index.
	IndexQueue string
	// EventBus is the name or ARN of the EventBridge bus for events.
	EventBus string
	// PresignTTL is how long a presigned URL is valid.
	PresignTTL time.Duration
	// UploadTTL is how long clients may start an upload with a presigned URL.
	UploadTTL time.Duration
	// MaxAudioBytes is the largest audio of a recording, in bytes.
	MaxAudioBytes int64
	// InboxPatterns and InboxTimezone are the arguments of namepattern.Open.
	InboxPatterns, InboxTimezone string
	// Search is true if the service keeps the index of words and the totals.
	Search bool
	// Feed is true if the service keeps the feed of changes.
	Feed bool
	// FeedWait is the longest time that a request for changes may wait.
	FeedWait time.Duration
	// MaxWait is the longest time that a request for pending audio may wait.
	MaxWait time.Duration
	// Delivery is how audio is delivered unless the request chooses: auto,
	// inline, redirect or stream.
	Delivery string
	// TokenKeys is the JWKS that tokens are verified with, or "none". If it is "", the
	// local server uses the keys of its data folder.
	TokenKeys Secret
	// IssuerPrivateHosts are the hosts of issuers that may have private addresses:
	// lower case, exact or any host below a suffix ("*.example.com").
	IssuerPrivateHosts []string
	// WebhookPrivateHosts are the hosts of webhooks that may have private addresses and
	// http URLs, in the same form.
	WebhookPrivateHosts []string
	// MaxTokenTTL is how far in the future a token may expire; 0 means no limit.
	MaxTokenTTL time.Duration
	// UserAccess is the role of users without one: account (they may do everything, as in
	// Kazoo) or own (only with their own recordings).
	UserAccess string
	// RequireReason has the actions that need a reason.
	RequireReason []string
	// PublicURL is the API's address in links, "" for the one that the client used.
	PublicURL string
	// RestoreDays is how many days a deleted recording can be restored; 0 for none.
	RestoreDays int
	// Audit is what the audit trail records: off, changes or all. AuditDays is how long
	// its entries are kept, and AuditAddresses how much of an address: network, whole or
	// none.
	Audit          string
	AuditDays      int
	AuditAddresses string
	// SetAsideDays is how many days the bucket keeps rejected audio.
	SetAsideDays int
	// CursorKey encrypts cursors. Cursors encrypted with CursorKeyPrevious are
	// still accepted.
	CursorKey, CursorKeyPrevious Secret
	// Origin is the origin that CORS allows, "*" or a single one.
	Origin string
	// Console is true if the service has the console.
	Console bool
	// AudioOrigin is the origin of presigned URLs, such as
	// "https://bucket.s3.eu-central-1.amazonaws.com".
	AudioOrigin string
	// ExternalHosts are the hosts that external audio may be redirected to:
	// lower case, exact ("audio.example.com") or any host below a suffix
	// ("*.example.com").
	ExternalHosts []string
	// MetricsNamespace is the CloudWatch namespace of the metrics in log lines;
	// "" turns metrics off.
	MetricsNamespace string
	// LogLevel is the lowest level that is logged.
	LogLevel slog.Level
	// Host and Port are the address of the local server.
	Host, Port string
	// S3Port is the port of the local S3 server; "" lets the program choose.
	S3Port string
	// EventsMaxBytes is the size at which events.jsonl is replaced by a new file; 0
	// means no limit. EventsKeep is how many of the earlier files are kept.
	EventsMaxBytes int64
	EventsKeep     int
	// DataDir is the folder of local data; "" lets the program choose.
	DataDir string
}

// AudioOrigins returns the sources of audio for a Content-Security-Policy: AudioOrigin, and
// the external hosts with the page's scheme and any port.
func (s Settings) AudioOrigins() []string {
	var all []string
	if s.AudioOrigin != "" {
		all = append(all, s.AudioOrigin)
	}
	for _, host := range s.ExternalHosts {
		all = append(all, host+":*")
	}
	return all
}

// Error lists all problems of an environment. It never contains a secret.
type Error struct {
	// Function is the program that the settings are for.
	Function Function
	// Problems has a sentence for each problem, beginning with the variable's
	// name.
	Problems []string
}

// Error returns the problems, each on its own line if there are several.
func (e *Error) Error() string {
	head := fmt.Sprintf("settings of %s: ", e.Function)
	if e.Function == Local { // the program itself begins its messages with its name
		head = "settings: "
	}
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
	for i := range table {
		row := &table[i]
		if !row.Functions.Has(f) {
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
	if n := size(environment); n > MaxEnvironment && lambdas.Has(f) {
		e.Problems = append(e.Problems, tooLarge(environment, n))
	}
	if len(e.Problems) > 0 {
		return Settings{}, e
	}
	return s, nil
}

// size returns the size of an environment as Lambda measures it: the length of its
// JSON. It does not use encoding/json, which would cost more at every cold start
// than everything else in this package.
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
		n-- // the last value has no comma
	}
	return n
}

// tooLarge returns the problem of an environment of n bytes, which names the largest
// variable.
func tooLarge(environment map[string]string, n int) string {
	largest := ""
	for name, value := range environment {
		if len(value) > len(environment[largest]) || (len(value) == len(environment[largest]) && name < largest) {
			largest = name
		}
	}
	return fmt.Sprintf("all variables together have %d bytes, but Lambda allows %d; the largest is %s with %d bytes"+
		" (a JWKS needs only public keys and no certificates)", n, MaxEnvironment, largest, len(environment[largest]))
}

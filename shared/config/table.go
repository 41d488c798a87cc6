package config

import (
	"errors"
	"slices"
)

// Setting is one row of the table: an environment variable.
type Setting struct {
	// Name is the name of the variable.
	Name string
	// Doc describes the setting to operators, in full sentences.
	Doc string
	// Default is the value if the variable is absent.
	Default string
	// Secret means that the value is never shown.
	Secret bool
	// Functions lists the programs that read the setting.
	Functions Functions
	// Required lists the programs that do not start without it.
	Required Functions

	// runtime marks a variable that Lambda sets itself. It does not count
	// toward MaxEnvironment.
	runtime bool
	set     func(s *Settings, value string) error
}

// errMissing is the problem of a required variable that is absent.
var errMissing = errors.New("is required and not set")

// All returns the table of settings in the order of the documentation.
func All() []Setting { return slices.Clone(table) }

var table = []Setting{
	{
		Name: "TOKEN_KEYS", Secret: true, Functions: tokens | forLocal | forTool, Required: tokens,
		Doc: "The keys that verify tokens, as a JWKS: HS256 (oct), RS256 (RSA, 2048 bits or more) and ES256 (EC, P-256). With none, only tokens of issuers are accepted.",
		set: func(s *Settings, v string) (err error) { s.TokenKeys, err = jwks(v); return },
	},
	{
		Name: "ISSUER_PRIVATE_HOSTS", Functions: forKeys | forLocal | forTool,
		Doc: "The hosts that keys of issuers may be fetched from although they have private or local addresses, separated by commas: exact (login.internal) or all below a domain (*.example.com).",
		set: func(s *Settings, v string) (err error) { s.IssuerPrivateHosts, err = hosts(v); return },
	},
	{
		Name: "WEBHOOK_PRIVATE_HOSTS", Functions: forDeliver | forAccess | forLocal | forTool,
		Doc: "The hosts that webhooks may name although they have private or local addresses, separated by commas: exact (hooks.internal) or all below a domain (*.example.com). Their URLs may begin with http.",
		set: func(s *Settings, v string) (err error) { s.WebhookPrivateHosts, err = hosts(v); return },
	},
	{
		Name: "MAX_TOKEN_TTL", Functions: tokens | forLocal,
		Doc: "How far in the future a token may expire, such as 24h. Without it the only limit is the token's exp, and each start logs a warning.",
		set: func(s *Settings, v string) (err error) { s.MaxTokenTTL, err = tokenTTL(v); return },
	},
	{
		Name: "USER_ACCESS", Default: "account", Functions: ruled | forWork | forLocal,
		Doc: "What a user without a role may do: account (everything in the account, as in Kazoo) or own (only with their own recordings). See docs/access.md.",
		set: func(s *Settings, v string) (err error) { s.UserAccess, err = oneOf(v, "account", "own"); return },
	},
	{
		Name: "RESTORE_DAYS", Default: "0", Functions: forDelete | forWork | forLocal,
		Doc: "How many days a deleted recording can be restored, from 0 to 3650. With 0, its audio is removed at once.",
		set: func(s *Settings, v string) (err error) { s.RestoreDays, err = restoreDays(v); return },
	},
	{
		Name: "REQUIRE_REASON", Functions: ruled | forLocal,
		Doc: "The actions that need a reason from the client, separated by commas, such as listen,delete. Requests without one get 403.",
		set: func(s *Settings, v string) (err error) { s.RequireReason, err = actions(v); return },
	},
	{
		Name: "AUDIT", Default: "off", Functions: ruled | forWork | forExpire | forLocal,
		Doc: "What the audit trail records: off (nothing), changes (changes of recordings, links and access rules), or all (also listening, and every refused request). See docs/how-to/audit.md.",
		set: func(s *Settings, v string) (err error) { s.Audit, err = oneOf(v, "off", "changes", "all"); return },
	},
	{
		Name: "AUDIT_DAYS", Default: "2557", Functions: ruled | forWork | forExpire | forLocal | forTool,
		Doc: "How many days the entries of the audit trail are kept, from 1 to 36500.",
		set: func(s *Settings, v string) (err error) { s.AuditDays, err = days(v); return },
	},
	{
		Name: "AUDIT_ADDRESSES", Default: "network", Functions: ruled | forWork | forExpire | forLocal,
		Doc: "How much of a client's address the audit trail keeps: network (24 bits of an IPv4 address, 48 of an IPv6 address), whole or none.",
		set: func(s *Settings, v string) (err error) {
			s.AuditAddresses, err = oneOf(v, "network", "whole", "none")
			return
		},
	},
	{
		Name: "CURSOR_KEY", Secret: true, Functions: sealed | forTool, Required: sealed,
		Doc: "The key that encrypts the cursors of lists, of the audit trail and of the feed of changes, and from which the key of certificates is derived: at least 32 random characters. The template generates it.",
		set: func(s *Settings, v string) (err error) { s.CursorKey, err = cursorKey(v); return },
	},
	{
		Name: "CURSOR_KEY_PREVIOUS", Secret: true, Functions: cursors,
		Doc: "The previous CURSOR_KEY. Its cursors are still accepted.",
		set: func(s *Settings, v string) (err error) { s.CursorKeyPrevious, err = cursorKey(v); return },
	},
	{
		Name: "TABLE_NAME", Functions: data | forTool, Required: data,
		Doc: "The DynamoDB table.",
		set: func(s *Settings, v string) (err error) { s.Table, err = tableName(v); return },
	},
	{
		Name: "BUCKET_NAME", Functions: audio | forTool, Required: audio,
		Doc: "The S3 bucket for managed audio.",
		set: func(s *Settings, v string) (err error) { s.Bucket, err = bucketName(v); return },
	},
	{
		Name: "OBJECT_LOCK", Default: "off", Functions: forExpire | forIngest | forCreate | forReceive | forPatch | forDelete | forReconcile | forWork,
		Doc: "Whether legal holds also lock the audio in the bucket: off or governance (S3 Object Lock in governance mode; the bucket must have Object Lock). With off, nothing new is locked, and locks end with their holds. See docs/how-to/holds.md.",
		set: func(s *Settings, v string) error {
			v, err := oneOf(v, "off", "governance")
			s.ObjectLock = v == "governance"
			return err
		},
	},
	{
		Name: "EVENT_BUS", Functions: events, Required: events,
		Doc: "The name or ARN of the EventBridge bus that receives the events. EventBridge drops events for a bus that does not exist.",
		set: func(s *Settings, v string) (err error) { s.EventBus, err = eventBus(v); return },
	},
	{
		Name: "FEED", Default: "on", Functions: forPublish | forChanges | forAccess | forDeliver | forLocal,
		Doc: "Whether the service keeps the feed of changes: on or off. Each change costs up to 6 write units. Cursors from before it was off are not valid afterwards.",
		set: func(s *Settings, v string) error {
			v, err := oneOf(v, "on", "off")
			s.Feed = v == "on"
			return err
		},
	},
	{
		Name: "SEARCH", Default: "on", Functions: forList | forJobs | forLocal,
		Doc: "Whether the service keeps the index that searches read, and the totals: on or off. An ordinary recording costs about 27 write units. After it was off, recordings reindex completes the index.",
		set: func(s *Settings, v string) error {
			v, err := oneOf(v, "on", "off")
			s.Search = v == "on"
			return err
		},
	},
	{
		Name: "PRICES", Functions: forJobs | forLocal | forTool,
		Doc: "What storing and downloading a gigabyte costs, as a JSON object such as {\"currency\":\"USD\",\"gigabyte_month\":\"0.023\",\"gigabyte_download\":\"0.09\"}. Plans of jobs then say what a deletion saves and an export costs, and recordings usage what accounts cost. That also takes the prices recording and hour.",
		set: func(s *Settings, v string) (err error) { s.Prices, err = prices(v); return },
	},
	{
		Name: "JOBS_QUEUE_URL", Functions: queued, Required: queued,
		Doc: "The URL of the SQS queue of jobs over many recordings.",
		set: func(s *Settings, v string) (err error) { s.JobsQueue, err = queueURL(v); return },
	},
	{
		Name: "INDEX_QUEUE_URL", Functions: forPublish,
		Doc: "The URL of the SQS queue of recordings to index. Without it, the index does not follow changes.",
		set: func(s *Settings, v string) (err error) { s.IndexQueue, err = queueURL(v); return },
	},
	{
		Name: "MEDIA_DELIVERY", Default: "auto", Functions: play,
		Doc: "How audio is delivered unless the request chooses: inline (through the gateway, if it fits), redirect (to a presigned URL), auto (inline if it fits, otherwise redirect), or stream (auto, and audio that does not fit is streamed through a gateway whose integration streams; see docs/how-to/operate.md).",
		set: func(s *Settings, v string) (err error) {
			s.Delivery, err = oneOf(v, "auto", "inline", "redirect", "stream")
			return
		},
	},
	{
		Name: "PRESIGN_TTL", Default: "5m", Functions: play | forJobs,
		Doc: "How long a presigned URL is valid, from 1s to 168h.",
		set: func(s *Settings, v string) (err error) { s.PresignTTL, err = ttl(v); return },
	},
	{
		Name: "FEED_WAIT_S", Default: "20", Functions: forChanges | forLocal,
		Doc: "How many seconds a request may wait for changes (Prefer: wait), from 0 to 25. With 0 requests never wait.",
		set: func(s *Settings, v string) (err error) { s.FeedWait, err = wait(v); return },
	},
	{
		Name: "MAX_WAIT_S", Default: "10", Functions: forGet | forLocal,
		Doc: "How many seconds a request may wait for pending audio (Prefer: wait), from 0 to 25. With 0 requests never wait.",
		set: func(s *Settings, v string) (err error) { s.MaxWait, err = wait(v); return },
	},
	{
		Name: "UPLOAD_TTL", Default: "15m", Functions: upload,
		Doc: "How long clients may start an upload with a presigned URL, from 1s to 168h.",
		set: func(s *Settings, v string) (err error) { s.UploadTTL, err = ttl(v); return },
	},
	{
		Name: "MAX_AUDIO_BYTES", Default: "536870912", Functions: upload | forIngest | forReconcile | forReceive | forTool,
		Doc: "The largest audio of a recording, in bytes, up to 5368709120 (5 GB, S3's limit for one upload).",
		set: func(s *Settings, v string) (err error) { s.MaxAudioBytes, err = audioBytes(v); return },
	},
	{
		Name: "SET_ASIDE_DAYS", Default: "30", Functions: forReconcile | forTool,
		Doc: "How many days the bucket keeps rejected audio, from 1 to 36500. The function reconcile removes what its lifecycle rule has left.",
		set: func(s *Settings, v string) (err error) { s.SetAsideDays, err = days(v); return },
	},
	{
		Name: "INBOX_PATTERNS", Functions: names,
		Doc: "Name patterns for files in inboxes, separated by spaces, in addition to the built-in ones (docs/reference/inbox.md).",
		set: func(s *Settings, v string) error { s.InboxPatterns = v; return nil },
	},
	{
		Name: "INBOX_TIMEZONE", Default: "UTC", Functions: names,
		Doc: "The IANA name of the time zone of the times in file names, such as Europe/Berlin.",
		set: func(s *Settings, v string) error { s.InboxTimezone = v; return nil },
	},
	{
		Name: "S3_PUBLIC_ENDPOINT", Functions: play | forCreate | forJobs,
		Doc: "The S3 endpoint in presigned URLs, if clients cannot use the endpoint that the functions use.",
		set: func(s *Settings, v string) (err error) { s.S3PublicEndpoint, err = endpoint(v); return },
	},
	{
		Name: "PUBLIC_URL", Functions: forShare | forLocal,
		Doc: "The API's address in links, such as https://pbx.example.com: what precedes /v2, if clients reach the API through a proxy. Without it, links have the address that the request came to.",
		set: func(s *Settings, v string) (err error) { s.PublicURL, err = publicURL(v); return },
	},
	{
		Name: "CONSOLE", Default: "on", Functions: forFallback | forLocal,
		Doc: "Whether the service has the console, the page at /console/: on or off. With on, / leads browsers to it.",
		set: func(s *Settings, v string) error {
			v, err := oneOf(v, "on", "off")
			s.Console = v == "on"
			return err
		},
	},
	{
		Name: "AUDIO_ORIGIN", Functions: forConsole, Required: forConsole,
		Doc: "The origin of presigned URLs, such as https://bucket.s3.eu-central-1.amazonaws.com. The console may load audio from there.",
		set: func(s *Settings, v string) (err error) { s.AudioOrigin, err = endpoint(v); return },
	},
	{
		Name: "EXTERNAL_AUDIO_HOSTS", Functions: play | forConsole,
		Doc: "The hosts that requests for external audio may be redirected to, separated by commas: exact (audio.example.com) or all below a domain (*.example.com).",
		set: func(s *Settings, v string) (err error) { s.ExternalHosts, err = hosts(v); return },
	},
	{
		Name: "CORS_ORIGIN", Default: "*", Functions: serving | forLocal,
		Doc: "The origin from which browsers may call the API: * or one origin, such as https://portal.example.com.",
		set: func(s *Settings, v string) (err error) { s.Origin, err = origin(v); return },
	},
	{
		Name: "LOG_LEVEL", Default: "info", Functions: lambdas | forLocal,
		Doc: "The lowest level that is logged: debug, info, warn or error.",
		set: func(s *Settings, v string) (err error) { s.LogLevel, err = level(v); return },
	},
	{
		Name: "METRICS_NAMESPACE", Functions: metered,
		Doc: "The CloudWatch namespace of the metrics in the log lines. Without it there are no metrics.",
		set: func(s *Settings, v string) (err error) { s.MetricsNamespace, err = namespace(v); return },
	},
	{
		Name: "AWS_REGION", Functions: clients | forTool, Required: clients, runtime: true,
		Doc: "The AWS region. Lambda sets it.",
		set: func(s *Settings, v string) (err error) { s.Region, err = region(v); return },
	},
	{
		Name: "AWS_ACCESS_KEY_ID", Functions: clients | forTool, Required: clients, runtime: true,
		Doc: "The access key ID of the AWS credentials. Lambda sets it.",
		set: func(s *Settings, v string) error { s.AccessKeyID = v; return nil },
	},
	{
		Name: "AWS_SECRET_ACCESS_KEY", Secret: true, Functions: clients | forTool, Required: clients, runtime: true,
		Doc: "The secret access key of the AWS credentials. Lambda sets it.",
		set: func(s *Settings, v string) error { s.SecretAccessKey = NewSecret(v); return nil },
	},
	{
		Name: "AWS_SESSION_TOKEN", Secret: true, Functions: clients | forTool, runtime: true,
		Doc: "The session token of the AWS credentials. Lambda sets it.",
		set: func(s *Settings, v string) error { s.SessionToken = NewSecret(v); return nil },
	},
	{
		Name: "AWS_ENDPOINT_URL", Functions: clients | forTool,
		Doc: "The endpoint of all AWS services, for emulators.",
		set: func(s *Settings, v string) (err error) {
			s.DynamoDBEndpoint, err = endpoint(v)
			s.S3Endpoint, s.EventBridgeEndpoint, s.SQSEndpoint = s.DynamoDBEndpoint, s.DynamoDBEndpoint, s.DynamoDBEndpoint
			return
		},
	},
	{
		Name: "AWS_ENDPOINT_URL_DYNAMODB", Functions: data | forTool,
		Doc: "The endpoint of DynamoDB, for emulators. It takes precedence over AWS_ENDPOINT_URL.",
		set: func(s *Settings, v string) (err error) { s.DynamoDBEndpoint, err = endpoint(v); return },
	},
	{
		Name: "AWS_ENDPOINT_URL_S3", Functions: audio | forTool,
		Doc: "The endpoint of S3, for emulators and other object stores. It takes precedence over AWS_ENDPOINT_URL.",
		set: func(s *Settings, v string) (err error) { s.S3Endpoint, err = endpoint(v); return },
	},
	{
		Name: "AWS_ENDPOINT_URL_EVENTBRIDGE", Functions: events,
		Doc: "The endpoint of EventBridge, for emulators. It takes precedence over AWS_ENDPOINT_URL.",
		set: func(s *Settings, v string) (err error) { s.EventBridgeEndpoint, err = endpoint(v); return },
	},
	{
		Name: "AWS_ENDPOINT_URL_SQS", Functions: sending,
		Doc: "The endpoint of SQS, for emulators. It takes precedence over AWS_ENDPOINT_URL.",
		set: func(s *Settings, v string) (err error) { s.SQSEndpoint, err = endpoint(v); return },
	},
	{
		Name: "HOST", Default: "127.0.0.1", Functions: forLocal,
		Doc: "The address that the local server listens on.",
		set: func(s *Settings, v string) error { s.Host = v; return nil },
	},
	{
		Name: "PORT", Default: "8000", Functions: forLocal,
		Doc: "The port that the local server listens on. With 0 it takes a free port.",
		set: func(s *Settings, v string) (err error) { s.Port, err = port(v); return },
	},
	{
		Name: "S3_PORT", Functions: forLocal,
		Doc: "The port of the local S3 server, which presigned URLs point to. The default is PORT plus 1.",
		set: func(s *Settings, v string) (err error) { s.S3Port, err = port(v); return },
	},
	{
		Name: "EVENTS_MAX_BYTES", Default: "104857600", Functions: forLocal,
		Doc: "The size in bytes at which the local server begins a new events.jsonl. With 0 the file grows without limit.",
		set: func(s *Settings, v string) (err error) { s.EventsMaxBytes, err = eventBytes(v); return },
	},
	{
		Name: "EVENTS_KEEP", Default: "10", Functions: forLocal,
		Doc: "How many earlier files of events the local server keeps, from 1 to 1000.",
		set: func(s *Settings, v string) (err error) { s.EventsKeep, err = eventFiles(v); return },
	},
	{
		Name: "DATA_DIR", Functions: forLocal | forTool,
		Doc: "The folder for local data.",
		set: func(s *Settings, v string) error { s.DataDir = v; return nil },
	},
}

// read checks a value and stores it in s. The default replaces an absent value.
func (row *Setting) read(s *Settings, value string, f Function) error {
	if value == "" {
		if row.Required.Has(f) {
			return errMissing
		}
		value = row.Default
	}
	if value == "" {
		return nil
	}
	return row.set(s, value)
}

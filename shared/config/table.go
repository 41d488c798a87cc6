package config

import (
	"errors"
	"slices"
)

// Setting is one row of the table: a variable of the environment.
type Setting struct {
	// Name of the variable.
	Name string
	// Doc says what it is for, in a sentence for operators.
	Doc string
	// Default is the value when the variable is absent.
	Default string
	// Secret values are never shown.
	Secret bool
	// Functions read it.
	Functions []Function
	// Required lists those of Functions that do not start without it.
	Required []Function

	// runtime marks what Lambda sets by itself: it takes nothing of the
	// function's 4 KB.
	runtime bool
	set     func(s *Settings, value string) error
}

// ErrMissing is what is wrong with a required variable that is absent.
var errMissing = errors.New("is required and not set")

// Groups of programs that read the same things.
var (
	data    = []Function{List, Get, Create, Patch, Delete, Receive, Purge, Ingest}
	audio   = []Function{Get, Create, Delete, Receive, Purge, Ingest}
	play    = []Function{Get, Local}
	upload  = []Function{Create, Local}
	names   = []Function{Ingest, Receive, Local, Tool}
	answers = Answering()
	tokens  = []Function{List, Get, Create, Patch, Delete, Fallback}
	events  = []Function{Publish}
	clients = with(data, Publish) // of AWS's services
)

func with(f []Function, more ...Function) []Function { return slices.Concat(f, more) }

// All returns the table of settings, in the order in which they are
// documented.
func All() []Setting { return slices.Clone(table) }

var table = []Setting{
	{
		Name: "TOKEN_KEYS", Secret: true, Functions: with(tokens, Tool), Required: tokens,
		Doc: "The keys that tokens are checked with, as a JWKS: HS256 (oct), RS256 (RSA, 2048 bits or more) and ES256 (EC, P-256).",
		set: func(s *Settings, v string) (err error) { s.TokenKeys, err = jwks(v); return },
	},
	{
		Name: "CURSOR_KEY", Secret: true, Functions: []Function{List}, Required: []Function{List},
		Doc: "Seals the cursors of lists; at least 32 characters, random. The template generates it.",
		set: func(s *Settings, v string) (err error) { s.CursorKey, err = cursorKey(v); return },
	},
	{
		Name: "CURSOR_KEY_PREVIOUS", Secret: true, Functions: []Function{List},
		Doc: "The CURSOR_KEY before the present one, whose cursors are still accepted.",
		set: func(s *Settings, v string) (err error) { s.CursorKeyPrevious, err = cursorKey(v); return },
	},
	{
		Name: "TABLE_NAME", Functions: with(data, Tool), Required: data,
		Doc: "The DynamoDB table.",
		set: func(s *Settings, v string) (err error) { s.Table, err = tableName(v); return },
	},
	{
		Name: "BUCKET_NAME", Functions: with(audio, Tool), Required: audio,
		Doc: "The S3 bucket of managed audio.",
		set: func(s *Settings, v string) (err error) { s.Bucket, err = bucketName(v); return },
	},
	{
		Name: "EVENT_BUS", Functions: events, Required: events,
		Doc: "The bus of EventBridge that events go to, by its name or ARN. EventBridge drops events for a bus that does not exist.",
		set: func(s *Settings, v string) (err error) { s.EventBus, err = eventBus(v); return },
	},
	{
		Name: "MEDIA_DELIVERY", Default: "auto", Functions: play,
		Doc: "How audio travels unless the client asks for a way: inline (through the gateway, only what fits), redirect (to a presigned URL), or auto (inline when it fits, else redirect).",
		set: func(s *Settings, v string) (err error) {
			s.Delivery, err = oneOf(v, "auto", "inline", "redirect")
			return
		},
	},
	{
		Name: "PRESIGN_TTL", Default: "5m", Functions: play,
		Doc: "How long a presigned URL is good for, from 1s to 168h.",
		set: func(s *Settings, v string) (err error) { s.PresignTTL, err = ttl(v); return },
	},
	{
		Name: "MAX_WAIT_S", Default: "10", Functions: play,
		Doc: "Seconds that a request for audio may wait for its arrival (Prefer: wait), from 0, which lets none wait, to 25.",
		set: func(s *Settings, v string) (err error) { s.MaxWait, err = wait(v); return },
	},
	{
		Name: "UPLOAD_TTL", Default: "15m", Functions: upload,
		Doc: "How long a signed upload may begin, from 1s to 168h.",
		set: func(s *Settings, v string) (err error) { s.UploadTTL, err = ttl(v); return },
	},
	{
		Name: "MAX_AUDIO_BYTES", Default: "536870912", Functions: with(upload, Ingest, Receive, Tool),
		Doc: "The most audio that one recording may have, in bytes, up to 5368709120 (5 GB, the most that S3 takes in one upload).",
		set: func(s *Settings, v string) (err error) { s.MaxAudioBytes, err = audioBytes(v); return },
	},
	{
		Name: "INBOX_PATTERNS", Functions: names,
		Doc: "Layouts of the names of files in inboxes, beside those that are known, with blanks between them (docs/inbox.md).",
		set: func(s *Settings, v string) error { s.InboxPatterns = v; return nil },
	},
	{
		Name: "INBOX_TIMEZONE", Default: "UTC", Functions: names,
		Doc: "The time zone of the times in such names, as the IANA calls it, such as Europe/Berlin.",
		set: func(s *Settings, v string) error { s.InboxTimezone = v; return nil },
	},
	{
		Name: "S3_PUBLIC_ENDPOINT", Functions: with(play, Create),
		Doc: "The S3 endpoint as clients reach it, for presigned URLs, when it is not the one that the function talks to.",
		set: func(s *Settings, v string) (err error) { s.S3PublicEndpoint, err = endpoint(v); return },
	},
	{
		Name: "EXTERNAL_AUDIO_HOSTS", Functions: play,
		Doc: "Hosts that external audio may be redirected to, separated by commas: exact (audio.example.com) or all below a suffix (*.example.com).",
		set: func(s *Settings, v string) (err error) { s.ExternalHosts, err = hosts(v); return },
	},
	{
		Name: "CORS_ORIGIN", Default: "*", Functions: with(answers, Local),
		Doc: "The origin that browsers may call from: * or one origin, such as https://portal.example.com.",
		set: func(s *Settings, v string) (err error) { s.Origin, err = origin(v); return },
	},
	{
		Name: "LOG_LEVEL", Default: "info", Functions: with(Lambdas(), Local),
		Doc: "The least level that is logged: debug, info, warn or error.",
		set: func(s *Settings, v string) (err error) { s.LogLevel, err = level(v); return },
	},
	{
		Name: "METRICS_NAMESPACE", Functions: Lambdas(),
		Doc: "The namespace of CloudWatch for the metrics in the log's lines; none without it.",
		set: func(s *Settings, v string) (err error) { s.MetricsNamespace, err = namespace(v); return },
	},
	{
		Name: "AWS_REGION", Functions: with(clients, Tool), Required: clients, runtime: true,
		Doc: "The region of AWS. Lambda sets it.",
		set: func(s *Settings, v string) (err error) { s.Region, err = region(v); return },
	},
	{
		Name: "AWS_ACCESS_KEY_ID", Functions: with(clients, Tool), Required: clients, runtime: true,
		Doc: "The credentials' id. Lambda sets it.",
		set: func(s *Settings, v string) error { s.AccessKeyID = v; return nil },
	},
	{
		Name: "AWS_SECRET_ACCESS_KEY", Secret: true, Functions: with(clients, Tool), Required: clients, runtime: true,
		Doc: "The credentials' secret. Lambda sets it.",
		set: func(s *Settings, v string) error { s.SecretAccessKey = NewSecret(v); return nil },
	},
	{
		Name: "AWS_SESSION_TOKEN", Secret: true, Functions: with(clients, Tool), runtime: true,
		Doc: "The credentials' session. Lambda sets it.",
		set: func(s *Settings, v string) error { s.SessionToken = NewSecret(v); return nil },
	},
	{
		Name: "AWS_ENDPOINT_URL", Functions: with(clients, Tool),
		Doc: "The endpoint of all of AWS, for emulators.",
		set: func(s *Settings, v string) (err error) {
			s.DynamoDBEndpoint, err = endpoint(v)
			s.S3Endpoint, s.EventBridgeEndpoint = s.DynamoDBEndpoint, s.DynamoDBEndpoint
			return
		},
	},
	{
		Name: "AWS_ENDPOINT_URL_DYNAMODB", Functions: with(data, Tool),
		Doc: "The endpoint of DynamoDB, for emulators; over AWS_ENDPOINT_URL.",
		set: func(s *Settings, v string) (err error) { s.DynamoDBEndpoint, err = endpoint(v); return },
	},
	{
		Name: "AWS_ENDPOINT_URL_S3", Functions: with(audio, Tool),
		Doc: "The endpoint of S3, for emulators and other object stores; over AWS_ENDPOINT_URL.",
		set: func(s *Settings, v string) (err error) { s.S3Endpoint, err = endpoint(v); return },
	},
	{
		Name: "AWS_ENDPOINT_URL_EVENTBRIDGE", Functions: events,
		Doc: "The endpoint of EventBridge, for emulators; over AWS_ENDPOINT_URL.",
		set: func(s *Settings, v string) (err error) { s.EventBridgeEndpoint, err = endpoint(v); return },
	},
	{
		Name: "HOST", Default: "127.0.0.1", Functions: []Function{Local},
		Doc: "The address that the local server listens on.",
		set: func(s *Settings, v string) error { s.Host = v; return nil },
	},
	{
		Name: "PORT", Default: "8000", Functions: []Function{Local},
		Doc: "The port that the local server listens on; 0 takes a free one.",
		set: func(s *Settings, v string) (err error) { s.Port, err = port(v); return },
	},
	{
		Name: "S3_PORT", Functions: []Function{Local},
		Doc: "The port of the local S3 server, which presigned URLs point to; the one behind PORT if it is not set.",
		set: func(s *Settings, v string) (err error) { s.S3Port, err = port(v); return },
	},
	{
		Name: "DATA_DIR", Functions: []Function{Local, Tool},
		Doc: "The folder of the local data.",
		set: func(s *Settings, v string) error { s.DataDir = v; return nil },
	},
}

// read checks a value and puts it into s. An absent one is the default.
func (row Setting) read(s *Settings, value string, f Function) error {
	if value == "" {
		if slices.Contains(row.Required, f) {
			return errMissing
		}
		value = row.Default
	}
	if value == "" {
		return nil
	}
	return row.set(s, value)
}

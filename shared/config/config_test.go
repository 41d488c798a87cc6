package config

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const jwksText = `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ"}]}`

// environment returns a complete environment, with which every program starts.
func environment() map[string]string {
	return map[string]string{
		"TOKEN_KEYS": jwksText, "MAX_TOKEN_TTL": "24h", "USER_ACCESS": "own", "REQUIRE_REASON": "listen, delete,", "AUDIT": "all", "SET_ASIDE_DAYS": "14", "AUDIT_DAYS": "30", "AUDIT_ADDRESSES": "whole", "CURSOR_KEY": strings.Repeat("k", 32), "CURSOR_KEY_PREVIOUS": strings.Repeat("p", 40),
		"TABLE_NAME": "recordings-live", "BUCKET_NAME": "recordings.live", "EVENT_BUS": "recordings", "MEDIA_DELIVERY": "redirect", "PRESIGN_TTL": "90s",
		"UPLOAD_TTL": "1h", "MAX_AUDIO_BYTES": "1000", "MAX_WAIT_S": "5", "FEED_WAIT_S": "7",
		"CONSOLE": "on", "AUDIO_ORIGIN": "https://audio.example.com",
		"S3_PUBLIC_ENDPOINT": "https://media.example.com/", "EXTERNAL_AUDIO_HOSTS": "Audio.Example.com, *.cdn.example.net",
		"CORS_ORIGIN": "https://portal.example.com", "LOG_LEVEL": "Debug", "METRICS_NAMESPACE": "CallRecordings/live", "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret-access", "AWS_SESSION_TOKEN": "session-token",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ENDPOINT_URL_S3": "http://s3.localhost:9000",
		"AWS_ENDPOINT_URL_EVENTBRIDGE": "http://events.localhost:4010",
		"HOST":                         "0.0.0.0", "PORT": "0", "S3_PORT": "9001", "DATA_DIR": "/var/lib/recordings",
		"PUBLIC_URL": "https://pbx.example.com/live", "EVENTS_MAX_BYTES": "5000", "EVENTS_KEEP": "3", "ISSUER_PRIVATE_HOSTS": "Login.internal", "WEBHOOK_PRIVATE_HOSTS": "*.hooks.internal",
	}
}

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// secrets compares secrets by their values.
var secrets = cmp.Comparer(func(a, b Secret) bool { return a.Reveal() == b.Reveal() })

func TestLoad(t *testing.T) {
	t.Parallel()
	aws := Settings{
		Region: "eu-central-1", AccessKeyID: "AKIA", SecretAccessKey: NewSecret("secret-access"),
		SessionToken: NewSecret("session-token"), DynamoDBEndpoint: "http://127.0.0.1:4566", S3Endpoint: "http://127.0.0.1:4566",
		EventBridgeEndpoint: "http://127.0.0.1:4566",
		SQSEndpoint:         "http://127.0.0.1:4566",
	}
	publish := aws
	publish.Table, publish.Feed = "recordings-live", true
	publish.EventBus, publish.EventBridgeEndpoint = "recordings", "http://events.localhost:4010"
	publish.LogLevel, publish.MetricsNamespace = slog.LevelDebug, "CallRecordings/live"
	aws.Table = "recordings-live"
	purge := aws
	purge.Bucket, purge.S3Endpoint, purge.LogLevel = "recordings.live", "http://s3.localhost:9000", slog.LevelDebug
	purge.MetricsNamespace = "CallRecordings/live"
	every := func(s Settings) Settings {
		s.TokenKeys, s.Origin, s.LogLevel = NewSecret(jwksText), "https://portal.example.com", slog.LevelDebug
		s.MetricsNamespace, s.MaxTokenTTL = "CallRecordings/live", 24*time.Hour
		if s.Table != "" && s.Function != Fallback {
			s.UserAccess, s.RequireReason = "own", []string{"listen", "delete"}
			s.Audit, s.AuditDays, s.AuditAddresses = "all", 30, "whole"
		}
		return s
	}
	list := every(aws)
	list.CursorKey, list.CursorKeyPrevious = NewSecret(strings.Repeat("k", 32)), NewSecret(strings.Repeat("p", 40))
	access := list
	access.Feed, access.WebhookPrivateHosts = true, []string{"*.hooks.internal"}
	changes := list
	changes.Feed, changes.FeedWait = true, 7*time.Second
	list.Search = true
	remove := every(aws)
	remove.Bucket, remove.S3Endpoint = "recordings.live", "http://s3.localhost:9000"
	get := remove
	get.Delivery, get.PresignTTL, get.S3PublicEndpoint = "redirect", 90*time.Second, "https://media.example.com"
	get.ExternalHosts = []string{"audio.example.com", "*.cdn.example.net"}
	get.MaxWait = 5 * time.Second
	share := get
	share.MaxWait, share.PublicURL = 0, "https://pbx.example.com/live"
	create := remove
	create.UploadTTL, create.MaxAudioBytes, create.S3PublicEndpoint = time.Hour, 1000, get.S3PublicEndpoint
	fallback := aws
	fallback.Function = Fallback
	fallback = every(fallback)
	deliver := aws
	deliver.LogLevel, deliver.Feed, deliver.WebhookPrivateHosts = slog.LevelDebug, true, []string{"*.hooks.internal"}
	deliver.MetricsNamespace = "CallRecordings/live"
	keys := aws
	keys.LogLevel, keys.MetricsNamespace = slog.LevelDebug, "CallRecordings/live"
	index := keys
	keys.IssuerPrivateHosts = []string{"login.internal"}
	ingest := purge
	ingest.MaxAudioBytes, ingest.InboxTimezone = 1000, "UTC"
	local := Settings{
		Origin: "https://portal.example.com", LogLevel: slog.LevelDebug, Delivery: "redirect", PresignTTL: 90 * time.Second,
		ExternalHosts: get.ExternalHosts, S3PublicEndpoint: get.S3PublicEndpoint,
		UploadTTL: time.Hour, MaxAudioBytes: 1000, MaxWait: 5 * time.Second, FeedWait: 7 * time.Second, InboxTimezone: "UTC", PublicURL: "https://pbx.example.com/live",
		Host: "0.0.0.0", Port: "0", S3Port: "9001", DataDir: "/var/lib/recordings", MaxTokenTTL: 24 * time.Hour, UserAccess: "own", RequireReason: []string{"listen", "delete"}, Audit: "all", AuditDays: 30, AuditAddresses: "whole",
		TokenKeys: NewSecret(jwksText), EventsMaxBytes: 5000, EventsKeep: 3, IssuerPrivateHosts: keys.IssuerPrivateHosts,
	}

	fallback.Console, local.Console, local.Feed, local.Search = true, true, true, true
	console := Settings{
		AudioOrigin: "https://audio.example.com", ExternalHosts: get.ExternalHosts, LogLevel: slog.LevelDebug,
	}
	local.WebhookPrivateHosts = deliver.WebhookPrivateHosts
	tool := aws
	tool.WebhookPrivateHosts = deliver.WebhookPrivateHosts
	tool.MaxAudioBytes, tool.InboxTimezone, tool.IssuerPrivateHosts, tool.AuditDays = 1000, "UTC", keys.IssuerPrivateHosts, 30
	tool.SetAsideDays = 14
	tool.CursorKey = list.CursorKey
	tool.TokenKeys, tool.Bucket, tool.S3Endpoint, tool.DataDir = NewSecret(jwksText), "recordings.live", "http://s3.localhost:9000", "/var/lib/recordings"
	reconcile := ingest
	reconcile.SetAsideDays = 14
	for f, want := range map[Function]Settings{
		Reconcile: reconcile, List: list, Get: get, Share: share, Create: create, Ingest: ingest, Patch: every(aws), Delete: remove, Fallback: fallback, Console: console, Keys: keys, Purge: purge, Publish: publish, Local: local, Tool: tool, Access: access, Changes: changes, Deliver: deliver, Index: index,
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			want.Function = f
			got, err := Load(getenv(environment()), f)
			if err != nil {
				t.Fatalf("Load: %v", err)
			}
			if diff := cmp.Diff(want, got, secrets); diff != "" {
				t.Errorf("Load (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := Load(getenv(nil), Local)
	want := Settings{Function: Local, UserAccess: "account", Audit: "off", AuditDays: 2557, AuditAddresses: "network", Delivery: "auto", PresignTTL: 5 * time.Minute, UploadTTL: 15 * time.Minute, MaxAudioBytes: 512 << 20, MaxWait: 10 * time.Second, FeedWait: 20 * time.Second, Origin: "*", LogLevel: slog.LevelInfo, Host: "127.0.0.1", Port: "8000", InboxTimezone: "UTC", EventsMaxBytes: 100 << 20, EventsKeep: 10, Console: true, Search: true, Feed: true}
	if diff := cmp.Diff(want, got, secrets); err != nil || diff != "" {
		t.Errorf("Load of an empty environment: %v (-want +got):\n%s", err, diff)
	}
	if got, err := Load(getenv(nil), Tool); err != nil || got.Table != "" {
		t.Errorf("Load of an empty environment for the command line = %+v, %v", got, err)
	}
}

// The error lists all problems at once and contains no secret.
func TestLoadListsAllProblems(t *testing.T) {
	t.Parallel()
	_, err := Load(getenv(map[string]string{
		"TOKEN_KEYS": "hunter2-jwks", "MEDIA_DELIVERY": "pigeon", "PRESIGN_TTL": "forever", "BUCKET_NAME": "Bucket!",
		"EXTERNAL_AUDIO_HOSTS": "https://a.example", "CORS_ORIGIN": "portal.example.com", "LOG_LEVEL": "loud",
		"S3_PUBLIC_ENDPOINT": "https://user:hunter2@s3.example.com", "AWS_REGION": "eu central",
	}), Get)
	var e *Error
	if !errors.As(err, &e) || e.Function != Get {
		t.Fatalf("Load = %v, want an *Error of %s", err, Get)
	}
	want := []string{
		"TOKEN_KEYS", "TABLE_NAME", "BUCKET_NAME", "MEDIA_DELIVERY", "PRESIGN_TTL", "S3_PUBLIC_ENDPOINT", "EXTERNAL_AUDIO_HOSTS",
		"CORS_ORIGIN", "LOG_LEVEL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
	}
	var got []string
	for _, p := range e.Problems {
		name, _, _ := strings.Cut(p, " ")
		got = append(got, name)
		if !strings.Contains(err.Error(), p) {
			t.Errorf("Error() = %q lacks %q", err, p)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems of %q, want %q", got, want)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Error() = %q shows a secret", err)
	}
	one, err := Load(getenv(map[string]string{
		"TABLE_NAME": "live", "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hunter2",
	}), Fallback)
	if want := "settings of fallback: TOKEN_KEYS is required and not set"; err == nil || err.Error() != want {
		t.Errorf("Load = %+v, %v, want %q", one, err, want)
	}
}

func TestEnvironmentMustFitLambda(t *testing.T) {
	t.Parallel()
	env := environment()
	// Lambda measures the JSON, so each quote in the JWKS counts twice.
	fixed := size(map[string]string{
		"TOKEN_KEYS": "", "MAX_TOKEN_TTL": env["MAX_TOKEN_TTL"], "CORS_ORIGIN": env["CORS_ORIGIN"], "LOG_LEVEL": env["LOG_LEVEL"], "METRICS_NAMESPACE": env["METRICS_NAMESPACE"], "CONSOLE": env["CONSOLE"],
		"TABLE_NAME": env["TABLE_NAME"], "AWS_ENDPOINT_URL": env["AWS_ENDPOINT_URL"],
	})
	jwks := func(n int) string { // a JWKS of n bytes as JSON
		const head, tail = `{"keys":["`, `"]}`
		return head + strings.Repeat("x", n-len(head)-len(tail)-4) + tail
	}
	for over, want := range map[int]bool{0: true, 1: false, 1000: false} {
		env := environment()
		env["TOKEN_KEYS"] = jwks(MaxEnvironment - fixed + over)
		env["AWS_SESSION_TOKEN"] = strings.Repeat("t", 2000) // Lambda's own does not count
		_, err := Load(getenv(env), Fallback)
		if (err == nil) != want {
			t.Errorf("with %d bytes too many, Load = %v", over, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "4096") || !strings.Contains(err.Error(), "TOKEN_KEYS")) {
			t.Errorf("Load = %v, want an error with the limit and the largest variable", err)
		}
		if _, err := Load(getenv(env), Tool); err != nil {
			t.Errorf("with %d bytes too many, the command line: %v", over, err)
		}
	}
}

func TestSizeOfTheJSON(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	for i, value := range []string{"", "a", `{"k":"\\"}`, "é\n\t\r\x01", strings.Repeat(`"`, 100)} {
		text, err := json.Marshal(env)
		if got := size(env); err != nil || got != len(text) {
			t.Errorf("size(%v) = %d, want %d", env, got, len(text))
		}
		env[strconv.Itoa(i)] = value
	}
}

func TestSpaceIsIgnored(t *testing.T) {
	t.Parallel()
	env := environment()
	env["TABLE_NAME"], env["LOG_LEVEL"], env["EXTERNAL_AUDIO_HOSTS"] = " recordings\n", "  ", " , "
	got, err := Load(getenv(env), Get)
	if err != nil || got.Table != "recordings" || got.LogLevel != slog.LevelInfo || got.ExternalHosts != nil {
		t.Errorf("Load = %+v, %v", got, err)
	}
}

// Every row is complete, for the comparisons with the template and the guide.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, row := range All() {
		if seen[row.Name] {
			t.Errorf("%s is in the table twice", row.Name)
		}
		seen[row.Name] = true
		if !strings.HasSuffix(row.Doc, ".") || row.Functions == 0 || row.set == nil {
			t.Errorf("%s lacks a sentence, a function or a parser", row.Name)
		}
		for _, f := range row.Required.list() {
			if !row.Functions.Has(f) || row.Default != "" {
				t.Errorf("%s is required by %s, which does not read it or has a default", row.Name, f)
			}
		}
		if row.Default != "" {
			if err := row.set(&Settings{}, row.Default); err != nil {
				t.Errorf("%s: the default %q %v", row.Name, row.Default, err)
			}
		}
	}
	if got := Functions(1<<len(programs) - 1).list(); !slices.Equal(got, programs[:]) {
		t.Errorf("the set of all programs has %v, want %v", got, programs)
	}
	if lambdas.Has("other") || Functions(0).Has(List) || !forTool.Has(Tool) || forTool.Has(Local) {
		t.Error("Has confuses programs")
	}
	if rows := All(); len(rows) > 0 {
		rows[0].Name = "changed"
		if All()[0].Name == "changed" {
			t.Error("All returns the table itself, want a copy")
		}
	}
}

// The console may load audio from the bucket, and from the hosts of external audio on
// any port, with the scheme of the page.
func TestAudioOrigins(t *testing.T) {
	t.Parallel()
	got, err := Load(getenv(environment()), Console)
	want := []string{"https://audio.example.com", "audio.example.com:*", "*.cdn.example.net:*"}
	if err != nil || !slices.Equal(got.AudioOrigins(), want) {
		t.Errorf("AudioOrigins() = %q, %v, want %q", got.AudioOrigins(), err, want)
	}
	for _, bad := range []string{"", "https://a.example/path", "https://a.example; script-src *", "*"} {
		env := environment()
		env["AUDIO_ORIGIN"] = bad
		if got, err := Load(getenv(env), Console); err == nil {
			t.Errorf("AUDIO_ORIGIN=%q is accepted as %q", bad, got.AudioOrigin)
		}
	}
}

package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// check runs a parser on a table of texts. A wanted value of "" means an error.
func check[T any](t *testing.T, name string, parse func(string) (T, error), table map[string]string) {
	t.Helper()
	for text, want := range table {
		got, err := parse(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%s(%q) = %v, want an error", name, text, got)
		case want != "" && (err != nil || fmt.Sprint(got) != want):
			t.Errorf("%s(%q) = %v, %v, want %s", name, text, got, err, want)
		}
	}
}

func TestParsers(t *testing.T) {
	t.Parallel()
	check(t, "endpoint", endpoint, map[string]string{
		"https://s3.eu-central-1.amazonaws.com": "https://s3.eu-central-1.amazonaws.com",
		"http://127.0.0.1:4566/":                "http://127.0.0.1:4566",
		"http://[::1]:9000":                     "http://[::1]:9000",
		"http://host_gateway.internal:80":       "http://host_gateway.internal:80",
		"http://localstack":                     "http://localstack",
		"":                                      "", "s3.example.com": "", "//s3.example.com": "", "ftp://s3.example.com": "",
		"https://": "", "https:///x": "", "https://s3.example.com/path": "", "https://s3.example.com?x=1": "",
		"https://s3.example.com/?": "", "https://s3.example.com#f": "", "https://u:p@s3.example.com": "", "http://a b": "",
		"http://s3.example.com:": "", "http://s3.example.com:0": "", "http://s3.example.com:70000": "", "http://-a.example": "",
		"http://a..b": "", "http://a\nb": "", "javascript:alert(1)": "",
	})
	check(t, "publicURL", publicURL, map[string]string{
		"https://pbx.example.com": "https://pbx.example.com", "https://pbx.example.com/": "https://pbx.example.com",
		"https://pbx.example.com/live": "https://pbx.example.com/live", "http://127.0.0.1:8000/a/b-1/": "http://127.0.0.1:8000/a/b-1",
		"": "", "pbx.example.com": "", "/live": "", "ftp://pbx.example.com": "", "https://": "", "https:///live": "", "https://u:p@pbx.example.com/x": "",
		"https://pbx.example.com//live": "", "https://pbx.example.com/live//": "", "https://pbx.example.com/?x": "", "https://pbx.example.com/#x": "", "https://pbx.example.com/a b": "",
		"https://pbx.example.com/%20": "", "https://pbx.example.com?x=/y": "", "https://pbx.example.com/" + strings.Repeat("a", 200): "",
	})
	check(t, "origin", origin, map[string]string{
		"*": "*", "https://portal.example.com": "https://portal.example.com", "http://localhost:3000": "http://localhost:3000",
		"https://portal.example.com/": "", "portal.example.com": "", "null": "", "https://a.example,https://b.example": "",
		"https://*.example.com": "", "https://a.example\r\nX: y": "", "**": "",
	})
	check(t, "hosts", hosts, map[string]string{
		"audio.example.com": "[audio.example.com]", "A.example,b.example c.example": "[a.example b.example c.example]",
		"*.example.com": "[*.example.com]", "a.example,a.example": "[a.example]", "localhost": "[localhost]", "10.0.0.7": "[10.0.0.7]",
		"*": "", "*.com": "", "*.": "", "https://a.example": "", "a.example:443": "", "a.example/x": "", "*.*.example.com": "",
		"a.*.com": "", "a*.example.com": "", ".example.com": "", "a..example": "", "-a.example": "", "a.example.": "", "é.example": "",
		strings.Repeat("a", 64) + ".example": "", strings.Repeat("a.", 127) + "a": "",
	})
	check(t, "prices", prices, map[string]string{
		`{"currency":"USD","gigabyte_month":"0.023"}`: "&{USD   0.023 }", "{}": "&{    }", "": "", "0.023": "", `{"hour":"free"}`: "",
	})
	check(t, "ttl", ttl, map[string]string{
		"5m": "5m0s", "1s": "1s", "168h": "168h0m0s", "168h1s": "", "0": "", "0s": "", "-5m": "", "500ms": "", "1.5s": "", "5": "", "x": "", "1e3s": "",
	})
	check(t, "tokenTTL", tokenTTL, map[string]string{"24h": "24h0m0s", "1s": "1s", "8760h": "8760h0m0s", "0s": "", "-1h": "", "999ms": "", "7d": "", "x": ""})
	check(t, "actions", actions, map[string]string{
		"listen": "[listen]", "listen,delete": "[listen delete]", " listen , delete ": "[listen delete]", "Listen": "", "listen;delete": "", "play": "",
	})
	check(t, "port", port, map[string]string{
		"0": "0", "8000": "8000", "65535": "65535", "0080": "80", "65536": "", "-1": "", "http": "", "80.0": "", "+80": "",
	})
	check(t, "eventBytes", eventBytes, map[string]string{
		"0": "0", "1000": "1000", "104857600": "104857600", "999": "", "-1": "", "1e6": "", "100M": "",
	})
	check(t, "eventFiles", eventFiles, map[string]string{"1": "1", "1000": "1000", "0": "", "1001": "", "-1": "", "x": ""})
	check(t, "level", level, map[string]string{
		"debug": "DEBUG", "INFO": "INFO", "Warn": "WARN", "error": "ERROR", "info+2": "", "trace": "", "0": "",
	})
	check(t, "tableName", tableName, map[string]string{
		"abc": "abc", "A_b.c-9": "A_b.c-9", "ab": "", "a b": "", "a/b": "", strings.Repeat("a", 256): "",
	})
	check(t, "bucketName", bucketName, map[string]string{
		"abc": "abc", "a.b-9": "a.b-9", "ab": "", "ABC": "", "a..b": "", "-abc": "", "abc.": "", "a_b": "", "a/b": "", strings.Repeat("a", 64): "",
	})
	const arn = "arn:aws:events:eu-central-1:123456789012:event-bus/recordings"
	check(t, "eventBus", eventBus, map[string]string{
		"default": "default", "aws.partner/x.com/A_b-9": "aws.partner/x.com/A_b-9", arn: arn,
		strings.Replace(arn, "aws", "aws-cn", 1): strings.Replace(arn, "aws", "aws-cn", 1),
		"a b":                                    "", "a:b": "", strings.Repeat("a", 257): "", strings.TrimSuffix(arn, "recordings"): "", "arn:aws:sqs:eu-central-1:123456789012:x": "",
		strings.Replace(arn, "123456789012", "1", 1): "", strings.Replace(arn, "eu-central-1", "", 1): "",
	})
	check(t, "region", region, map[string]string{"eu-central-1": "eu-central-1", "local": "local", "eu central": "", "../x": "", "EU": ""})
	check(t, "cursorKey", cursorKey, map[string]string{strings.Repeat("k", 32): hidden, strings.Repeat("k", 31): ""})
	check(t, "jwks", jwks, map[string]string{
		jwksText: hidden, "{}": "", `{"kty":"oct"}`: "", `[{"keys":[]}]`: "", `{"keys":[`: "", "x": "",
	})
}

// FuzzHosts checks that hosts accepts only lower-case hosts and suffixes of at least two
// labels, and that it accepts its own output.
func FuzzHosts(f *testing.F) {
	f.Add("a.example,*.b.example")
	f.Add("*.com")
	f.Add(" ,, ")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := hosts(text)
		if err != nil {
			return
		}
		for _, h := range list {
			if h != strings.ToLower(h) || strings.ContainsAny(strings.TrimPrefix(h, "*."), "*/:@?# \t\r\n") || h == "*" || strings.Contains(h, "..") {
				t.Fatalf("hosts(%q) = %q", text, list)
			}
		}
		again, err := hosts(strings.Join(list, ","))
		if err != nil || !slices.Equal(again, list) {
			t.Fatalf("hosts(%q) = %q, parsed again %q, %v", text, list, again, err)
		}
	})
}

// FuzzEndpoint checks that endpoint accepts only a scheme, a host and optionally a port.
func FuzzEndpoint(f *testing.F) {
	f.Add("https://s3.example.com:443/")
	f.Add("http://[::1%25eth0]:9000")
	f.Add("https://u:p@h?q#f")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := endpoint(text)
		if err != nil {
			return
		}
		if again, err := endpoint(got); err != nil || again != got || strings.ContainsAny(got, " \t\r\n@?#\"<>") || strings.Count(got, "/") != 2 {
			t.Fatalf("endpoint(%q) = %q, parsed again %q, %v", text, got, again, err)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	env := getenv(environment())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(env, Get); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		ok          bool
	}{
		{"FEED_WAIT_S", "25", true},
		{"FEED_WAIT_S", "26", false},
		{"MAX_WAIT_S", "0", true},
		{"MAX_WAIT_S", "25", true},
		{"MAX_WAIT_S", "26", false},
		{"MAX_WAIT_S", "-1", false},
		{"MAX_WAIT_S", "10s", false},
		{"UPLOAD_TTL", "168h", true},
		{"UPLOAD_TTL", "169h", false},
		{"UPLOAD_TTL", "0s", false},
		{"MAX_AUDIO_BYTES", "1", true},
		{"MAX_AUDIO_BYTES", "5368709120", true},
		{"MAX_AUDIO_BYTES", "5368709121", false},
		{"MAX_AUDIO_BYTES", "0", false},
		{"MAX_AUDIO_BYTES", "512M", false},
	} {
		env := environment()
		env[c.name] = c.value
		if _, err := Load(getenv(env), Local); (err == nil) != c.ok {
			t.Errorf("Load with %s=%s = %v, want it accepted: %v", c.name, c.value, err, c.ok)
		}
	}
}

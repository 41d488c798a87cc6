package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/price"
)

const (
	// minCursorKey is the minimum length of a cursor key, in bytes. Package
	// cursor also rejects a shorter one.
	minCursorKey = 32
	// maxTTL is the longest validity of a presigned URL that S3 allows.
	maxTTL = 7 * 24 * time.Hour

	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	letters = lower + digits
)

// consistsOf reports whether v has least to most characters, all of the alphabet.
// A regular expression would have to be compiled at every cold start.
func consistsOf(v, alphabet string, least, most int) bool {
	return least <= len(v) && len(v) <= most && strings.Trim(v, alphabet) == ""
}

// jwks checks only the outline of a JWKS, so that an obvious mistake is reported
// together with all other problems. Package auth parses the keys, once. "none" stands
// for no keys (auth.NoKeys).
func jwks(v string) (Secret, error) {
	set := strings.HasPrefix(v, "{") && strings.HasSuffix(v, "}") && strings.Contains(v, `"keys"`)
	if !set && v != "none" {
		return Secret{}, errors.New(`is not a JWKS: want {"keys":[…]}`)
	}
	return NewSecret(v), nil
}

// days parses a number of days for which something is kept.
func days(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 36500 {
		return 0, fmt.Errorf("is %q, want a number of days from 1 to 36500", v)
	}
	return n, nil
}

func restoreDays(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > 3650 {
		return 0, fmt.Errorf("is %q, want a number of days from 0 to 3650", v)
	}
	return n, nil
}

func prices(v string) (*price.Prices, error) {
	p, err := price.Parse([]byte(v))
	if err != nil {
		return nil, fmt.Errorf("must be a JSON object with prices: %w", err)
	}
	return p, nil
}

func cursorKey(v string) (Secret, error) {
	if len(v) < minCursorKey {
		return Secret{}, fmt.Errorf("has %d characters, want at least %d", len(v), minCursorKey)
	}
	return NewSecret(v), nil
}

// namespace checks a value by CloudWatch's rules for namespaces of metrics.
func namespace(v string) (string, error) {
	if !consistsOf(v, lower+upper+digits+"._/#:-", 1, 255) || v[0] == ':' || strings.HasPrefix(v, "AWS/") {
		return "", fmt.Errorf("is %q, want up to 255 of A-Z, a-z, 0-9, . _ / # : - not beginning with : or AWS/", v)
	}
	return v, nil
}

// tableName checks a value by DynamoDB's naming rules.
func tableName(v string) (string, error) {
	if !consistsOf(v, lower+upper+digits+"_.-", 3, 255) {
		return "", fmt.Errorf("is %q, want 3 to 255 of A-Z, a-z, 0-9, _ . -", v)
	}
	return v, nil
}

// bucketName checks a value by S3's naming rules for general purpose buckets, as far
// as they are needed to use it safely as part of a host or a path.
func bucketName(v string) (string, error) {
	if !consistsOf(v, letters+".-", 3, 63) || strings.Trim(v, ".-") != v || strings.Contains(v, "..") {
		return "", fmt.Errorf("is %q, want 3 to 63 of a-z, 0-9, . - that begin and end with a letter or digit", v)
	}
	return v, nil
}

// eventBus checks a value by EventBridge's rules for the EventBusName of an entry,
// which is a name or an ARN
// (docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html).
func eventBus(v string) (string, error) {
	name, arn := v, strings.SplitN(v, ":", 6)
	if len(arn) == 6 && arn[0] == "arn" && strings.HasPrefix(arn[1], "aws") && arn[2] == "events" &&
		consistsOf(arn[1], letters+"-", 3, 32) && consistsOf(arn[3], letters+"-", 1, 32) && consistsOf(arn[4], digits, 12, 12) {
		name, _ = strings.CutPrefix(arn[5], "event-bus/")
	}
	if !consistsOf(name, lower+upper+digits+"/._-", 1, 256) {
		return "", fmt.Errorf("is %q, want up to 256 of A-Z, a-z, 0-9, / . _ -, or arn:aws:events:REGION:ACCOUNT:event-bus/NAME", v)
	}
	return v, nil
}

func region(v string) (string, error) {
	if !consistsOf(v, letters+"-", 1, 32) {
		return "", fmt.Errorf("is %q, want a region such as eu-central-1", v)
	}
	return v, nil
}

func oneOf(v string, values ...string) (string, error) {
	if !slices.Contains(values, v) {
		return "", fmt.Errorf("is %q, want one of %s", v, strings.Join(values, ", "))
	}
	return v, nil
}

// actionNames are the actions of package access. A test of that package compares them.
var actionNames = []string{
	"list", "read", "listen", "tag", "create", "delete", "restore", "share", "hold", "release", "retention", "audit", "manage",
}

// actions parses names of actions, separated by commas.
func actions(v string) ([]string, error) {
	var all []string
	for name := range strings.SplitSeq(v, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.Contains(actionNames, name) {
			return nil, fmt.Errorf("has the unknown action %q, want some of %s", name, strings.Join(actionNames, ","))
		}
		all = append(all, name)
	}
	return all, nil
}

func ttl(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("is %q, want a duration such as 5m or 90s", v)
	}
	if d < time.Second || d > maxTTL || d%time.Second != 0 {
		return 0, fmt.Errorf("is %q, want whole seconds from 1s to 168h", v)
	}
	return d, nil
}

// tokenTTL parses how far in the future a token may expire.
func tokenTTL(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf("is %q, want a duration of at least 1s such as 12h", v)
	}
	return d, nil
}

// wait parses seconds, at most 25. API Gateway gives up after 29, and a function
// needs time for its answer.
func wait(v string) (time.Duration, error) {
	const most = 25
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n > most {
		return 0, fmt.Errorf("is %q, want seconds from 0 to %d", v, most)
	}
	return time.Duration(n) * time.Second, nil
}

func audioBytes(v string) (int64, error) {
	const most = 5 << 30
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("is %q, want bytes from 1 to %d", v, int64(most))
	}
	return n, nil
}

// eventBytes parses the size limit of a file of events; 0 means no limit.
func eventBytes(v string) (int64, error) {
	const least = 1000 // a file holds at least two events
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > 0 && n < least {
		return 0, fmt.Errorf("is %q, want 0 or bytes from %d", v, least)
	}
	return n, nil
}

// eventFiles parses the number of earlier files of events that are kept.
func eventFiles(v string) (int, error) {
	const most = 1000
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("is %q, want a number from 1 to %d", v, most)
	}
	return int(n), nil
}

func level(v string) (slog.Level, error) {
	v, err := oneOf(strings.ToLower(v), "debug", "info", "warn", "error")
	if err != nil {
		return 0, err
	}
	var l slog.Level
	return l, l.UnmarshalText([]byte(v))
}

func port(v string) (string, error) {
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil {
		return "", fmt.Errorf("is %q, want a port from 0 to 65535", v)
	}
	return strconv.FormatUint(n, 10), nil
}

// site checks that a URL has only a scheme, a host and optionally a port. The error
// does not quote a value that may contain a password.
func site(v, what string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || u.User != nil {
		return "", errors.New("is not a plain URL, want " + what)
	}
	bare := &url.URL{Scheme: u.Scheme, Host: u.Host}
	if (u.Scheme != "http" && u.Scheme != "https") || !hostPort(u) || strings.TrimSuffix(v, "/") != bare.String() {
		return "", fmt.Errorf("is %q, want %s", v, what)
	}
	return bare.String(), nil
}

// hostPort reports whether the host of u is a name or an address and its port, if
// any, is a number.
func hostPort(u *url.URL) bool {
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return false
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		return ip.Zone() == "" // a zone may contain any character
	}
	return hostName(strings.ToLower(u.Hostname()))
}

func endpoint(v string) (string, error) {
	return site(v, "an endpoint such as https://s3.example.com or http://127.0.0.1:4566")
}

// publicURL parses the URL before /v2: a scheme, a host, and perhaps a path. Paths have
// only letters, digits and -._~ in their segments, so that links are plain URLs.
func publicURL(v string) (string, error) {
	const want = "the address before /v2, such as https://pbx.example.com or https://pbx.example.com/live"
	root, path := v, ""
	if scheme, rest, ok := strings.Cut(v, "://"); ok {
		if host, after, ok := strings.Cut(rest, "/"); ok {
			root, path = scheme+"://"+host, strings.TrimSuffix("/"+after, "/")
		}
	}
	root, err := site(root, want)
	if err != nil {
		return "", err
	}
	if path != "" && (strings.Contains(path+"/", "//") || !consistsOf(path, lower+upper+digits+"-._~/", 1, 200)) {
		return "", fmt.Errorf("is %q, want %s", v, want)
	}
	return root + path, nil
}

func origin(v string) (string, error) {
	if v == "*" {
		return v, nil
	}
	o, err := site(v, "* or one origin such as https://portal.example.com")
	if err == nil && strings.HasSuffix(v, "/") {
		return "", fmt.Errorf("is %q, want it without the trailing slash", v)
	}
	return o, err
}

// hosts parses a list of hosts, separated by commas or spaces.
func hosts(v string) ([]string, error) {
	var list []string
	for _, host := range strings.FieldsFunc(strings.ToLower(v), func(r rune) bool { return r == ',' || r == ' ' }) {
		suffix, wild := strings.CutPrefix(host, "*.")
		if !hostName(suffix) {
			return nil, fmt.Errorf("has %q, want a host such as audio.example.com or *.example.com, without scheme, port or path", host)
		}
		if wild && !strings.Contains(suffix, ".") {
			return nil, fmt.Errorf("has %q, which is too wide: want at least two labels after the wildcard", host)
		}
		if !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	return list, nil
}

// hostName reports whether h is a host name in lower case (RFC 1123, 2.1). It allows
// underscores, which occur in names inside container networks.
func hostName(h string) bool {
	if h == "" || len(h) > 253 {
		return false
	}
	for label := range strings.SplitSeq(h, ".") {
		if !consistsOf(label, letters+"-_", 1, 63) || strings.Trim(label, "-") != label {
			return false
		}
	}
	return true
}

// queueURL parses the URL of a queue.
func queueURL(v string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(u.Path) < 2 || u.RawQuery != "" || u.User != nil {
		return "", errors.New("is not the URL of a queue, such as https://sqs.eu-central-1.amazonaws.com/123456789012/jobs")
	}
	return v, nil
}

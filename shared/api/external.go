package api

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/httpfield"
)

// externalURL returns the address of external audio, escaped for a Location
// header. ok is false unless raw is an http or https URL and its host is on the
// allow-list hosts. An entry matches one host; "*.example.com" matches all hosts
// below example.com, but not example.com itself. Ports are not compared. URLs
// with a user or a password are rejected, because the redirect would disclose
// them. URLs in which another parser could find a different host are rejected too.
func externalURL(raw string, hosts []string) (location string, ok bool) {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", false
	}
	host := plainHost(u.Hostname())
	if host == "" || strings.IndexFunc(host, isForbiddenInHost) >= 0 {
		return "", false
	}
	if !slices.ContainsFunc(hosts, func(entry string) bool { return allowsHost(entry, host) }) {
		return "", false
	}
	return escapeLocation(u.String()), true
}

// allowsHost reports whether an entry of the allow-list matches host.
func allowsHost(entry, host string) bool {
	entry = plainHost(entry)
	if suffix, ok := strings.CutPrefix(entry, "*."); ok {
		return suffix != "" && strings.HasSuffix(host, "."+suffix)
	}
	return entry == host
}

// plainHost returns the canonical spelling of a host: in lower case, without a
// final dot. An IPv6 address has its shortest form, without brackets.
func plainHost(host string) string {
	host = strings.ToLower(host)
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.WithZone("").String()
	}
	return strings.TrimSuffix(host, ".")
}

// isForbiddenInHost reports whether a host name must not contain r. Names in
// other scripts need their ASCII form, both in the document and on the list.
func isForbiddenInHost(r rune) bool {
	letter := 'a' <= r && r <= 'z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("-._:", r)
}

// escapeLocation percent-encodes the characters that a URL in a header must not
// contain.
func escapeLocation(location string) string {
	return httpfield.PercentEncode(location, func(c byte) bool {
		return c > ' ' && c < 0x7f && strings.IndexByte("\"<>\\^`{|}", c) < 0
	})
}

package api

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"callrecordings/shared/httpfield"
)

// externalURL returns where external audio may be had from: raw itself, made
// fit for a Location header, if it is an http or https URL whose host is one
// of hosts. A host of the list is matched whole; "*.example.com" takes every
// host below example.com, not example.com itself. Any port will do. URLs with a user or password in them are refused: a redirect
// would hand them on. So are those that another reader might take to mean
// another host than we do.
func externalURL(raw string, hosts []string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", false
	}
	host := plainHost(u.Hostname())
	if host == "" || strings.IndexFunc(host, isNoHostRune) >= 0 {
		return "", false
	}
	if !slices.ContainsFunc(hosts, func(entry string) bool { return allowsHost(entry, host) }) {
		return "", false
	}
	return escapeLocation(u.String()), true
}

// allowsHost reports whether an entry of the allow-list takes host.
func allowsHost(entry, host string) bool {
	entry = plainHost(entry)
	if suffix, ok := strings.CutPrefix(entry, "*."); ok {
		return suffix != "" && strings.HasSuffix(host, "."+suffix)
	}
	return entry == host
}

// plainHost gives the equal forms of a host one spelling: lower case, no dot
// at the end, an IPv6 address without brackets and in its canonical form.
func plainHost(host string) string {
	host = strings.ToLower(host)
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.WithZone("").String()
	}
	return strings.TrimSuffix(host, ".")
}

// isNoHostRune finds what no plain host name has. Names in other scripts have
// to be written in their ASCII form, in the document as in the list.
func isNoHostRune(r rune) bool {
	letter := 'a' <= r && r <= 'z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("-._:", r)
}

// escapeLocation percent-encodes what a URL in a header may not hold.
func escapeLocation(location string) string {
	return httpfield.PercentEncode(location, func(c byte) bool {
		return c > ' ' && c < 0x7f && strings.IndexByte("\"<>\\^`{|}", c) < 0
	})
}

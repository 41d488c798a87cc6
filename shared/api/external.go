package api

import (
	"net/netip"
	"net/url"
	"strings"
)

// externalURL returns where external audio may be had from: raw itself, made
// fit for a Location header, if it is an http or https URL whose host is one
// of hosts. A host of the list is matched whole; "*.example.com" takes every
// host below example.com, not example.com itself. An entry without a port
// takes any. URLs with a user or password in them are refused: a redirect
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
	for _, entry := range hosts {
		if allowsHost(entry, host, u.Port()) {
			return escapeLocation(u.String()), true
		}
	}
	return "", false
}

// allowsHost reports whether an entry of the allow-list takes host and port.
func allowsHost(entry, host, port string) bool {
	entry = strings.TrimSpace(entry)
	// The host of an entry is read as the host of a URL is, brackets and all.
	if u, err := url.Parse("//" + entry); err == nil && u.Port() != "" {
		if u.Port() != port {
			return false
		}
		entry = u.Hostname()
	}
	entry = plainHost(entry)
	if suffix, ok := strings.CutPrefix(entry, "*."); ok {
		return suffix != "" && strings.HasSuffix(host, "."+suffix)
	}
	return entry != "" && entry == host
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
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(location) {
		c := location[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>\^`+"`{|}", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

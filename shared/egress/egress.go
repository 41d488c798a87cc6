// Package egress makes requests to hosts that others name: the keys of token issuers, and
// webhooks. Its clients accept no redirects, proxies or cookies, verify certificates, and
// connect only to public addresses, so that a client cannot use the service to reach a
// private network.
package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Options configure a client.
type Options struct {
	// PrivateHosts are the hosts that may have private or local addresses: exact, or
	// all hosts below a domain ("*.example.com"), in lower case.
	PrivateHosts []string
	// Roots are the certificates that are trusted; nil means those of the system.
	Roots *x509.CertPool
	// Timeout is how long a request may take, from the connection to the last byte.
	Timeout time.Duration
}

// maxHeaders is the maximum size of the headers of an answer, in bytes.
const maxHeaders = 16 << 10

// NewClient returns a client. It returns a redirect as the answer. Its requests fail with
// ErrAddress if the host has a private or local address that o does not allow.
func NewClient(o Options) *http.Client {
	return &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer{o.PrivateHosts}.dial,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    dialTime,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeaders,
			ForceAttemptHTTP2:      true,
		},
	}
}

// ErrAddress means that a host has an address that requests must not be sent to.
var ErrAddress = errors.New("a private or local address")

// special returns the blocks of IANA's registries of special-purpose addresses that are not
// reachable from everywhere, apart from those that package netip knows. It is a function, so
// that programs that import this package without using it do not link the list.
func special() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
		"2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	)
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for n, text := range texts {
		list[n] = netip.MustParsePrefix(text)
	}
	return list
}

// IsPublic reports whether an address is reachable from everywhere. Addresses that
// embed an IPv4 address (NAT64, 6to4, Teredo) are not public.
func IsPublic(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback() {
		return false
	}
	return !slices.ContainsFunc(special(), func(p netip.Prefix) bool { return p.Contains(a) })
}

// MayBePublic reports whether the host of a URL may have a public address. It does not look
// names up. False are localhost and the names below it, addresses that are not public, and
// anything else that ends like an IPv4 address, such as 127.1, since some resolvers take that
// for one.
func MayBePublic(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		return IsPublic(a)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last != "" && last != "localhost" && (last[0] < '0' || last[0] > '9')
}

// dialTime is how long a connection may take.
const dialTime = 5 * time.Second

// dialer makes connections. It checks the address that it really connects to, so that a
// name cannot resolve to one address for a check and to another one afterwards.
type dialer struct {
	// private are the hosts that may have any address.
	private []string
}

func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	plain := net.Dialer{Timeout: dialTime}
	if !Allows(d.private, host) {
		plain.Control = checkAddress
	}
	return plain.DialContext(ctx, network, address)
}

// Allows reports whether a host may have any address, because it is one of the private
// hosts of Options.
func Allows(private []string, host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(private, func(p string) bool {
		suffix, wild := strings.CutPrefix(p, "*")
		return p == host || wild && strings.HasSuffix(host, suffix)
	})
}

// checkAddress refuses a connection to an address that is not public.
func checkAddress(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !IsPublic(to.Addr()) {
		return ErrAddress
	}
	return nil
}

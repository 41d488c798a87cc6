package egress

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700:4700::1111": true, "1.1.1.1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "0.1.2.3": false, "255.255.255.255": false, "224.0.0.1": false, "240.0.0.1": false, "198.18.0.1": false,
		"192.0.2.1": false, "198.51.100.7": false, "203.0.113.7": false,
		"::": false, "::1": false, "fe80::1": false, "fc00::1": false, "fd00:ec2::254": false, "ff02::1": false, "::ffff:10.0.0.1": false,
		"64:ff9b::a9fe:a9fe": false, "2002:a9fe:a9fe::": false, "2001:0:1::": false, "2001:db8::1": false, "fec0::1": false, "::7f00:1": false,
		"fe80::1%eth0": false, "2606:4700:4700::1111%eth0": false,
	} {
		if got := IsPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("IsPublic(%s) = %t, want %t", address, got, want)
		}
	}
	if IsPublic(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestMayBePublic(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"hooks.example.com": true, "hooks.example.com.": true, "8.8.8.8": true, "2606:4700:4700::1111": true, "hooks": true, "1.example.com": true,
		"localhost.example.com": true,
		"localhost":             false, "LOCALHOST.": false, "a.localhost": false, "": false, ".": false,
		"127.0.0.1": false, "127.0.0.1.": false, "10.0.0.1": false, "169.254.169.254": false, "::1": false, "::ffff:10.0.0.1": false, "fe80::1%eth0": false,
		"127.1": false, "2130706433": false, "0x7f000001": false, "0177.0.0.1": false, "example.0x7f": false,
	} {
		if got := MayBePublic(host); got != want {
			t.Errorf("MayBePublic(%q) = %t, want %t", host, got, want)
		}
	}
}

// A client connects to a private address only if its host is allowed, and follows no
// redirect.
func TestClient(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	t.Cleanup(s.Close)
	for _, c := range []struct {
		private []string
		allowed bool
	}{{nil, false}, {[]string{"127.0.0.1"}, true}, {[]string{"localhost", "*.internal"}, false}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := NewClient(Options{PrivateHosts: c.private, Timeout: 5 * time.Second}).Do(r)
		if c.allowed {
			if err != nil || response.StatusCode != http.StatusFound {
				t.Errorf("%q: %v, %v, want the redirect as the answer", c.private, response, err)
			} else {
				_ = response.Body.Close()
			}
		} else if !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v, want %v", c.private, err, ErrAddress)
		}
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	private := []string{"hooks.internal", "*.example.com"}
	for host, want := range map[string]bool{
		"hooks.internal": true, "HOOKS.internal.": true, "a.hooks.internal": false, "a.example.com": true, "b.a.example.com": true,
		"example.com": false, "aexample.com": false, "": false,
	} {
		if got := Allows(private, host); got != want {
			t.Errorf("Allows(%q) = %t, want %t", host, got, want)
		}
	}
}

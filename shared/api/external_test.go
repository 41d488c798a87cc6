package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

func TestExternalURL(t *testing.T) {
	t.Parallel()
	hosts := []string{"pbx.example.com", "*.audio.example.net", "Media.Example.org.", "[2001:db8::1]", "192.0.2.7"}
	tests := []struct {
		name, raw, want string // "" if rejected
	}{
		{"an exact host", "https://pbx.example.com/a.mp3", "https://pbx.example.com/a.mp3"},
		{"plain http", "http://pbx.example.com/a.mp3", "http://pbx.example.com/a.mp3"},
		{"with query", "https://pbx.example.com/a.mp3?x=%2F&y=1", "https://pbx.example.com/a.mp3?x=%2F&y=1"},
		{"escaped path", "https://pbx.example.com/a%2Fb.mp3", "https://pbx.example.com/a%2Fb.mp3"},
		{"any port", "https://pbx.example.com:8080/a", "https://pbx.example.com:8080/a"},
		{"any case", "HTTPS://PBX.Example.COM/a", "https://PBX.Example.COM/a"},
		{"dot at the end", "https://pbx.example.com./a", "https://pbx.example.com./a"},
		{"dot at the end of the entry", "https://media.example.org/a", "https://media.example.org/a"},
		{"below a suffix", "https://eu.audio.example.net/a", "https://eu.audio.example.net/a"},
		{"far below a suffix", "https://a.b.audio.example.net/a", "https://a.b.audio.example.net/a"},
		{"IPv6", "https://[2001:db8::1]/a", "https://[2001:db8::1]/a"},
		{"IPv6 in full, with a port", "https://[2001:DB8:0:0::1]:444/a", "https://[2001:DB8:0:0::1]:444/a"},
		{"IPv4", "http://192.0.2.7/a", "http://192.0.2.7/a"},
		{"space and umlaut", "https://pbx.example.com/ü b?q=ü b", "https://pbx.example.com/%C3%BC%20b?q=%C3%BC%20b"},

		{"empty", "", ""},
		{"another host", "https://evil.example/a", ""},
		{"the suffix itself", "https://audio.example.net/a", ""},
		{"the suffix without a dot", "https://evilaudio.example.net/a", ""},
		{"host as a prefix", "https://pbx.example.com.evil.example/a", ""},
		{"host as a suffix", "https://evilpbx.example.com/a", ""},
		{"host in the path", "https://evil.example/pbx.example.com", ""},
		{"user", "https://user@pbx.example.com/a", ""},
		{"user and password", "https://user:pass@pbx.example.com/a", ""},
		{"host as user", "https://pbx.example.com@evil.example/a", ""},
		{"empty user", "https://@pbx.example.com/a", ""},
		{"backslash", `https://evil.example\@pbx.example.com/a`, ""},
		{"backslash in host", `https://evil.example\.audio.example.net/a`, ""},
		{"no slashes", "https:pbx.example.com/a", ""},
		{"three slashes", "https:///pbx.example.com/a", ""},
		{"no scheme", "//pbx.example.com/a", ""},
		{"ftp", "ftp://pbx.example.com/a", ""},
		{"script", "javascript://pbx.example.com/%0aalert(1)", ""},
		{"new line", "https://pbx.example.com/a\r\nX: y", ""},
		{"leading space", " https://pbx.example.com/a", ""},
		{"look-alike letters", "https://ｐbx.example.com/a", ""},
		{"encoded host", "https://pbx%2eexample.com/a", ""},
		{"another IPv6", "https://[2001:db8::2]/a", ""},
		{"IPv4 by another notation", "http://0xc0000207/a", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := externalURL(tt.raw, hosts)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("externalURL(%q) = %q, %v, want %q", tt.raw, got, ok, tt.want)
			}
		})
	}
}

func TestExternalURLWithAnEmptyList(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{nil, {""}, {"*"}, {"*."}, {"."}, {":443"}} {
		if got, ok := externalURL("https://pbx.example.com:443/a", hosts); ok {
			t.Errorf("externalURL(…, %q) = %q, want it rejected", hosts, got)
		}
	}
}

func TestExternalAudio(t *testing.T) {
	t.Parallel()
	const address = "https://pbx.example.com/a b.mp3?x=1"
	s := newSingle(t, Delivery{ExternalHosts: []string{"pbx.example.com"}})
	s.put(t, nil, func(rec *recording.Recording) {
		rec.Audio = recording.Audio{Place: recording.External, ContentType: "audio/x-wav", Size: 123}
		rec.Document = documentOf(t, `{"url":"`+address+`"}`)
	})
	for _, query := range []string{"", "&delivery=inline", "&delivery=redirect"} {
		p := s.do(t, http.MethodGet, audioPath+query, "", "Range", "bytes=0-")
		p.wantStatus(t, http.StatusFound, "")
		if got, want := p.header.Get("Location"), strings.Replace(address, " ", "%20", 1); got != want {
			t.Errorf("Location = %q, want %q", got, want)
		}
		if got := p.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control = %q, want no-store", got)
		}
	}
	p := s.do(t, http.MethodHead, audioPath, "")
	p.wantStatus(t, http.StatusOK, "")
	if p.header.Get("Content-Type") != "audio/x-wav" || p.header.Get("Content-Length") != "123" || p.header.Get("Location") != "" {
		t.Errorf("HEAD has %v", p.header)
	}
}

func TestExternalAudioElsewhere(t *testing.T) {
	t.Parallel()
	for _, document := range []string{`{"url":"https://evil.example/a"}`, `{"url":"https://u:p@pbx.example.com/a"}`, `{"url":7}`, `{}`} {
		s := newSingle(t, Delivery{ExternalHosts: []string{"pbx.example.com"}})
		s.put(t, nil, func(rec *recording.Recording) {
			rec.Audio = recording.Audio{Place: recording.External}
			rec.Document = recording.Document(document)
		})
		p := s.do(t, http.MethodGet, audioPath, "")
		p.wantStatus(t, http.StatusNotFound, "bad_identifier")
		if p.text(t, "data", "details") == "" || p.header.Get("Location") != "" || strings.Contains(p.body, "evil") {
			t.Errorf("%s: %s, want details and no address", document, p.body)
		}
		if p := s.do(t, http.MethodHead, audioPath, ""); p.status != http.StatusNotFound {
			t.Errorf("%s: HEAD = %d, want 404", document, p.status)
		}
	}
}

func FuzzExternalURL(f *testing.F) {
	for _, seed := range []string{
		"https://pbx.example.com/a", "http://a.example.net:80/?q", `https://x\@pbx.example.com`, "https://[::1%25eth0]/", "HTTPS://PBX.EXAMPLE.COM./%zz", "https:pbx.example.com",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, ok := externalURL(raw, []string{"pbx.example.com", "*.example.net"})
		if !ok {
			return
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatalf("externalURL(%q) = %q: %v", raw, got, err)
		}
		host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		if (host != "pbx.example.com" && !strings.HasSuffix(host, ".example.net")) || u.User != nil {
			t.Errorf("externalURL(%q) = %q, which leads to %q", raw, got, host)
		}
		for i := range len(got) {
			if got[i] <= ' ' || got[i] >= 0x7f || got[i] == '\\' {
				t.Errorf("externalURL(%q) = %q, contains %q", raw, got, got[i])
			}
		}
	})
}

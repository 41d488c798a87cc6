package console

import "strings"

// securityHeaders are on every answer, besides the Content-Security-Policy.
// X-Frame-Options repeats frame-ancestors for old browsers. The page uses no feature
// that a Permissions-Policy could grant, apart from playing audio.
var securityHeaders = []struct{ name, value string }{
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},
	{"X-Robots-Tag", "noindex"},
}

// policy returns the Content-Security-Policy. The page loads code and styles only from
// its own origin, and talks only to that origin and to origins, which serve audio. It
// has no inline script or style, and no other page may frame it.
func policy(origins []string) string {
	audio := ""
	if len(origins) > 0 {
		audio = " " + strings.Join(origins, " ")
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:",
		"connect-src 'self'" + audio,
		"media-src 'self' blob:" + audio,
		"worker-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

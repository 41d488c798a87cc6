// Package front tests what docs/front.md gives operators: the path rule that
// sends recordings to this service and everything else to a running Kazoo, as
// configuration for nginx (front/nginx) and for CloudFront (front/cloudfront.yaml).
//
// The nginx one runs in a real nginx, rendered as the guide says, between three
// stand-ins: a TLS server with the duties of an API Gateway (its name, its
// stage) before the local server of this module, a plain server for Kazoo, and
// a name server whose answers change. Nothing is known of CloudFront but its
// template, which is held against the same table of paths.
//
// TestNginx needs nginx on the PATH, TestChromium also the browser that CHROMIUM
// names. Both are built only with the tag e2e, for e2e/run.
package front

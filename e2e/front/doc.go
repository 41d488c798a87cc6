// Package front tests the configuration that docs/how-to/front.md gives operators. Its
// path rule sends requests for recordings to this service and everything else to
// a running Kazoo. There is one configuration for nginx (front/nginx) and one for
// CloudFront (front/cloudfront.yaml).
//
// TestNginx runs a real nginx, configured as the guide describes, between three
// stand-ins: a TLS server that behaves like an API Gateway (host name, stage) in
// front of this module's local server, a plain server for Kazoo, and a name server
// that can change its answer. TestCloudFront checks only the template, against the
// same table of paths. TestCloudFrontFunction runs the template's function.
//
// TestNginx needs nginx on the PATH, and TestCloudFrontFunction node. TestChromium needs
// nginx and the browser that CHROMIUM names. They have the build tag e2e and run in
// e2e/run.
package front

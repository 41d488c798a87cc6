package s3server

import "github.com/gofiber/fiber/v3"

// cors are the bucket's CORS rules (contract, Document or audio, and Create).
// After a redirect, a browser sends the origin "null" and keeps the token's
// header.
var cors = []byte(`<CORSConfiguration>
  <CORSRule>
    <AllowedOrigin>*</AllowedOrigin>
    <AllowedMethod>GET</AllowedMethod>
    <AllowedMethod>HEAD</AllowedMethod>
    <AllowedMethod>PUT</AllowedMethod>
    <AllowedHeader>*</AllowedHeader>
    <ExposeHeader>content-range</ExposeHeader>
    <ExposeHeader>accept-ranges</ExposeHeader>
    <ExposeHeader>etag</ExposeHeader>
    <ExposeHeader>content-disposition</ExposeHeader>
    <MaxAgeSeconds>3600</MaxAgeSeconds>
  </CORSRule>
</CORSConfiguration>`)

// addCORS adds CORS headers to errors that the library returns before it reads
// the bucket's rules, for example for an expired URL. Without them, a script in a
// browser sees a network failure instead of a 403.
func addCORS(c fiber.Ctx) error {
	err := c.Next()
	h := &c.Response().Header
	if c.Get("Origin") != "" && len(h.Peek("Access-Control-Allow-Origin")) == 0 &&
		(c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead || c.Method() == fiber.MethodPut) {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "content-range, accept-ranges, etag, content-disposition")
	}
	return err
}

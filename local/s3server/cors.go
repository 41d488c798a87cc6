package s3server

import "github.com/gofiber/fiber/v3"

// cors is the bucket's CORS (contract, Document or audio, and Create). After a
// redirect a browser's origin is "null", and the token's header travels along.
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

// refusals gives the answers that the library refuses before it looks at the
// bucket's CORS (an expired URL) the headers without which a browser's script
// sees a failed network instead of a 403.
func refusals(c fiber.Ctx) error {
	err := c.Next()
	h := &c.Response().Header
	if c.Get("Origin") != "" && len(h.Peek("Access-Control-Allow-Origin")) == 0 &&
		(c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead || c.Method() == fiber.MethodPut) {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "content-range, accept-ranges, etag, content-disposition")
	}
	return err
}

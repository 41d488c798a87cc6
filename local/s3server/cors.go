package s3server

// cors is the bucket's CORS (contract, Document or audio). After a redirect a
// browser's origin is "null", and the token's header travels along.
var cors = []byte(`<CORSConfiguration>
  <CORSRule>
    <AllowedOrigin>*</AllowedOrigin>
    <AllowedMethod>GET</AllowedMethod>
    <AllowedMethod>HEAD</AllowedMethod>
    <AllowedHeader>*</AllowedHeader>
    <ExposeHeader>content-range</ExposeHeader>
    <ExposeHeader>accept-ranges</ExposeHeader>
    <ExposeHeader>etag</ExposeHeader>
    <ExposeHeader>content-disposition</ExposeHeader>
    <MaxAgeSeconds>3600</MaxAgeSeconds>
  </CORSRule>
</CORSConfiguration>`)

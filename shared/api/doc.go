// Package api implements the HTTP API of the contract. It has one handler for
// each operation ([List], [Get], [Create], [Patch], [Delete], [Receive],
// [Fallback]) over the interfaces of shared/store and shared/media, and does not
// depend on AWS.
//
// Every handler runs the same chain. The contract fixes the order of the checks
// (Token), so that unauthorized clients learn nothing:
//
//  1. request ID, log entry, headers that all answers have (handler.go, cors.go)
//  2. OPTIONS: a preflight needs no token (cors.go)
//  3. authentication: 401 without a valid token (checks.go), or without a valid
//     storage secret (receive.go); only the API's definition is public
//     (routes.go)
//  4. account of the path: 403, the same for one that does not exist or is
//     malformed, before the rest of the path is checked
//  5. route and method: 404, 405 with Allow (routes.go, checks.go)
//  6. representation: 406 (accept.go), then 400, 404, 412 and others (the
//     operation's own handler)
//  7. errors become answers by one table (errors.go) and panics become a 500, so
//     every request gets an answer (answer.go)
//  8. one line in the log
//
// Handlers check the route themselves. A request for another operation, or for an
// unknown route, gets the same answer as from [Fallback].
//
// The other files:
//
//   - body.go reads request bodies; envelope.go and compress.go write answers.
//   - list.go serves lists: query.go parses parameters, position.go encodes
//     cursors, listjson.go and listcsv.go encode recordings, and listbody.go
//     collects and compresses them.
//   - get.go serves a document or its audio: audio.go, delivery.go and
//     external.go send audio, wait.go waits for it, filename.go names it.
//   - create.go and creation.go create recordings; upload.go presigns uploads.
//   - receive.go and storagerequest.go serve storage requests.
//   - change.go, patch.go and delete.go change recordings.
//
// Rules of HTTP header fields are in shared/httpfield, CSV is in shared/csvtable,
// rules of the document in shared/recording, tokens in shared/auth, and Lambda
// events in shared/gateway.
package api

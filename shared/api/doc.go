// Package api knows HTTP and the contract, and no AWS: one handler for each
// operation ([List], [Get], [Create], [Patch], [Delete], [Fallback]) over the borders of
// shared/store and shared/media.
//
// Every handler is the same chain around its own few lines. The order of the
// checks is the contract's (Token), so that a stranger learns nothing:
//
//  1. request id, log entry, headers that every answer has (handler.go, cors.go)
//  2. OPTIONS: a preflight needs no token (cors.go)
//  3. token: 401; the API's definition alone is public (routes.go)
//  4. account of the path: 403, the same for one that does not exist, or
//     cannot; whatever else the path says
//  5. route and method: 404, 405 with Allow (routes.go)
//  6. representation: 406 (accept.go), then the rest: 400, 404, 412 … (the
//     handler of the operation)
//  7. the error, if any, becomes an answer by one table (errors.go), a panic
//     becomes a 500; and there always is an answer (answer.go)
//  8. one line in the log
//
// A handler checks the route itself: a request that belongs to another
// operation, or to none, gets from each of them what [Fallback] would say.
//
// Files beyond the chain: envelope.go and compress.go write answers; list.go
// with query.go, position.go, page.go, unpaged.go and csv.go is the list;
// get.go, audio.go, delivery.go, byterange.go, conditional.go and
// disposition.go give a document or its audio, wait.go waits for it; create.go
// with creation.go and upload.go takes recordings in; patch.go and delete.go
// change things. What is not here: rules of the document (shared/recording), tokens
// (shared/auth), events of Lambda (shared/gateway).
package api

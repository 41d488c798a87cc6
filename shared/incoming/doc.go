// Package incoming holds the rules by which a call and its audio become a
// recording.
//
// Recordings come in five ways: a client creates one over the API, a PBX sends
// one to the storage endpoint, a PBX drops a file into an inbox, an operator
// adds a file from the command line, and an import copies one from another
// system. All five ask this package the same questions, so that the same facts
// lead to the same recording:
//
//   - Which document does it get, when was it created, and who owns it?
//     [Compose] (compose.go).
//   - Which ID does it get? [NewID] makes one, [ClaimName] and [ClaimCall]
//     reserve one that a retry finds again, and [Agree] rejects contradictory
//     reports (identify.go).
//   - What does its audio say about it? [Judgment] (judgment.go).
//   - What happens if a recording with that ID already exists? [AddMetadata],
//     [Await], [Judgment.Attach] and [NeedsAudio] (attach.go).
//
// The package is pure except for claims, which go to the store. It knows
// neither HTTP nor AWS nor audio formats: package judge reads the bytes. A rule
// that every recording must follow belongs here and in the table of
// incoming_test.go, which runs every case through all five ways.
package incoming

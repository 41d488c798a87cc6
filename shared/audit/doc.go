// Package audit keeps the audit trail: who listened to, changed, deleted, shared or was
// refused which recording, and who changed the access rules.
//
// # No silent loss
//
// [Trail.Record] returns only after the entry is stored. Handlers call it before audio
// or a change goes out, and refuse the request if it fails. An entry may therefore
// describe a change that a crash then prevented, but no change is without its entry.
//
// # Entries
//
// The entries are those of package store (docs/adr/020-audit.md):
//
//	partition            key                    value
//	audit/A/2026-01-31   time#writer#sequence   the entry, and the hash of the one before
//	auditdays/A          2026-01-31             exists if the day has entries
//
// The day is that of UTC, the time is in Unix milliseconds with 13 digits.
//
// # The chain
//
// A writer is one chain of entries of one account and day within one process. Each entry
// has the SHA-256 of the entry before it in its chain, so [Reader.Verify] finds an entry
// that was altered or removed from the middle of a chain. The day's hash covers all
// entries. Kept elsewhere, it also shows a removed end or a removed chain.
//
// If the outcome of a write is unknown, its chain ends, and the next entry begins another
// one. Concurrent requests use different chains. No entry ever waits for another.
package audit

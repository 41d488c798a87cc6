// Package httpfield reads and writes HTTP header fields as their RFCs define
// them: content negotiation (Accept, Accept-Encoding), conditional requests and
// entity tags, byte ranges, Prefer, and Content-Disposition. It depends on
// nothing but the standard library.
//
// Clients send malformed fields, so no parser here returns an error. A field or
// element that cannot be parsed counts as absent, as RFC 9110 allows for all of
// these fields.
package httpfield

package audit

import (
	"net/netip"

	"github.com/callrecordings/api/shared/access"
)

// Level selects the requests that a trail records.
type Level string

// The levels.
const (
	// Off records nothing.
	Off Level = "off"
	// Changes records what changes recordings, links or access, also if it was refused.
	Changes Level = "changes"
	// All also records listening, and every other request that was refused.
	All Level = "all"
)

// reading are the actions that change nothing.
var reading = map[access.Action]bool{access.List: true, access.Read: true, access.Listen: true, access.Audit: true}

// covers reports whether the level includes e. Lists and documents that were served are
// not part of any level.
func (l Level) covers(e Entry) bool {
	switch l {
	case Changes:
		return !reading[e.Action]
	case All:
		return !reading[e.Action] || e.Action == access.Listen || e.Result == Refused
	case Off:
	}
	return false
}

// Addresses is how much of a client's address a trail keeps.
type Addresses string

// The choices.
const (
	// Network keeps the first 24 bits of an IPv4 address and the first 48 of an IPv6
	// address. It is the default.
	Network Addresses = "network"
	// Whole keeps the address.
	Whole Addresses = "whole"
	// NoAddresses keeps none.
	NoAddresses Addresses = "none"
)

// truncate returns the part of an address to keep; "" if address is not an IP address.
func (a Addresses) truncate(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		with, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		ip = with.Addr()
	}
	ip = ip.Unmap().WithZone("")
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	switch a {
	case NoAddresses:
		return ""
	case Whole:
		return ip.String()
	case Network:
	}
	network, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return network.String()
}

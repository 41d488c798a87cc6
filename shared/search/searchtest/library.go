// Package searchtest is shared by the benchmarks and the tests of searches. It has recordings with
// words of known frequencies, searches of many kinds, and their budgets.
package searchtest

import (
	"fmt"

	"github.com/callrecordings/api/shared/recording"
)

const (
	// Account has all recordings of a library.
	Account = "a0123456789abcdef0123456789abcde"
	// Epoch is 2026-01-01.
	Epoch = recording.Seconds(63_934_444_800)
	// Days is how many days from then on a library covers.
	Days = 180

	firstNames, lastNames, owners = 40, 250, 100
)

// Library is a number of recordings, evenly spread over Days days. Each is an ordinary
// recording of a Kazoo, of a caller with one of 40 first and 250 last names, with one of
// 100 owners. Every tenth of the recordings has a caller's number of its own. All have the
// word "acme", every twentieth the tag "complaint", and one the word "zanzibar".
type Library int

// Created returns when the recording i was created.
func (l Library) Created(i int) recording.Seconds {
	return Epoch + recording.Seconds(int64(i)*int64(Days*recording.Day)/int64(l))
}

// Recording returns the recording i, from 0, in the order of their creation.
func (l Library) Recording(i int) recording.Recording {
	a, b := mix(uint64(i)), mix(uint64(i)+1<<32)
	created, caller, call := l.Created(i), l.Number(int(a>>33)), fmt.Sprintf("%016x", b)
	metadata := `{"tags":{"sales":true}}`
	switch {
	case i == int(l)/2:
		metadata = `{"notes":"calls from Zanzibar"}`
	case i%20 == 0:
		metadata = `{"tags":{"complaint":true}}`
	}
	return recording.Recording{
		Account: Account, ID: fmt.Sprintf("%s-%016x%016x", created.Time().Format("200601"), a, b),
		Owner: Owner(int(a % owners)), Created: created, Modified: created, Revision: "1-00000000",
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 499_712},
		Document: recording.Document(fmt.Sprintf(`{"call_id":"%s@10.0.0.1","callee_id_name":"Acme Support",`+
			`"callee_id_number":"+49301234567","caller_id_name":"%s %s","caller_id_number":"%s","direction":"%s","duration":62,`+
			`"from":"%s@acme.example.com","interaction_id":"%d-%.8s","name":"call_recording_%s.mp3",`+
			`"to":"+49301234567@acme.example.com","user_metadata":%s}`,
			call, FirstName(int(a>>8%firstNames)), LastName(int(a>>16%lastNames)), caller,
			[]string{"inbound", "outbound"}[a>>24&1], caller, created, call, call, metadata)),
	}
}

// mix returns a hash of n (SplitMix64).
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// Number returns the number of the caller k, in international format.
func (l Library) Number(k int) string {
	return fmt.Sprintf("+1555%07d", 100_000+k%max(int(l)/10, 1)*7)
}

// Owner returns the ID of the owner k.
func Owner(k int) string { return fmt.Sprintf("b%031x", k%owners) }

// FirstName returns the first name k, and LastName the last name k.
func FirstName(k int) string {
	begins, ends := []string{"re", "ma", "jo", "an", "lu", "ka", "to", "vi"}, []string{"nate", "ria", "nas", "dor", "lena"}
	return begins[k%8] + ends[k/8%5]
}

// LastName returns the last name k.
func LastName(k int) string {
	begins := []string{"schm", "mull", "beck", "stein", "kra", "bo", "vog", "lind", "hart", "wei"}
	middles, ends := []string{"el", "er", "an", "ow", "ing"}, []string{"dt", "s", "mann", "berg", "ek"}
	return begins[k%10] + middles[k/10%5] + ends[k/50%5]
}

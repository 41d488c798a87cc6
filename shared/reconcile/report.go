package reconcile

import (
	"github.com/callrecordings/api/shared/recording"
)

// Kind is a kind of finding.
type Kind string

// The kinds of findings.
const (
	StuckPurge      Kind = "stuck_purge"
	OverdueRestore  Kind = "overdue_restore"
	OrphanAudio     Kind = "orphan_audio"
	UnreadAudio     Kind = "unread_audio"
	UnreadFile      Kind = "unread_file"
	MissingAudio    Kind = "missing_audio"
	OtherSize       Kind = "other_size"
	OverdueUpload   Kind = "overdue_upload"
	OverdueSetAside Kind = "overdue_set_aside"
	OverdueProbe    Kind = "overdue_probe"
	OverdueExport   Kind = "overdue_export"
	UnusedClaim     Kind = "unused_claim"
	DeadLink        Kind = "dead_link"
	IndexedDeletion Kind = "indexed_deletion"
	EmptyCounter    Kind = "empty_counter"
	ForeignObject   Kind = "foreign_object"
	FailedAccount   Kind = "failed_account"
)

// KindInfo describes a kind of finding.
type KindInfo struct {
	// Kind is the kind.
	Kind Kind
	// Doc describes it to operators.
	Doc string
	// Repair describes the repair; "" if a person has to decide.
	Repair string
	// Quiet kinds are normal in small numbers, so they do not count for the alarm.
	Quiet bool
}

// Kinds describes all kinds, in the order of reports.
var Kinds = []KindInfo{
	{StuckPurge, "a deleted recording whose audio was not removed in time", "the purge is finished", false},
	{OverdueRestore, "a deleted recording that can still be restored after its time", "it is purged, unless it is on hold", true},
	{OrphanAudio, "audio that no recording refers to, left by an interrupted upload, import or deletion", "it is removed", false},
	{UnreadAudio, "audio that arrived, but was not ingested", "it is ingested", false},
	{UnreadFile, "a file in an inbox that belongs to no recording", "it is ingested", false},
	{MissingAudio, "a recording whose audio does not exist", "", false},
	{OtherSize, "a recording whose audio has another size than it should", "", false},
	{OverdueUpload, "a recording that has been waiting for its upload for too long", "", true},
	{OverdueSetAside, "rejected audio past its time", "it is removed", false},
	{OverdueProbe, "a test file of a PBX past its time", "it is removed", false},
	{OverdueExport, "a file that a job has made, past its time", "it is removed", false},
	{UnusedClaim, "a reserved ID without a recording", "it is released if a run has already found it a day earlier", true},
	{DeadLink, "a link to a recording that was deleted", "it is removed", true},
	{IndexedDeletion, "a deleted recording whose words and numbers are still in the index of searches", "they are removed", false},
	{EmptyCounter, "a total of an owner or a tag without recordings, whose key still names them", "it is removed", false},
	{ForeignObject, "an object or a folder in the bucket that is not from this service", "", true},
	{FailedAccount, "an account that could not be compared to the end", "", false},
}

// Count counts the findings of one kind.
type Count struct {
	// Found is their number, Repaired how many of them were repaired, and Failed how
	// many repairs failed. Failed repairs are tried again in the next run.
	Found    int `json:"found"`
	Repaired int `json:"repaired"`
	Failed   int `json:"failed,omitempty"`
	// Bytes is the size of the objects found.
	Bytes int64 `json:"bytes,omitempty"`
}

// Example is one finding.
type Example struct {
	Kind Kind `json:"kind"`
	// Account and Recording are IDs; "" if unknown.
	Account   string `json:"account,omitempty"`
	Recording string `json:"recording,omitempty"`
	// Object is the key of the object in the form of media.KeyText.
	Object string `json:"object,omitempty"`
	// Repaired reports whether it was repaired, and Cause is why not.
	Repaired bool   `json:"repaired"`
	Cause    string `json:"cause,omitempty"`
}

// maxExamples is the most examples of each kind in a report.
const maxExamples = 20

// Report is the result of a run. Times are in Gregorian seconds.
type Report struct {
	Started recording.Seconds `json:"started"`
	// Finished is 0 while the run is not complete.
	Finished recording.Seconds `json:"finished,omitempty"`
	// Repair reports whether the run repairs.
	Repair bool `json:"repair"`
	// Accounts, Recordings, Tombstones, Objects and Claims count what was examined.
	Accounts   int `json:"accounts"`
	Recordings int `json:"recordings"`
	Tombstones int `json:"tombstones"`
	Objects    int `json:"objects"`
	Claims     int `json:"claims"`
	// Findings has the counts of each kind that was found.
	Findings map[Kind]*Count `json:"findings"`
	// Examples has up to 20 findings of each kind.
	Examples []Example `json:"examples,omitempty"`
}

// Open returns how many findings are neither repaired nor of a quiet kind. An operator
// has to look at them.
func (r *Report) Open() (n int) {
	for _, k := range Kinds {
		if c := r.Findings[k.Kind]; c != nil && !k.Quiet {
			n += c.Found - c.Repaired
		}
	}
	return n
}

// Totals returns the number of findings of all kinds, and how many were repaired.
func (r *Report) Totals() (found, repaired int) {
	for _, c := range r.Findings {
		found += c.Found
		repaired += c.Repaired
	}
	return found, repaired
}

// add counts a finding.
func (r *Report) add(e Example, bytes int64) {
	if r.Findings == nil {
		r.Findings = map[Kind]*Count{}
	}
	c := r.Findings[e.Kind]
	if c == nil {
		c = new(Count)
		r.Findings[e.Kind] = c
	}
	c.Found++
	c.Bytes += bytes
	switch {
	case e.Repaired:
		c.Repaired++
	case e.Cause != "":
		c.Failed++
	}
	if c.Found <= maxExamples {
		r.Examples = append(r.Examples, e)
	}
}

package person

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/job"
)

// Result is the result of a job. The keys are those of objects in the bucket, which expire
// archive.FileAge after the end of the job.
type Result struct {
	// Certificate is the signed certificate.
	Certificate Signed `json:"certificate"`
	// List is the key of the list of all recordings.
	List string `json:"list"`
	// Zip is the key of the file of an export, and ZipBytes its size.
	Zip      string `json:"zip,omitempty"`
	ZipBytes int64  `json:"zip_bytes,omitempty"`
}

// remains lists the data that stays after each kind of job.
var remains = map[Kind][]string{
	erasure: {
		"tombstones: the IDs, the account and the times of creation and deletion of the erased recordings, for 400 days, so that their IDs are not used again",
		"index of searches, if it is switched on: the IDs, the account, the seconds and the bytes of the erased recordings, for 400 days, so that no bill counts them twice",
		"audit trail, if it is switched on: who listened to and changed the recordings, by their IDs, for as long as the operator keeps it",
		"legal holds, active and released: the number or the user of their scope, the case and the reason, for good",
		"users and groups: the ID of a user, its groups and rights, until an administrator removes them",
		"links to the recordings: their IDs and who made them, until they expire, at most 31 days; they play nothing",
		"feed of changes: the IDs, the users who own the recordings, and the times, for 400 days",
		"events that were sent before, which hold IDs only",
		"backups of the table (point-in-time recovery: up to 35 days), if the operator has switched them on",
		"this job with its subject, for 30 days, and its list of IDs, for 7 days and then as an old version for as long as the operator keeps those",
		"plans and reports of jobs, this one among them: the IDs and what became of the recordings, for 60 days",
		"exports that jobs made before, in the bucket of this service: documents and audio, for 7 days and then as old versions for as long as the operator keeps those",
		"copies that were exported, downloaded or forwarded before, and audio kept outside of this service",
	},
	copied: {
		"the copy in the bucket, and the list of its IDs, for 7 days and then as old versions for as long as the operator keeps those",
		"this job with its subject, for 30 days, and its plan and report with the IDs, for 60 days",
	},
}

// finish stores the list and sets the result with the certificate. It can be repeated.
func finish(ctx context.Context, t *job.Task, p *place, files archive.Files, signer *Signer, kind Kind, complete bool) error {
	j := t.Job
	var subject Subject
	if err := json.Unmarshal(j.Params, &subject); err != nil {
		return fmt.Errorf("decode the subject: %w", err)
	}
	list, err := archive.StoreList(ctx, t, files)
	if err != nil {
		return err
	}
	later := p.LaterIDs
	if later == nil {
		later = []string{}
	}
	signed, err := signer.Sign(Certificate{
		Version: 1, Kind: kind, Account: j.Account, Job: j.ID, Subject: subject, Complete: complete,
		Planned: j.Created.RFC3339(), Confirmed: j.Confirmed.RFC3339(), Finished: t.Now().RFC3339(),
		Found: j.Plan.Totals, Done: j.Progress.Done, Held: j.Progress.Held, Skipped: j.Progress.Skipped, Failed: j.Progress.Failed,
		Holds: list.Holds, Later: p.Later, LaterIDs: later, Remains: remains[kind],
		List: List{SHA256: list.SHA256, Bytes: list.Bytes, Lines: list.Lines},
	})
	if err != nil {
		return err
	}
	result := Result{Certificate: signed, List: list.Key}
	if p.Zip != nil && complete {
		result.Zip, result.ZipBytes = archive.Key(j, ".zip"), p.Zip.Offset
	}
	if j.Result, err = json.Marshal(result); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return nil
}

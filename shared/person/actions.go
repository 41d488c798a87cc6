package person

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/job"
)

// Params checks and encodes the parameters of a job: a number or the ID of an owner.
// Error: ErrSubject, with a text for people.
func Params(number, owner string) (json.RawMessage, error) {
	s := Subject{Number: number, Owner: owner}
	if err := s.Check(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the subject: %w", err)
	}
	return text, nil
}

// Actions returns the two actions. The key of certificates is derived from secret, the
// secret of the deployment. An export reads visible, the store as clients see it: without
// expired recordings. An erasure reads s, the store with all recordings. record is [Eraser.Record].
func Actions(secret string, visible, s Store, b archive.Bucket, d Deleter, record func(context.Context, *job.Job, string) error) (map[string]job.Action, error) {
	signer, err := NewSigner(secret)
	if err != nil {
		return nil, err
	}
	return map[string]job.Action{
		ExportAction: &Export{Store: visible, Bucket: b, Signer: signer},
		EraseAction:  &Eraser{Store: s, Deleter: d, Files: b, Signer: signer, Record: record},
	}, nil
}

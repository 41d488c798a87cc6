package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"callrecordings/shared/config"
	"callrecordings/shared/incoming"
	"callrecordings/shared/incoming/bucket"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// replayInbox processes the files in the inbox of an account, or in all inboxes
// if account is "", as if they had just arrived. It prints why a file is left
// in the inbox.
func (e env) replayInbox(ctx context.Context, t *target, account string, patterns *nameOptions) error {
	if account != "" {
		if err := checkIDs(account, ""); err != nil {
			return usageError{err}
		}
	}
	s, err := config.Load(e.getenv, config.Tool)
	if err != nil {
		return err
	}
	names, err := patterns.open(e)
	if err != nil {
		return err
	}
	o, closed, err := t.open(ctx)
	if err != nil {
		return err
	}
	handler := bucket.Ingester{Store: o.store, Audio: o.audio, Names: names, MaxBytes: s.MaxAudioBytes, Now: e.now}
	failed := e.ingestAll(ctx, handler, recording.InboxKey(account, ""))
	return errors.Join(failed, closed())
}

// ingestAll processes every object under prefix. If one cannot be processed, it
// continues with the next.
func (e env) ingestAll(ctx context.Context, handler bucket.Ingester, prefix string) error {
	counts := map[incoming.Outcome]int{}
	kept := 0
	for after := ""; ; {
		keys, err := handler.Audio.List(ctx, prefix, after)
		if err != nil {
			return fmt.Errorf("list the inbox: %w", err)
		}
		for _, key := range keys {
			after = key
			outcome, err := handler.Ingest(ctx, incoming.Arrival{Key: key})
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				kept++
				printf(e.stderr, "%s: %v\n", key, err)
			default:
				counts[outcome]++
			}
		}
		if len(keys) < media.MaxList {
			break
		}
	}
	printf(e.stdout, "%d new, %d completed, %d unchanged, %d rejected, %d removed, %d sidecars waiting for audio, %d left in the inbox\n",
		counts[incoming.Adopted], counts[incoming.Completed], counts[incoming.Unchanged]+counts[incoming.Ignored], counts[incoming.Refused],
		counts[incoming.Removed]+counts[incoming.Gone], counts[incoming.Awaiting], kept)
	if kept > 0 {
		return errReported
	}
	return nil
}

// statement is a statement of an IAM policy.
type statement struct {
	Sid       string         `json:"Sid"`
	Effect    string         `json:"Effect"`
	Action    []string       `json:"Action"`
	Resource  string         `json:"Resource"`
	Condition map[string]any `json:"Condition,omitempty"`
}

var inboxPolicyUsage = usage{
	args: "--account ID [--bucket NAME] [--sync] [--kms-key ARN]",
	does: `Prints the IAM policy for a PBX that writes into the inbox of an account. It allows the PBX to put
files there and to read back the file with which Kazoo tests its settings. It does not allow it to
read or delete recordings.`,
	examples: []string{
		"inbox-policy --account A --bucket my-recordings >inbox-policy.json",
	},
}

// inboxPolicy prints the IAM policy for writing into the inbox of an account. It
// allows putting files there and reading back the file with which Kazoo tests
// its settings (kazoo.md 7.8), and neither reading nor deleting a recording.
func inboxPolicy(_ context.Context, e env, args []string) error {
	fs := flags("inbox-policy")
	var account, bucket string
	accountFlag(fs, &account)
	bucketFlag(fs, &bucket)
	key := fs.String("kms-key", "", "`ARN`: your own KMS key, if the bucket is encrypted with one (KmsKeyArn)")
	sync := fs.Bool("sync", false, "also allow listing the inbox, which aws s3 sync needs")
	partition := fs.String("partition", "aws", "`NAME`: AWS partition: aws, aws-cn or aws-us-gov")
	rest, err := e.parse(fs, inboxPolicyUsage, args)
	if err != nil {
		return err
	}
	if err := unexpected(rest, 0); err != nil {
		return err
	}
	bucket = first(bucket, e.getenv("BUCKET_NAME"))
	switch {
	case bucket == "":
		return usageError{errors.New("name the bucket with --bucket or BUCKET_NAME")}
	case !strings.HasPrefix(*partition, "aws"):
		return usageError{fmt.Errorf("--partition %q: want aws, aws-cn or aws-us-gov", *partition)}
	}
	if err := checkIDs(account, ""); err != nil {
		return usageError{err}
	}
	text, err := json.MarshalIndent(struct {
		Version   string      `json:"Version"`
		Statement []statement `json:"Statement"`
	}{"2012-10-17", statements("arn:"+*partition+":s3:::"+bucket, recording.InboxKey(account, ""), *sync, *key)}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	printf(e.stdout, "%s\n", text)
	return nil
}

// statements returns the policy's statements for the inbox with this prefix.
func statements(bucket, prefix string, sync bool, key string) []statement {
	all := []statement{
		{Sid: "WriteIntoTheInbox", Effect: "Allow", Action: []string{"s3:PutObject", "s3:AbortMultipartUpload"}, Resource: bucket + "/" + prefix + "*"},
		{Sid: "ReadTheProbe", Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: bucket + "/" + prefix + recording.TestFilePattern},
	}
	if sync {
		all = append(all, statement{
			Sid: "ListTheInbox", Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: bucket,
			Condition: map[string]any{"StringLike": map[string]string{"s3:prefix": prefix + "*"}},
		})
	}
	if key != "" {
		all = append(all, statement{Sid: "Encrypt", Effect: "Allow", Action: []string{"kms:GenerateDataKey", "kms:Decrypt"}, Resource: key})
	}
	return all
}

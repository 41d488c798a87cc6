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
	"callrecordings/shared/incoming/namepattern"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// replayInbox takes what lies in the inboxes as if it had come just now, and
// says of what cannot be taken why.
func (e env) replayInbox(ctx context.Context, t *target, account string) error {
	if account != "" {
		if err := checkNames(account, ""); err != nil {
			return usageError{err}
		}
	}
	s, err := config.Load(e.getenv, config.Tool)
	if err != nil {
		return err
	}
	names, err := namepattern.Open(s.InboxPatterns, s.InboxTimezone)
	if err != nil {
		return fmt.Errorf("INBOX_PATTERNS, INBOX_TIMEZONE: %w", err)
	}
	o, closed, err := t.open(ctx)
	if err != nil {
		return err
	}
	ingester := bucket.Ingester{Store: o.store, Audio: o.audio, Names: names, MaxBytes: s.MaxAudioBytes, Now: e.now}
	failed := e.takeAll(ctx, ingester, recording.InboxKey(account, ""))
	return errors.Join(failed, closed())
}

// takeAll takes every object under prefix. It goes on after one that cannot be
// taken.
func (e env) takeAll(ctx context.Context, ingester bucket.Ingester, prefix string) error {
	counts := map[incoming.Outcome]int{}
	kept := 0
	for after := ""; ; {
		keys, err := ingester.Audio.List(ctx, prefix, after)
		if err != nil {
			return fmt.Errorf("look into the inboxes: %w", err)
		}
		for _, key := range keys {
			after = key
			outcome, err := ingester.Ingest(ctx, incoming.Arrival{Key: key})
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				kept++
				say(e.stderr, "%s: %v\n", key, err)
			default:
				counts[outcome]++
			}
		}
		if len(keys) < media.MaxList {
			break
		}
	}
	say(e.stdout, "%d new, %d completed, %d as they were, %d no audio, %d removed, %d metadata that wait for audio, %d left where they are\n",
		counts[incoming.Adopted], counts[incoming.Completed], counts[incoming.Unchanged]+counts[incoming.Ignored], counts[incoming.Refused],
		counts[incoming.Removed]+counts[incoming.Gone], counts[incoming.Awaiting], kept)
	if kept > 0 {
		return errReported
	}
	return nil
}

// statement is one of a policy of IAM.
type statement struct {
	Sid       string         `json:"Sid"`
	Effect    string         `json:"Effect"`
	Action    []string       `json:"Action"`
	Resource  string         `json:"Resource"`
	Condition map[string]any `json:"Condition,omitempty"`
}

// inboxPolicy prints what whoever writes into the inbox of an account may do:
// put files there, and read back the one with which Kazoo tests its setting
// (kazoo.md 7.8). It may neither read nor remove a recording.
func inboxPolicy(_ context.Context, e env, args []string) error {
	fs := flags("inbox-policy")
	account := fs.String("account", "", "`id` of the account")
	bucket := fs.String("bucket", "", "`name` of the bucket (or BUCKET_NAME)")
	key := fs.String("kms-key", "", "`ARN` of the key that the bucket is encrypted with, where it is your own (KmsKeyArn)")
	sync := fs.Bool("sync", false, "allow to list the inbox too, as aws s3 sync does")
	partition := fs.String("partition", "aws", "`name` of AWS's partition: aws, aws-cn or aws-us-gov")
	rest, err := e.parse(fs, "--account A [--bucket NAME] [--sync] [--kms-key ARN]", args)
	if err != nil {
		return err
	}
	*bucket = first(*bucket, e.getenv("BUCKET_NAME"))
	switch {
	case len(rest) > 0:
		return usageError{fmt.Errorf("unexpected argument %q", rest[0])}
	case *bucket == "":
		return usageError{errors.New("give the bucket by --bucket or BUCKET_NAME")}
	case !strings.HasPrefix(*partition, "aws"):
		return usageError{fmt.Errorf("--partition %q: want aws, aws-cn or aws-us-gov", *partition)}
	}
	if err := checkNames(*account, ""); err != nil {
		return usageError{err}
	}
	text, err := json.MarshalIndent(struct {
		Version   string      `json:"Version"`
		Statement []statement `json:"Statement"`
	}{"2012-10-17", statements("arn:"+*partition+":s3:::"+*bucket, recording.InboxKey(*account, ""), *sync, *key)}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	say(e.stdout, "%s\n", text)
	return nil
}

// statements are those of the policy for the inbox under prefix.
func statements(bucket, prefix string, sync bool, key string) []statement {
	all := []statement{
		{Sid: "WriteIntoTheInbox", Effect: "Allow", Action: []string{"s3:PutObject", "s3:AbortMultipartUpload"}, Resource: bucket + "/" + prefix + "*"},
		{Sid: "ReadTheProbe", Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: bucket + "/" + prefix + recording.ProbePattern},
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

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// replayInbox processes the files in the inbox of an account, or in all inboxes
// if account is "", as if they had just arrived. It prints why a file is left
// in the inbox.
func (e env) replayInbox(ctx context.Context, options replayOptions) error {
	account := options.account
	if account != "" {
		if err := checkIDs(account, ""); err != nil {
			return usageError{err}
		}
	}
	s, err := config.Load(e.getenv, config.Tool)
	if err != nil {
		return err
	}
	names, err := options.names.open(e)
	if err != nil {
		return err
	}
	o, closed, err := options.target.open(ctx)
	if err != nil {
		return err
	}
	handler := o.ingester(names, s.MaxAudioBytes, e.now)
	failed := e.ingestAll(ctx, handler, recording.InboxKey(account, ""), options.asJSON)
	return errors.Join(failed, closed())
}

// ingester returns what ingests the objects of the bucket.
func (o *opened) ingester(names namepattern.Set, maxBytes int64, now func() time.Time) bucket.Ingester {
	return bucket.Ingester{
		Store: o.store, Holds: hold.Keeper{Store: o.store, Locked: true}, Audio: o.audio, Names: names, MaxBytes: maxBytes, Now: now,
	}
}

// ingestAll processes every object under prefix. If one cannot be processed, it
// continues with the next.
func (e env) ingestAll(ctx context.Context, handler bucket.Ingester, prefix string, asJSON bool) error {
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
	if err := e.printIngested(counts, kept, asJSON); err != nil {
		return err
	}
	if kept > 0 {
		return errReported
	}
	return nil
}

// printIngested prints the outcomes of the files in the inbox.
func (e env) printIngested(counts map[incoming.Outcome]int, kept int, asJSON bool) error {
	unchanged, removed := counts[incoming.Unchanged]+counts[incoming.Ignored], counts[incoming.Removed]+counts[incoming.Gone]
	if asJSON {
		return printJSON(e.stdout, map[string]int{
			"new": counts[incoming.Adopted], "completed": counts[incoming.Completed], "unchanged": unchanged,
			"rejected": counts[incoming.Refused], "removed": removed, "sidecars_waiting": counts[incoming.Awaiting], "left_in_the_inbox": kept,
		})
	}
	printf(e.stdout, "%d new, %d completed, %d unchanged, %d rejected, %d removed, %s waiting for audio, %d left in the inbox\n",
		counts[incoming.Adopted], counts[incoming.Completed], unchanged, counts[incoming.Refused], removed,
		count(counts[incoming.Awaiting], "sidecar"), kept)
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
	name: "inbox-policy", summary: "print the IAM policy for writing into an account's inbox",
	args: "--account ID [--bucket NAME] [--sync] [--kms-key ARN]",
	does: `Prints the IAM policy for a PBX that writes into the inbox of an account. It allows the PBX to put
files there and to read back the file with which Kazoo tests its settings. It does not allow it to
read or delete recordings.`,
	examples: []string{
		"inbox-policy --account A --bucket my-recordings >inbox-policy.json",
	},
}

// inboxPolicyCommand makes the command that prints the IAM policy for writing into
// the inbox of an account. It allows putting files there and reading back the file
// with which Kazoo tests its settings (kazoo.md 7.8), and neither reading nor
// deleting a recording.
func (e env) inboxPolicyCommand() *cobra.Command {
	var p policy
	c := inboxPolicyUsage.command()
	fs := c.Flags()
	accountFlag(fs, &p.account)
	bucketFlag(fs, &p.bucket)
	fs.StringVar(&p.key, "kms-key", "", "`ARN`: your own KMS key, if the bucket is encrypted with one (KmsKeyArn)")
	fs.BoolVar(&p.sync, "sync", false, "also allow listing the inbox, which aws s3 sync needs")
	fs.StringVar(&p.partition, "partition", "aws", "`NAME`: AWS partition: aws, aws-cn or aws-us-gov")
	complete(c, "partition", "aws", "aws-cn", "aws-us-gov")
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		p.bucket = first(p.bucket, e.getenv("BUCKET_NAME"))
		return p.print(e.stdout)
	}
	return c
}

// policy is an IAM policy for writing into the inbox of an account.
type policy struct {
	account, bucket, partition, key string
	// sync adds what aws s3 sync needs.
	sync bool
}

// print checks the options and prints the policy.
func (p policy) print(w io.Writer) error {
	switch {
	case p.bucket == "":
		return usageError{errors.New("name the bucket with --bucket or BUCKET_NAME")}
	case !strings.HasPrefix(p.partition, "aws"):
		return usageError{fmt.Errorf("--partition %q: want aws, aws-cn or aws-us-gov", p.partition)}
	}
	if err := checkIDs(p.account, ""); err != nil {
		return usageError{err}
	}
	text, err := json.MarshalIndent(struct {
		Version   string      `json:"Version"`
		Statement []statement `json:"Statement"`
	}{"2012-10-17", statements("arn:"+p.partition+":s3:::"+p.bucket, recording.InboxKey(p.account, ""), p.sync, p.key)}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	printf(w, "%s\n", text)
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

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/callrecordings/api/shared/media"
)

// reportTime limits the time for the requests of a deletion report to AWS.
const reportTime = 2 * time.Minute

// examineAWS collects the traces in AWS. A trace that cannot be examined is reported with
// its cause.
func (o *deletionReport) examineAWS(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	settings, err := loadAWS(ctx)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		what    string
		examine func(context.Context, aws.Config) ([]trace, error)
	}{
		{"versions of the audio", o.versions},
		{"point-in-time recovery", o.recovery},
		{"on-demand backups of the table", o.backups},
		{"stream of the table", o.stream},
		{"exports by jobs", o.exports},
		{"queues and dead-letter queues", o.queues},
		{"logs", o.logs},
		{"archives of events", o.archives},
	} {
		found, err := part.examine(ctx, settings)
		if err != nil {
			found = []trace{{What: part.what, Cause: err.Error()}}
		}
		o.traces = append(o.traces, found...)
	}
	return nil
}

// endpointFor returns the endpoint of a service, nil for AWS.
func (o *deletionReport) endpointFor(service string) *string {
	if endpoint := o.target.endpointOf(service); endpoint != "" {
		return &endpoint
	}
	return nil
}

// deletedAt returns when the recording was deleted; the zero time if it is unknown.
func (o *deletionReport) deletedAt() time.Time {
	if o.tombstone.Deleted == 0 {
		return time.Time{}
	}
	return o.tombstone.Deleted.Time()
}

// versions lists the versions of the audio. A version ends when the lifecycle rule of the
// bucket removes it, some days after it was deleted or replaced.
func (o *deletionReport) versions(ctx context.Context, settings aws.Config) ([]trace, error) {
	client := o.bucket(settings)
	rules := o.lifecycle(ctx, client)
	var found []trace
	seen := map[string]bool{} // a key may also be a prefix of another
	for _, key := range o.keys() {
		all, err := o.listVersions(ctx, client, key, versionsOfOne)
		if err != nil && !errors.Is(err, errManyVersions) {
			return nil, err
		}
		for _, v := range all {
			version := v.key + " " + v.id
			if seen[version] || v.key != key && !strings.HasPrefix(v.key, key+"~") {
				continue
			}
			t := trace{What: "a version of the audio", Exists: true, Note: fmt.Sprintf("%s, %s, %s", media.KeyText(v.key), count(v.size, "byte"), rules.text())}
			if end := rules.endOfOld(v); !end.IsZero() {
				t.Until = clock(end)
			}
			found, seen[version] = append(found, t), true
		}
	}
	if len(found) == 0 {
		found = []trace{{What: "versions of the audio", Note: "a file in an inbox is not included once it is purged"}}
	}
	return found, nil
}

func (o *deletionReport) table(settings aws.Config) *dynamodb.Client {
	return dynamodb.NewFromConfig(settings, func(d *dynamodb.Options) { d.BaseEndpoint = o.endpointFor("DYNAMODB") })
}

// recovery reports how long the table can be restored to a time before the deletion.
func (o *deletionReport) recovery(ctx context.Context, settings aws.Config) ([]trace, error) {
	out, err := o.table(settings).DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &o.target.table})
	if err != nil {
		return nil, err
	}
	t := trace{What: "point-in-time recovery", Note: "the table can be restored to a second at which the document existed"}
	d := out.ContinuousBackupsDescription
	if d == nil || d.PointInTimeRecoveryDescription == nil || d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != "ENABLED" {
		t.Note = "it is off"
		return []trace{t}, nil
	}
	const standard = 35
	days := int(aws.ToInt32(d.PointInTimeRecoveryDescription.RecoveryPeriodInDays))
	if days == 0 {
		days = standard
	}
	at := o.deletedAt()
	if o.tombstone.Until > 0 {
		at = o.tombstone.Until.Time() // until then, the tombstone has the document
	}
	if at.IsZero() {
		t.Exists, t.Note = true, fmt.Sprintf("the time of the deletion is unknown; it ends %s after it", count(days, "day"))
		return []trace{t}, nil
	}
	end := at.AddDate(0, 0, days)
	t.Exists, t.Until = o.now().Before(end), clock(end)
	return []trace{t}, nil
}

// backups reports the backups of the table that were made before the deletion.
func (o *deletionReport) backups(ctx context.Context, settings aws.Config) ([]trace, error) {
	client, t := o.table(settings), trace{What: "on-demand backups of the table", Note: "none was made before the deletion"}
	in := &dynamodb.ListBackupsInput{TableName: &o.target.table}
	before := 0
	for {
		out, err := client.ListBackups(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, b := range out.BackupSummaries {
			if at := o.deletedAt(); at.IsZero() || aws.ToTime(b.BackupCreationDateTime).Before(at) {
				before++
			}
		}
		if in.ExclusiveStartBackupArn = out.LastEvaluatedBackupArn; in.ExclusiveStartBackupArn == nil {
			break
		}
	}
	if before > 0 {
		t.Exists, t.Note = true, fmt.Sprintf("%d were made before the deletion, and exist until they are removed", before)
	}
	return []trace{t}, nil
}

// stream reports the table's stream, which keeps both images of a change for 24 hours.
func (o *deletionReport) stream(context.Context, aws.Config) ([]trace, error) {
	t := trace{What: "stream of the table", Note: "it keeps changes for 24 hours"}
	if at := o.deletedAt(); !at.IsZero() {
		end := at.Add(24 * time.Hour)
		t.Exists, t.Until = o.now().Before(end), clock(end)
	}
	return []trace{t}, nil
}

// logs reports the log groups of the stack, and how long they keep lines.
func (o *deletionReport) logs(ctx context.Context, settings aws.Config) ([]trace, error) {
	if o.stack == "" {
		return []trace{{What: "logs", Cause: "--stack is missing"}}, nil
	}
	client := cloudwatchlogs.NewFromConfig(settings, func(c *cloudwatchlogs.Options) { c.BaseEndpoint = o.endpointFor("LOGS") })
	var found []trace
	prefix := o.stack + "-"
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(client, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, g := range page.LogGroups {
			t := trace{What: "log group " + aws.ToString(g.LogGroupName), Exists: true, Note: "it never removes lines"}
			if days := int(aws.ToInt32(g.RetentionInDays)); days > 0 {
				t.Note = "lines have account IDs, and IDs of recordings where something failed; they end after " + count(days, "day")
				if at := o.deletedAt(); !at.IsZero() {
					end := at.AddDate(0, 0, days)
					t.Exists, t.Until = o.now().Before(end), clock(end)
				}
			}
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return []trace{{What: "logs", Cause: "no log group has a name that begins with " + prefix}}, nil
	}
	return found, nil
}

// archives reports the archives of the stack's event bus.
func (o *deletionReport) archives(ctx context.Context, settings aws.Config) ([]trace, error) {
	if o.stack == "" {
		return []trace{{What: "archives of events", Cause: "--stack is missing"}}, nil
	}
	client := eventbridge.NewFromConfig(settings, func(e *eventbridge.Options) { e.BaseEndpoint = o.endpointFor("EVENTS") })
	bus, err := client.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: &o.stack})
	if err != nil {
		return nil, err
	}
	found := []trace{{What: "events sent", Note: "the bus keeps none; what received them is outside of this service"}}
	in := &eventbridge.ListArchivesInput{EventSourceArn: bus.Arn}
	for {
		out, err := client.ListArchives(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, a := range out.Archives {
			t := trace{What: "archive of events " + aws.ToString(a.ArchiveName), Exists: true, Note: "it never removes events"}
			if days := int(aws.ToInt32(a.RetentionDays)); days > 0 {
				t.Note = "events end after " + count(days, "day")
				if at := o.deletedAt(); !at.IsZero() {
					end := at.AddDate(0, 0, days)
					t.Exists, t.Until = o.now().Before(end), clock(end)
				}
			}
			found = append(found, t)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return found, nil
		}
	}
}

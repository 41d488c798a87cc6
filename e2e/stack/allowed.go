package stack

import (
	"slices"

	"github.com/callrecordings/api/shared/config"
)

// Allowed is a row of the permission table.
type Allowed struct {
	Grant

	// Functions lists the functions that have this permission.
	Functions []config.Function
	// Unseen is the reason why the recorder may see no SDK call that uses the
	// permission. If Unseen is "", each function must make such a call in the suite.
	Unseen string
}

// Resources, written as in the template.
const (
	table    = "Table.Arn"
	objects  = "${Bucket.Arn}/recordings/*"
	inbox    = "${Bucket.Arn}/inbox/*"
	imported = "${Bucket.Arn}/imported/*"
	aside    = "${Bucket.Arn}/set-aside/*"
	exports  = "${Bucket.Arn}/exports/*"
	probes   = "${Bucket.Arn}/probes/*"
	stream   = "Table.StreamArn"
	anyone   = "*"
)

// lost is the reason for permissions on audio that no request has stored.
const lost = "only the retry of a request uses it, if an inbox or an import has brought the audio"

// oneSlice is the reason for the removal of the tails that exports leave between slices.
const oneSlice = "the exports of the suite take one slice"

// byVersion is the reason for the removal of audio by jobs.
const byVersion = "it meets audio under this prefix, or without versions, only if the suite deletes such audio by a job"

// hourly is the reason for the permissions of the scheduled function expire.
const hourly = "expire runs once an hour; a test invokes it, with what is due at that time"

// scoped is the reason for permissions that only some changes need: those that replace audio, or
// change the owner, a number or the start of a recording.
const scoped = "it checks the holds when a change may take a recording out of their scope"

// locks is the reason for permissions that only a bucket with Object Lock needs.
const locks = "the suite's bucket has no Object Lock; a test has a bucket of its own for it"

// unversioned is the reason for the removal of objects without naming a version.
const unversioned = "only a bucket without versions needs it"

// prefixes is the reason for the removal of versions under a prefix.
const prefixes = "a function meets audio under this prefix only if the other one has not purged it before"

// meets is the reason for permissions that ingest needs for audio of a deleted recording.
const meets = "it removes audio that arrives for a recording that was just deleted"

// daily is the reason for all permissions of the function reconcile.
const daily = "reconcile runs once an hour; a test invokes it, with what is overdue at that time"

// late is the reason for what only recordings need that are older than a day when they
// arrive or change.
const late = "it reads the retention policy for an old recording"

// Groups of functions for the rows below.
var (
	follow   = []config.Function{config.Purge, config.Publish}
	get      = []config.Function{config.Get}
	ingest   = []config.Function{config.Ingest}
	upload   = []config.Function{config.Create, config.Receive, config.Ingest}
	receive  = []config.Function{config.Receive}
	requests = []config.Function{config.Create, config.Receive}
	read     = []config.Function{config.Get, config.Ingest}
	list     = []config.Function{config.List}
	ruled    = []config.Function{config.List, config.Get, config.Create, config.Patch, config.Delete, config.Access, config.Retention, config.Jobs}
	access   = []config.Function{config.Access}
	arriving = []config.Function{config.Receive, config.Ingest}
	expire   = []config.Function{config.Expire}
	keeping  = []config.Function{config.Retention}
	share    = []config.Function{config.Share}
	changes  = []config.Function{config.Changes}
	publish  = []config.Function{config.Publish}
	deliver  = []config.Function{config.Deliver}
	jobs     = []config.Function{config.Jobs}
	working  = []config.Function{config.Work}
	index    = []config.Function{config.Index}
	issuers  = []config.Function{config.Fallback, config.Keys}
	sweeps   = []config.Function{config.Reconcile}
	deleting = []config.Function{config.Delete, config.Purge}
)

// Table lists what functions may do, apart from writing their logs ([Logs]).
var Table = []Allowed{
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_created"}, Functions: list},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_user"}, Functions: list},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: []config.Function{config.List, config.Get, config.Create, config.Patch, config.Delete, config.Receive, config.Purge, config.Ingest}},
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: append(share, ruled...), Unseen: "one call reads the rules about an account and a user; a token without a user needs only GetItem"},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:UpdateItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: index, Unseen: "only the last recording of an owner or a tag takes a counter with it"},
	{Grant: Grant{"dynamodb:BatchWriteItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: index, Unseen: "it checks that nothing is stored about a recording that died before it was indexed"},
	{Grant: Grant{"dynamodb:Query", table}, Functions: ruled, Unseen: "it reads the groups that a supervisor leads"},
	{Grant: Grant{"dynamodb:Query", table}, Functions: share}, // it lists the links of a recording
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: arriving, Unseen: late},
	{Grant: Grant{"dynamodb:Query", table}, Functions: arriving, Unseen: late},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: issuers, Unseen: "it reads one issuer of tokens again, or updates its keys"},
	{Grant: Grant{"dynamodb:Query", table}, Functions: issuers, Unseen: "it reads the issuers of tokens, which the suite has none of"},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: []config.Function{config.Keys}, Unseen: "keys runs every 15 minutes, and the suite has no issuers"},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: access},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: access},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: access},
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: access},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: expire, Unseen: hourly},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: expire, Unseen: hourly},
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: expire, Unseen: hourly},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_created"}, Functions: expire, Unseen: hourly},
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: expire, Unseen: hourly},
	{Grant: Grant{"dynamodb:Query", table}, Functions: expire, Unseen: hourly},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: expire, Unseen: hourly},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: jobs},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: jobs},
	{Grant: Grant{"sqs:SendMessage", "JobsQueue.Arn"}, Functions: jobs},
	{Grant: Grant{"s3:GetObject", exports}, Functions: jobs, Unseen: "it signs URLs; the client fetches the file"},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: working},
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: working},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: working},
	{Grant: Grant{"dynamodb:UpdateItem", table}, Functions: working},
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: working},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: working},
	{Grant: Grant{"dynamodb:Query", table}, Functions: working},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_created"}, Functions: working},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_user"}, Functions: working, Unseen: "the suite makes jobs about numbers"},
	{Grant: Grant{"s3:GetObject", objects}, Functions: working},
	{Grant: Grant{"s3:GetObject", inbox}, Functions: working, Unseen: "the suite exports no recording of an inbox"},
	{Grant: Grant{"s3:GetObject", imported}, Functions: working, Unseen: "the suite exports no imported recording"},
	{Grant: Grant{"s3:PutObject", exports}, Functions: working},
	{Grant: Grant{"s3:GetObject", exports}, Functions: working, Unseen: "it looks whether a lost answer completed a file"},
	{Grant: Grant{"s3:AbortMultipartUpload", exports}, Functions: working, Unseen: "the suite cancels no export that has begun"},
	{Grant: Grant{"s3:DeleteObject", exports}, Functions: working, Unseen: oneSlice},
	{Grant: Grant{"s3:DeleteObjectVersion", exports}, Functions: working, Unseen: oneSlice},
	{Grant: Grant{"s3:DeleteObject", objects}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"s3:DeleteObject", inbox}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"s3:DeleteObject", imported}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"s3:DeleteObject", aside}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"s3:DeleteObjectVersion", objects}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"s3:DeleteObjectVersion", inbox}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"s3:DeleteObjectVersion", imported}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"s3:DeleteObjectVersion", aside}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"s3:ListBucket", "Bucket.Arn"}, Functions: working, Unseen: "without it, S3 answers 403 instead of 404 for a missing object"},
	{Grant: Grant{"s3:ListBucketVersions", "Bucket.Arn"}, Functions: working, Unseen: byVersion},
	{Grant: Grant{"sqs:SendMessage", "JobsQueue.Arn"}, Functions: working, Unseen: "only a job that needs several runs wakes the next one"},
	{Grant: Grant{"sqs:ReceiveMessage", "JobsQueue.Arn"}, Functions: working, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:DeleteMessage", "JobsQueue.Arn"}, Functions: working, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:ChangeMessageVisibility", "JobsQueue.Arn"}, Functions: working, Unseen: "it puts off a message only after a failure of DynamoDB or SQS"},
	{Grant: Grant{"sqs:GetQueueAttributes", "JobsQueue.Arn"}, Functions: working, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"kms:Decrypt", "KmsKeyArn"}, Functions: append(jobs, working...), Unseen: "S3 uses the operator's KMS key in the name of the function that reads an object or writes it in parts"},
	{Grant: Grant{"kms:GenerateDataKey", "KmsKeyArn"}, Functions: working, Unseen: "S3 uses the operator's KMS key in the name of the function that writes an object"},
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: append([]config.Function{config.Create, config.Patch}, arriving...), Unseen: scoped},
	{Grant: Grant{"s3:PutObjectRetention", objects}, Functions: expire, Unseen: locks},
	{Grant: Grant{"s3:PutObjectRetention", inbox}, Functions: expire, Unseen: locks},
	{Grant: Grant{"s3:PutObjectRetention", imported}, Functions: expire, Unseen: locks},
	{Grant: Grant{"s3:BypassGovernanceRetention", objects}, Functions: slices.Concat(expire, ingest, deleting, working, sweeps), Unseen: locks},
	{Grant: Grant{"s3:BypassGovernanceRetention", inbox}, Functions: slices.Concat(expire, ingest, deleting, working, sweeps), Unseen: locks},
	{Grant: Grant{"s3:BypassGovernanceRetention", imported}, Functions: slices.Concat(expire, deleting, working, sweeps), Unseen: locks},
	{Grant: Grant{"s3:ListBucketVersions", "Bucket.Arn"}, Functions: expire, Unseen: locks},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_user"}, Functions: expire, Unseen: locks},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_created"}, Functions: access},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_user"}, Functions: access},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: keeping},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: keeping},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_created"}, Functions: keeping},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: share},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: share},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: share},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: append(changes, publish...)},      // the state of the feed
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: append(changes, publish...)}, // the head of an account's feed, with the state or the marks of revisions
	{Grant: Grant{"dynamodb:Query", table}, Functions: changes},
	{Grant: Grant{"dynamodb:Query", table}, Functions: deliver, Unseen: "deliver runs every minute, outside the recorder"},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: deliver, Unseen: "it reads a webhook again after it has written it, and the suite has no webhooks"},
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: deliver, Unseen: "it reads the head of a feed, and the suite has no webhooks"},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: deliver, Unseen: "it writes the state of a webhook, and the suite has no webhooks"},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: publish},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: changes, Unseen: "it switches the feed on if publish has not yet, takes a place to wait for changes, and writes the audit trail, which is off by default"},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: changes, Unseen: "it gives back a place to wait for changes, and the changes may be there already"},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: []config.Function{config.Create, config.Patch, config.Delete, config.Receive, config.Ingest}},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: list, Unseen: "it writes the audit trail, which is off by default"},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: get, Unseen: "it takes a place to wait for audio, which may be there already, or for a stream, which the suite's deployment has not, and writes the audit trail, which is off by default"},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: get, Unseen: "it gives back a place to wait for audio, which may be there already, or for a stream, which the suite's deployment has not"},
	{Grant: Grant{"dynamodb:UpdateItem", table}, Functions: deleting},
	{Grant: Grant{"s3:DeleteObject", objects}, Functions: ingest},
	{Grant: Grant{"s3:DeleteObject", inbox}, Functions: ingest, Unseen: unversioned},
	{Grant: Grant{"s3:DeleteObject", aside}, Functions: ingest},
	{Grant: Grant{"s3:DeleteObject", objects}, Functions: deleting, Unseen: unversioned},
	{Grant: Grant{"s3:DeleteObject", inbox}, Functions: deleting, Unseen: unversioned},
	{Grant: Grant{"s3:DeleteObject", imported}, Functions: deleting, Unseen: unversioned},
	{Grant: Grant{"s3:DeleteObject", aside}, Functions: deleting, Unseen: unversioned},
	{Grant: Grant{"s3:DeleteObjectVersion", objects}, Functions: deleting, Unseen: prefixes},
	{Grant: Grant{"s3:DeleteObjectVersion", inbox}, Functions: deleting, Unseen: prefixes},
	{Grant: Grant{"s3:DeleteObjectVersion", imported}, Functions: deleting, Unseen: prefixes},
	{Grant: Grant{"s3:DeleteObjectVersion", aside}, Functions: deleting, Unseen: prefixes},
	{Grant: Grant{"s3:DeleteObjectVersion", objects}, Functions: ingest, Unseen: meets},
	{Grant: Grant{"s3:DeleteObjectVersion", inbox}, Functions: ingest, Unseen: meets},
	{Grant: Grant{"s3:DeleteObjectVersion", aside}, Functions: ingest, Unseen: meets},
	{Grant: Grant{"s3:ListBucketVersions", "Bucket.Arn"}, Functions: deleting},
	{Grant: Grant{"s3:ListBucketVersions", "Bucket.Arn"}, Functions: ingest, Unseen: meets},
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: []config.Function{config.Delete}},
	{Grant: Grant{"s3:GetObject", objects}, Functions: append(requests, read...)}, // get also needs it for the URLs that it signs; create and receive compare a retry with stored audio
	{Grant: Grant{"s3:GetObject", inbox}, Functions: read},
	{Grant: Grant{"s3:GetObject", imported}, Functions: get},
	{Grant: Grant{"s3:GetObject", objects}, Functions: share},
	{Grant: Grant{"s3:GetObject", inbox}, Functions: share, Unseen: "the suite makes no link of a recording from an inbox"},
	{Grant: Grant{"s3:GetObject", imported}, Functions: share, Unseen: "the suite makes no link of an imported recording"},
	{Grant: Grant{"s3:PutObject", objects}, Functions: requests}, // create also needs it for the uploads that it signs
	{Grant: Grant{"s3:GetObject", inbox}, Functions: requests, Unseen: lost},
	{Grant: Grant{"s3:GetObject", imported}, Functions: requests, Unseen: lost},
	{Grant: Grant{"s3:PutObject", inbox}, Functions: requests, Unseen: lost},
	{Grant: Grant{"s3:PutObject", imported}, Functions: requests, Unseen: lost},
	{Grant: Grant{"s3:PutObject", probes}, Functions: receive},
	{Grant: Grant{"s3:GetObject", probes}, Functions: receive},
	{Grant: Grant{"s3:PutObject", aside}, Functions: ingest},
	{Grant: Grant{"events:PutEvents", "Bus.Arn"}, Functions: []config.Function{config.Publish}},
	{Grant: Grant{"sqs:SendMessage", "IndexEvents.Arn"}, Functions: publish},
	{Grant: Grant{"s3:ListBucket", "Bucket.Arn"}, Functions: ingest},
	{
		Grant: Grant{"s3:ListBucket", "Bucket.Arn"}, Functions: slices.Concat(requests, get, share),
		Unseen: "without it, S3 answers 403 instead of 404 for a missing object",
	},
	{
		Grant: Grant{"kms:Decrypt", "KmsKeyArn"}, Functions: slices.Concat(upload, get, share),
		Unseen: "S3 uses the operator's KMS key in the name of the function that reads an object or writes it in parts",
	},
	{
		Grant: Grant{"kms:GenerateDataKey", "KmsKeyArn"}, Functions: upload,
		Unseen: "S3 uses the operator's KMS key in the name of the function that writes an object",
	},
	{Grant: Grant{"sqs:ReceiveMessage", "Arrivals.Arn"}, Functions: ingest, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:DeleteMessage", "Arrivals.Arn"}, Functions: ingest, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:GetQueueAttributes", "Arrivals.Arn"}, Functions: ingest, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:ReceiveMessage", "IndexEvents.Arn"}, Functions: index, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:DeleteMessage", "IndexEvents.Arn"}, Functions: index, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:GetQueueAttributes", "IndexEvents.Arn"}, Functions: index, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"dynamodb:DescribeStream", stream}, Functions: follow, Unseen: "Lambda reads the stream in the function's name"},
	{Grant: Grant{"dynamodb:GetRecords", stream}, Functions: follow, Unseen: "Lambda reads the stream in the function's name"},
	{Grant: Grant{"dynamodb:GetShardIterator", stream}, Functions: follow, Unseen: "Lambda reads the stream in the function's name"},
	{Grant: Grant{"dynamodb:ListStreams", stream}, Functions: follow, Unseen: "Lambda reads the stream in the function's name"},
	{Grant: Grant{"sqs:SendMessage", "DeadLetters.Arn"}, Functions: follow, Unseen: "Lambda sends the records that failed too often to the queue"},
	{Grant: Grant{"dynamodb:Scan", table}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"dynamodb:Scan", "${Table.Arn}/index/by_created"}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_created"}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"dynamodb:Query", table}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: sweeps, Unseen: daily},            // its progress, and recordings of audio that was not ingested
	{Grant: Grant{"dynamodb:UpdateItem", table}, Functions: sweeps, Unseen: daily},         // it finishes purges
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: sweeps, Unseen: daily},         // unused claims, dead links and empty counters
	{Grant: Grant{"dynamodb:BatchWriteItem", table}, Functions: sweeps, Unseen: daily},     // words of deleted recordings in the index
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: sweeps, Unseen: daily}, // that no recording uses a claim
	{Grant: Grant{"s3:ListBucket", "Bucket.Arn"}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:GetObject", objects}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:GetObject", inbox}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:GetObject", imported}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:GetObject", aside}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:GetObject", probes}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:GetObject", exports}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObject", objects}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObject", inbox}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObject", imported}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObject", aside}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObject", probes}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObject", exports}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObjectVersion", objects}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObjectVersion", inbox}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObjectVersion", imported}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObjectVersion", aside}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObjectVersion", probes}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:DeleteObjectVersion", exports}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:ListBucketVersions", "Bucket.Arn"}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"s3:PutObject", aside}, Functions: sweeps, Unseen: daily}, // rejected audio
	{Grant: Grant{"kms:Decrypt", "KmsKeyArn"}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"kms:GenerateDataKey", "KmsKeyArn"}, Functions: sweeps, Unseen: daily},
	{Grant: Grant{"xray:PutTraceSegments", anyone}, Functions: config.Lambdas(), Unseen: "Lambda sends the traces; X-Ray has no resource types"},
	{Grant: Grant{"xray:PutTelemetryRecords", anyone}, Functions: config.Lambdas(), Unseen: "Lambda sends the traces; X-Ray has no resource types"},
}

// Logs returns the permissions of a function on its log group. Lambda uses them on
// the function's behalf. name is the function's name in the template, such as "List".
func Logs(name string) []Grant {
	return []Grant{{"logs:CreateLogStream", name + "Log.Arn"}, {"logs:PutLogEvents", name + "Log.Arn"}}
}

// Of returns the grants that Table gives to f, sorted. If seen is true, it returns
// only the grants that the recorder must see in use.
func Of(f config.Function, seen bool) []Grant {
	var grants []Grant
	for _, row := range Table {
		if slices.Contains(row.Functions, f) && (row.Unseen == "" || !seen) {
			grants = append(grants, row.Grant)
		}
	}
	slices.SortFunc(grants, compare)
	return grants
}

// Sort sorts grants into the order that [Of] and [Grants] use.
func Sort(grants []Grant) { slices.SortFunc(grants, compare) }

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
	probes   = "${Bucket.Arn}/probes/*"
	stream   = "Table.StreamArn"
	anyone   = "*"
)

// lost is the reason for permissions on audio that no request has stored.
const lost = "only the retry of a request uses it, if an inbox or an import has brought the audio"

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
	ruled    = []config.Function{config.List, config.Get, config.Create, config.Patch, config.Delete, config.Access}
	access   = []config.Function{config.Access}
	share    = []config.Function{config.Share}
	index    = []config.Function{config.Index}
	issuers  = []config.Function{config.Fallback, config.Keys}
	deleting = []config.Function{config.Delete, config.Purge}
)

// Table lists what functions may do, apart from writing their logs ([Logs]).
var Table = []Allowed{
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_created"}, Functions: list},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_user"}, Functions: list},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: []config.Function{config.List, config.Get, config.Create, config.Patch, config.Delete, config.Receive, config.Purge, config.Ingest}},
	{Grant: Grant{"dynamodb:BatchGetItem", table}, Functions: append(share, ruled...), Unseen: "one call reads the rules about an account and a user; a token without a user needs only GetItem"},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:UpdateItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:BatchWriteItem", table}, Functions: index},
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: index, Unseen: "it checks that nothing is stored about a recording that died before it was indexed"},
	{Grant: Grant{"dynamodb:Query", table}, Functions: ruled, Unseen: "it reads the groups that a supervisor leads"},
	{Grant: Grant{"dynamodb:Query", table}, Functions: share}, // it lists the links of a recording
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: issuers, Unseen: "it reads one issuer of tokens again, or updates its keys"},
	{Grant: Grant{"dynamodb:Query", table}, Functions: issuers, Unseen: "it reads the issuers of tokens, which the suite has none of"},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: []config.Function{config.Keys}, Unseen: "keys runs every 15 minutes, and the suite has no issuers"},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: access},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: access},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: access},
	{Grant: Grant{"dynamodb:ConditionCheckItem", table}, Functions: access},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: share},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: share},
	{Grant: Grant{"dynamodb:DeleteItem", table}, Functions: share},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: []config.Function{config.Create, config.Patch, config.Delete, config.Receive, config.Ingest}},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: append(get, list...), Unseen: "it writes the audit trail, which is off by default"},
	{Grant: Grant{"dynamodb:UpdateItem", table}, Functions: deleting},
	{Grant: Grant{"s3:DeleteObject", objects}, Functions: append(ingest, deleting...)},
	{Grant: Grant{"s3:DeleteObject", inbox}, Functions: append(ingest, deleting...)},
	{Grant: Grant{"s3:DeleteObject", imported}, Functions: deleting},
	{Grant: Grant{"s3:DeleteObject", aside}, Functions: append(ingest, deleting...)},
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

package stack

import (
	"slices"

	"callrecordings/shared/config"
)

// Allowed is a row of the table of what functions may do.
type Allowed struct {
	Grant

	// Functions that may do it.
	Functions []config.Function
	// Unseen says why no call of the SDK shows it; "" means that calls do, so
	// the suite must see each of Functions make one.
	Unseen string
}

// The resources, as the template writes them.
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

// Functions, for the rows below.
var (
	follow   = []config.Function{config.Purge, config.Publish}
	get      = []config.Function{config.Get}
	ingest   = []config.Function{config.Ingest}
	upload   = []config.Function{config.Create, config.Receive, config.Ingest}
	receive  = []config.Function{config.Receive}
	hear     = []config.Function{config.Get, config.Ingest}
	list     = []config.Function{config.List}
	deleting = []config.Function{config.Delete, config.Purge}
)

// Table is what functions may do, beside their logs ([Logs]).
var Table = []Allowed{
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_created"}, Functions: list},
	{Grant: Grant{"dynamodb:Query", "${Table.Arn}/index/by_user"}, Functions: list},
	{Grant: Grant{"dynamodb:GetItem", table}, Functions: []config.Function{config.Get, config.Create, config.Patch, config.Delete, config.Receive, config.Purge, config.Ingest}},
	{Grant: Grant{"dynamodb:PutItem", table}, Functions: []config.Function{config.Create, config.Patch, config.Delete, config.Receive, config.Ingest}},
	{Grant: Grant{"dynamodb:UpdateItem", table}, Functions: deleting},
	{Grant: Grant{"s3:DeleteObject", objects}, Functions: append(ingest, deleting...)},
	{Grant: Grant{"s3:DeleteObject", inbox}, Functions: append(ingest, deleting...)},
	{Grant: Grant{"s3:DeleteObject", imported}, Functions: deleting},
	{Grant: Grant{"s3:DeleteObject", aside}, Functions: append(ingest, deleting...)},
	{Grant: Grant{"s3:GetObject", objects}, Functions: hear}, // and behind the URLs that get signs
	{Grant: Grant{"s3:GetObject", inbox}, Functions: hear},
	{Grant: Grant{"s3:GetObject", imported}, Functions: get},
	{Grant: Grant{"s3:PutObject", objects}, Functions: []config.Function{config.Create, config.Receive}}, // and behind the uploads that it signs
	{Grant: Grant{"s3:PutObject", probes}, Functions: receive},
	{Grant: Grant{"s3:GetObject", probes}, Functions: receive},
	{Grant: Grant{"s3:PutObject", aside}, Functions: ingest},
	{Grant: Grant{"events:PutEvents", "Bus.Arn"}, Functions: []config.Function{config.Publish}},
	{Grant: Grant{"s3:ListBucket", "Bucket.Arn"}, Functions: ingest},
	{
		Grant: Grant{"s3:ListBucket", "Bucket.Arn"}, Functions: append(receive, get...),
		Unseen: "without it S3 answers 403 instead of 404 for an object that is not there",
	},
	{
		Grant: Grant{"kms:Decrypt", "KmsKeyArn"}, Functions: append(upload, get...),
		Unseen: "S3 decrypts with a key of the operator's own in the name of whoever reads, or writes in parts",
	},
	{
		Grant: Grant{"kms:GenerateDataKey", "KmsKeyArn"}, Functions: upload,
		Unseen: "S3 encrypts with a key of the operator's own in the name of whoever writes",
	},
	{Grant: Grant{"sqs:ReceiveMessage", "Arrivals.Arn"}, Functions: ingest, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:DeleteMessage", "Arrivals.Arn"}, Functions: ingest, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"sqs:GetQueueAttributes", "Arrivals.Arn"}, Functions: ingest, Unseen: "Lambda reads the queue in the function's name"},
	{Grant: Grant{"dynamodb:DescribeStream", stream}, Functions: follow, Unseen: "Lambda reads the stream in the function's name"},
	{Grant: Grant{"dynamodb:GetRecords", stream}, Functions: follow, Unseen: "Lambda reads the stream in the function's name"},
	{Grant: Grant{"dynamodb:GetShardIterator", stream}, Functions: follow, Unseen: "Lambda reads the stream in the function's name"},
	{Grant: Grant{"dynamodb:ListStreams", stream}, Functions: follow, Unseen: "Lambda reads the stream in the function's name"},
	{Grant: Grant{"sqs:SendMessage", "DeadLetters.Arn"}, Functions: follow, Unseen: "Lambda puts what was given up into the queue"},
	{Grant: Grant{"xray:PutTraceSegments", anyone}, Functions: config.Lambdas(), Unseen: "Lambda traces; X-Ray knows no resources"},
	{Grant: Grant{"xray:PutTelemetryRecords", anyone}, Functions: config.Lambdas(), Unseen: "Lambda traces; X-Ray knows no resources"},
}

// Logs are what each function may do with its log group, which Lambda does in
// its name; name is the function's in the template, "List".
func Logs(name string) []Grant {
	return []Grant{{"logs:CreateLogStream", name + "Log.Arn"}, {"logs:PutLogEvents", name + "Log.Arn"}}
}

// Of returns the rows' grants to f, sorted; seen limits them to those that
// calls of the SDK show.
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

// Sort puts grants into the order of [Of] and [Grants].
func Sort(grants []Grant) { slices.SortFunc(grants, compare) }

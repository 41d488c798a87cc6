//go:build e2e

package deployed_test

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/e2e/stack"
	"github.com/callrecordings/api/shared/config"
)

// resource is a resource of the processed template.
type resource struct {
	Type                string
	Condition           string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          any
}

// processed returns the resources of the deployed template, as SAM's transform
// wrote it.
func processed(t *testing.T) map[string]resource {
	t.Helper()
	text, err := os.ReadFile(given.Variable(t, "PROCESSED"))
	if err != nil {
		t.Fatal(err)
	}
	var tmpl struct{ Resources map[string]resource }
	if err := json.Unmarshal(text, &tmpl); err != nil {
		t.Fatal(err)
	}
	if len(tmpl.Resources) == 0 {
		t.Fatal("the processed template has no resources")
	}
	return tmpl.Resources
}

// at returns the value at a path of names and indices joined by "/".
func at(v any, path string) any {
	for step := range strings.SplitSeq(path, "/") {
		switch in := v.(type) {
		case map[string]any:
			v = in[strings.ReplaceAll(step, "~1", "/")]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// An emulator accepts these settings but does not act on them, so the test
// compares the template itself. The values are JSON, as the transform writes them.
func TestTemplate(t *testing.T) {
	resources := processed(t)
	for _, c := range []struct{ resource, path, want string }{
		{"Table", "PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", `true`},
		{"Table", "SSESpecification/SSEEnabled", `true`},
		{"Table", "DeletionProtectionEnabled", `{"Fn::If":["IsProtected",true,false]}`},
		{"Table", "StreamSpecification/StreamViewType", `"NEW_AND_OLD_IMAGES"`},
		{"Table", "TimeToLiveSpecification", `{"AttributeName":"expires","Enabled":true}`},
		{"Bucket", "PublicAccessBlockConfiguration", `{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}`},
		{"Bucket", "OwnershipControls/Rules/0/ObjectOwnership", `"BucketOwnerEnforced"`},
		{"Bucket", "VersioningConfiguration/Status", `"Enabled"`},
		{
			"Bucket", "BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault",
			`{"KMSMasterKeyID":{"Fn::If":["HasKmsKey",{"Ref":"KmsKeyArn"},{"Ref":"AWS::NoValue"}]},"SSEAlgorithm":{"Fn::If":["HasKmsKey","aws:kms","AES256"]}}`,
		},
		{"Bucket", "LifecycleConfiguration/Rules/0", `{"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":2},"Id":"abandoned-uploads","Status":"Enabled"}`},
		{
			"Bucket", "LifecycleConfiguration/Rules/1",
			`{"ExpiredObjectDeleteMarker":true,"Id":"deleted-audio","NoncurrentVersionExpiration":{"NoncurrentDays":{"Ref":"DeletedAudioDays"}},"Status":"Enabled"}`,
		},
		{"Bucket", "LifecycleConfiguration/Rules/2", `{"ExpirationInDays":{"Ref":"SetAsideDays"},"Id":"set-aside","Prefix":"set-aside/","Status":"Enabled"}`},
		{"Bucket", "LifecycleConfiguration/Rules/3", `{"ExpirationInDays":7,"Id":"exports","Prefix":"exports/","Status":"Enabled"}`},
		{"Bucket", "LifecycleConfiguration/Rules/4", `{"ExpirationInDays":1,"Id":"probes","Prefix":"probes/","Status":"Enabled"}`},
		{
			"Bucket", "NotificationConfiguration/QueueConfigurations",
			`[{"Event":"s3:ObjectCreated:*","Filter":{"S3Key":{"Rules":[{"Name":"prefix","Value":"recordings/"}]}},"Queue":{"Fn::GetAtt":["Arrivals","Arn"]}},{"Event":"s3:ObjectCreated:*","Filter":{"S3Key":{"Rules":[{"Name":"prefix","Value":"inbox/"}]}},"Queue":{"Fn::GetAtt":["Arrivals","Arn"]}}]`,
		},
		{"Bucket", "CorsConfiguration/CorsRules/0/AllowedMethods", `["GET","HEAD","PUT"]`},
		{"Arrivals", "SqsManagedSseEnabled", `true`},
		{"Arrivals", "RedrivePolicy", `{"deadLetterTargetArn":{"Fn::GetAtt":["ArrivalsDeadLetters","Arn"]},"maxReceiveCount":5}`},
		{"ArrivalsDeadLetters", "SqsManagedSseEnabled", `true`},
		{"ArrivalsDeadLetters", "MessageRetentionPeriod", `1209600`},
		{"ArrivalsPolicy", "PolicyDocument/Statement/0/Principal", `{"Service":"s3.amazonaws.com"}`},
		{"ArrivalsPolicy", "PolicyDocument/Statement/0/Condition/StringEquals", `{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}`},
		{"IngestFunctionArrivals", "FunctionResponseTypes", `["ReportBatchItemFailures"]`},
		{"IngestFunctionArrivals", "BatchSize", `1`},
		{"IngestFunctionArrivals", "ScalingConfig/MaximumConcurrency", `{"Fn::If":["HasIngestConcurrency",{"Ref":"IngestConcurrency"},100]}`},
		{"PurgeFunctionTombstones", "MaximumRetryAttempts", `-1`},
		{"PurgeFunctionTombstones", "MaximumRecordAgeInSeconds", `43200`},
		{"PublishFunctionChanges", "MaximumRecordAgeInSeconds", `82800`},
		{"PublishFunctionChanges", "ParallelizationFactor", `4`},
		{"PublishFunctionChanges", "FunctionResponseTypes", `["ReportBatchItemFailures"]`},
		{"PublishFunctionChanges", "MaximumRetryAttempts", `-1`},
		{"PublishFunctionChanges", "StartingPosition", `"TRIM_HORIZON"`},
		{"PublishFunctionChanges", "DestinationConfig/OnFailure/Destination", `{"Fn::GetAtt":["DeadLetters","Arn"]}`},
		{"BucketPolicy", "PolicyDocument/Statement/0/Condition", `{"Bool":{"aws:SecureTransport":"false"}}`},
		{"BucketPolicy", "PolicyDocument/Statement/1/Condition", `{"NumericLessThan":{"s3:TlsVersion":"1.2"}}`},
		{"BucketPolicy", "PolicyDocument/Statement/0/Effect", `"Deny"`},
		{"BucketPolicy", "PolicyDocument/Statement/1/Effect", `"Deny"`},
		{"DeadLetters", "SqsManagedSseEnabled", `true`},
		{"DeadLetters", "MessageRetentionPeriod", `1209600`},
		{"ApiliveStage", "TracingEnabled", `false`},
		{"ApiliveStage", "StageName", `"live"`},
		{"ApiliveStage", "Variables", `null`},
		{"ApiliveStage", "AccessLogSetting/DestinationArn", `{"Fn::GetAtt":["ApiLog","Arn"]}`},
		{"ApiliveStage", "MethodSettings/0/ThrottlingRateLimit", `{"Ref":"ThrottleRate"}`},
		{"ApiliveStage", "MethodSettings/0/ThrottlingBurstLimit", `{"Ref":"ThrottleBurst"}`},
		{"ApiliveStage", "MethodSettings/0/ResourcePath", `"/*"`},
		{"ApiliveStage", "MethodSettings/0/HttpMethod", `"*"`},
		{"ApiliveStage", "MethodSettings/0/LoggingLevel", `"OFF"`},
		{"ApiliveStage", "MethodSettings/0/DataTraceEnabled", `false`},
		{"Api", "EndpointConfiguration/Types", `["REGIONAL"]`},
		{"Api", "Body/x-amazon-apigateway-binary-media-types/0", `"*/*"`},
		{"Domain", "SecurityPolicy", `"TLS_1_2"`},
		{"AddressQuotas", "Rules/0/Statement/RateBasedStatement/Limit", `{"Ref":"AddressQuota"}`},
		{"AddressQuotas", "Rules/0/Action/Block/CustomResponse/ResponseCode", `429`},
		{"PurgeFunctionTombstones", "FunctionResponseTypes", `["ReportBatchItemFailures"]`},
		{"PurgeFunctionTombstones", "DestinationConfig/OnFailure/Destination", `{"Fn::GetAtt":["DeadLetters","Arn"]}`},
	} {
		got, err := json.Marshal(at(resources[c.resource].Properties, c.path))
		if err != nil || string(got) != c.want {
			t.Errorf("%s/%s = %s, %v, want %s", c.resource, c.path, got, err, c.want)
		}
	}
}

// Only the data and the API Gateway account settings remain when the stack is
// deleted.
func TestDataIsRetained(t *testing.T) {
	for name, r := range processed(t) {
		switch name {
		case "Table", "Bucket", "ApiLogRole", "ApiAccount": // the last two may serve other APIs as well
			if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
				t.Errorf("%s: DeletionPolicy %q, UpdateReplacePolicy %q, want Retain", name, r.DeletionPolicy, r.UpdateReplacePolicy)
			}
		default:
			if r.DeletionPolicy != "" {
				t.Errorf("%s: DeletionPolicy %q, want none", name, r.DeletionPolicy)
			}
		}
	}
}

// The deployer's policy covers the types that SAM's transform writes.
func TestDeployerPolicyCoversTheProcessedTemplate(t *testing.T) {
	var types []string
	for _, r := range processed(t) {
		types = append(types, r.Type)
	}
	slices.Sort(types)
	if got, want := stack.DeployerTypes(), slices.Compact(types); !slices.Equal(got, want) {
		t.Errorf("types in the policy: %q\nin the processed template: %q", got, want)
	}
}

func TestEveryFunctionIsTracedLimitedAndLogged(t *testing.T) {
	functions := 0
	for name, r := range processed(t) {
		if r.Type != "AWS::Lambda::Function" {
			continue
		}
		functions++
		short := strings.TrimSuffix(name, "Function")
		for path, want := range map[string]string{
			"Role":               `{"Fn::GetAtt":["` + short + `Role","Arn"]}`,
			"TracingConfig/Mode": `"Active"`,
			"Environment/Variables/METRICS_NAMESPACE": `{"Fn::If":["HasMetrics",{"Fn::Sub":"CallRecordings/${AWS::StackName}"},""]}`,
			"LoggingConfig/LogFormat":                 `"JSON"`,
			"LoggingConfig/LogGroup":                  `{"Ref":"` + short + `Log"}`,
			"ReservedConcurrentExecutions":            `{"Fn::If":["Has` + short + `Concurrency",{"Ref":"` + short + `Concurrency"},{"Ref":"AWS::NoValue"}]}`,
		} {
			if got, err := json.Marshal(at(r.Properties, path)); err != nil || string(got) != want {
				t.Errorf("%s/%s = %s, %v, want %s", name, path, got, err, want)
			}
		}
	}
	if want := len(config.Lambdas()); functions != want {
		t.Errorf("%d functions, want %d", functions, want)
	}
}

func TestLogsAreKeptForATime(t *testing.T) {
	for name, r := range processed(t) {
		if got, _ := json.Marshal(at(r.Properties, "RetentionInDays")); r.Type == "AWS::Logs::LogGroup" && string(got) != `{"Ref":"LogRetentionDays"}` {
			t.Errorf("%s is kept for %s days", name, got)
		}
	}
}

// The gateway's access log contains only these variables. Others could reveal
// tokens (in queries), IDs (in paths), or personal data.
func TestAccessLogHoldsNoSecret(t *testing.T) {
	format, _ := at(processed(t)["ApiliveStage"].Properties, "AccessLogSetting/Format").(string)
	var line map[string]string
	if err := json.Unmarshal([]byte(format), &line); err != nil {
		t.Fatalf("the log format is not JSON: %v: %s", err, format)
	}
	allowed := []string{
		"$context.requestId", "$context.requestTimeEpoch", "$context.httpMethod", "$context.resourcePath", "$context.status",
		"$context.responseLength", "$context.responseLatency", "$context.integrationLatency", "$context.integrationStatus",
		"$context.error.responseType", "$context.xrayTraceId",
	}
	for name, variable := range line {
		if !slices.Contains(allowed, variable) {
			t.Errorf("%s logs %s", name, variable)
		}
	}
	if len(line) == 0 {
		t.Error("nothing is logged")
	}
}

// The gateway's own answers have the envelope and the CORS headers (contract,
// Envelope).
func TestGatewayResponsesHaveTheEnvelope(t *testing.T) {
	const prefix = "Body/x-amazon-apigateway-gateway-responses"
	responses, _ := at(processed(t)["Api"].Properties, prefix).(map[string]any)
	statuses := map[string]string{
		"REQUEST_TOO_LARGE": "413", "UNSUPPORTED_MEDIA_TYPE": "415", "THROTTLED": "429", "QUOTA_EXCEEDED": "429",
		"INTEGRATION_TIMEOUT": "503", "INTEGRATION_FAILURE": "503", "MISSING_AUTHENTICATION_TOKEN": "404", "RESOURCE_NOT_FOUND": "404",
		"WAF_FILTERED": "403", "ACCESS_DENIED": "403", "DEFAULT_4XX": "400", "DEFAULT_5XX": "503",
	}
	for name, status := range statuses {
		r := responses[name]
		if got, _ := at(r, "statusCode").(string); got != status {
			t.Errorf("%s: status %q, want %s", name, got, status)
		}
		text, _ := at(r, "responseTemplates/application~1json").(string)
		var body struct {
			Data      struct{ Message string }
			Error     string
			Message   string
			Status    string
			RequestID string `json:"request_id"`
			Version   string
		}
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Errorf("%s: %v: %s", name, err, text)
			continue
		}
		if body.Error != status || body.Status != "error" || body.Message == "" || body.Data.Message == "" ||
			body.RequestID != "$context.requestId" || body.Version != "1.0.0" {
			t.Errorf("%s: %s is not a valid envelope", name, text)
		}
		for header, want := range map[string]string{
			"Access-Control-Allow-Origin":   `{"Fn::Sub":"'${CorsOrigin}'"}`,
			"Access-Control-Expose-Headers": `"'content-type, x-auth-token, x-request-id, retry-after'"`,
			"X-Request-ID":                  `"context.requestId"`,
		} {
			if got, _ := json.Marshal(at(r, "responseParameters/gatewayresponse.header."+header)); string(got) != want {
				t.Errorf("%s: %s is %s, want %s", name, header, got, want)
			}
		}
		retryAfter := at(r, "responseParameters/gatewayresponse.header.Retry-After") != nil
		if want := status == "429" || status == "503"; retryAfter != want {
			t.Errorf("%s: has Retry-After: %v, want %v", name, retryAfter, want)
		}
	}
	for name := range responses {
		if statuses[name] == "" {
			t.Errorf("%s is in the template but not in this test", name)
		}
	}
}

// Every alarm can notify the SNS topic, and docs/how-to/alarms.md has a section for it.
func TestAlarms(t *testing.T) {
	guide, err := os.ReadFile("../../docs/how-to/alarms.md")
	if err != nil {
		t.Fatal(err)
	}
	var alarms []string
	for name, r := range processed(t) {
		if r.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		alarms = append(alarms, name)
		if got, _ := json.Marshal(at(r.Properties, "AlarmActions")); string(got) != `{"Fn::If":["HasAlarmTopic",[{"Ref":"AlarmTopicArn"}],{"Ref":"AWS::NoValue"}]}` {
			t.Errorf("%s: AlarmActions %s", name, got)
		}
		missing := "notBreaching"
		if name == "ReconcileAlarm" { // its metric comes once a day
			missing = "ignore"
		}
		if got, _ := at(r.Properties, "TreatMissingData").(string); got != missing {
			t.Errorf("%s: TreatMissingData %q, want %q", name, got, missing)
		}
		if !strings.Contains(string(guide), "## "+name+"\n") {
			t.Errorf("docs/how-to/alarms.md has no section for %s", name)
		}
	}
	slices.Sort(alarms)
	want := []string{
		"ArrivalsAgeAlarm", "ArrivalsDeadLettersAlarm", "ArrivalsRefusedAlarm", "BackgroundThrottlesAlarm", "DeadLettersAlarm", "ExpireErrorsAlarm",
		"FeedThrottlesAlarm", "FunctionThrottlesAlarm", "IndexAgeAlarm", "IndexDeadLettersAlarm", "JobsDeadLettersAlarm", "LatencyAlarm", "ManagementThrottlesAlarm", "PublishAgeAlarm",
		"ReconcileAlarm", "ReconcileErrorsAlarm", "ServerErrorsAlarm", "StreamAgeAlarm", "TableThrottlesAlarm", "WebhooksAlarm",
		"WebhooksParkedAlarm",
	}
	if !slices.Equal(alarms, want) {
		t.Errorf("alarms %q, want %q", alarms, want)
	}
}

// The dashboard's body is JSON even before its variables are substituted.
func TestDashboard(t *testing.T) {
	body, _ := at(processed(t)["Dashboard"].Properties, "DashboardBody/Fn::Sub/0").(string)
	var board struct {
		Widgets []struct {
			Type       string
			Properties struct{ Title string }
		}
	}
	if err := json.Unmarshal([]byte(body), &board); err != nil || len(board.Widgets) < 5 {
		t.Fatalf("%d widgets, %v:\n%s", len(board.Widgets), err, body)
	}
	for i, w := range board.Widgets {
		if w.Type == "" || w.Properties.Title == "" {
			t.Errorf("widget %d has no type or title: %+v", i, w)
		}
	}
}

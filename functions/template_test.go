package functions_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
)

// values is a mapping of the template. Values with a tag such as !Ref or !If are read
// without it.
type values = map[string]any

// properties returns the properties of the template's resources of a type, by name.
func properties(t *testing.T, kind string) map[string]values {
	t.Helper()
	text, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tmpl struct {
		Resources map[string]struct {
			Type       string `yaml:"Type"`
			Properties values `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		t.Fatal(err)
	}
	found := map[string]values{}
	for name, r := range tmpl.Resources {
		if r.Type == kind {
			found[name] = r.Properties
		}
	}
	return found
}

// resource returns the name of a function's resource.
func resource(f config.Function) string {
	return strings.ToUpper(string(f[:1])) + string(f[1:]) + "Function"
}

// minTries is the least number of tries before a message goes to a dead-letter
// queue, as AWS recommends
// (docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
const minTries = 5

// A message that is never begun must not cost a try, but a queue counts every receive.
// So each invocation gets one message, and the pollers of the queue make no more
// invocations at once than the function's concurrency allows: otherwise, they would
// receive messages and be throttled. Streams do not count tries.
func TestNoMessageIsChargedForAnother(t *testing.T) {
	t.Parallel()
	queues := properties(t, "AWS::SQS::Queue")
	woken := map[string]bool{}
	for name, f := range properties(t, "AWS::Serverless::Function") {
		events, _ := f["Events"].(values)
		for event, e := range events {
			source := e.(values)["Properties"].(values)
			var want values
			switch e.(values)["Type"] {
			case "SQS":
				short := strings.TrimSuffix(name, "Function")
				set, parameter := "Has"+short+"Concurrency", short+"Concurrency"
				compare(t, name, f, values{"ReservedConcurrentExecutions": []any{set, parameter, "AWS::NoValue"}})
				compareQueue(t, queues[strings.TrimSuffix(source["Queue"].(string), ".Arn")], f["Timeout"].(int))
				want = values{"BatchSize": 1, "ScalingConfig": values{"MaximumConcurrency": []any{set, parameter, 100}}}
			case "DynamoDB":
				// one batch that fails holds up a part of a shard, and only until it is small
				want = values{
					"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": 43200,
					"ParallelizationFactor": 4, "BisectBatchOnFunctionError": true,
				}
				if name == "PublishFunction" { // changes that it gives up are missing from the feed
					want["MaximumRecordAgeInSeconds"] = 82800
				}
			case "Schedule":
				woken[name] = true
				if name == resource(config.Work) { // see event in functions/internal/jobqueue
					compare(t, name, source, values{"Input": `{"wake":true}`})
				}
				continue
			default:
				continue
			}
			woken[name] = true
			want["FunctionResponseTypes"] = []any{"ReportBatchItemFailures"}
			compare(t, name+", event "+event, source, want)
		}
	}
	if background := len(config.Lambdas()) - len(operations()); len(woken) != background {
		t.Errorf("%d functions have a queue, a stream or a schedule, want %d", len(woken), background)
	}
}

// compare compares some properties.
func compare(t *testing.T, name string, got, want values) {
	t.Helper()
	for property, value := range want {
		if diff := cmp.Diff(value, got[property]); diff != "" {
			t.Errorf("template.yaml: %s: %s (-want +got):\n%s", name, property, diff)
		}
	}
}

// compareQueue checks the queue of a function with that timeout in seconds.
func compareQueue(t *testing.T, queue values, timeout int) {
	t.Helper()
	redrive, _ := queue["RedrivePolicy"].(values)
	if tries, _ := redrive["maxReceiveCount"].(int); tries < minTries {
		t.Errorf("template.yaml: maxReceiveCount %v, want at least %d", redrive["maxReceiveCount"], minTries)
	}
	if hidden := queue["VisibilityTimeout"]; hidden != 6*timeout {
		t.Errorf("template.yaml: VisibilityTimeout %v, want 6 times the function's Timeout of %d s", hidden, timeout)
	}
}

// operations returns the functions that answer requests: those of the API's operations,
// and the one that serves the console.
func operations() []config.Function {
	found := []config.Function{config.Function(api.OpFallback), config.Console}
	for _, r := range api.Routes {
		if f := config.Function(r.Op); !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	slices.Sort(found)
	return found
}

// Every operation of the API has a function, in a folder of that name (see
// TestEveryFolderIsAFunction).
func TestEveryOperationHasAFolder(t *testing.T) {
	t.Parallel()
	for _, f := range operations() {
		if !slices.Contains(config.Lambdas(), f) {
			t.Errorf("no function serves the operation %s; the functions are %q", f, config.Lambdas())
		}
	}
}

// maxMetrics is the most metrics that one alarm can watch
// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html).
const maxMetrics = 10

// watched returns the functions for which an alarm watches throttles.
func watched(t *testing.T, name string, alarm values) (functions []string) {
	t.Helper()
	metrics, _ := alarm["Metrics"].([]any)
	stats := 0
	for _, m := range metrics {
		if choice, ok := m.([]any); ok {
			m = choice[1] // of a function that the stack may lack
		}
		stat, ok := m.(values)["MetricStat"].(values)
		if !ok {
			continue // the sum
		}
		stats++
		metric := stat["Metric"].(values)
		if metric["MetricName"] != "Throttles" {
			continue
		}
		for _, d := range metric["Dimensions"].([]any) {
			functions = append(functions, fmt.Sprint(d.(values)["Value"]))
		}
	}
	if stats > maxMetrics {
		t.Errorf("template.yaml: %s watches %d metrics, but CloudWatch allows %d: add another alarm", name, stats, maxMetrics)
	}
	return functions
}

// managing are functions that answer requests of administrators. They have an alarm of
// their own, because one alarm cannot watch all.
var managing = []config.Function{config.Retention, config.Jobs}

// An alarm watches the throttles of every function: one alarm those that answer
// requests, one those that answer administrators, one those of the feed, and another the others.
func TestAlarmsWatchEveryFunction(t *testing.T) {
	t.Parallel()
	watch := map[string]string{} // the alarm of a function
	for name, alarm := range properties(t, "AWS::CloudWatch::Alarm") {
		for _, f := range watched(t, name, alarm) {
			if watch[f] != "" {
				t.Errorf("template.yaml: %s and %s both watch the throttles of %s", watch[f], name, f)
			}
			watch[f] = name
		}
	}
	for _, f := range config.Lambdas() {
		want := "BackgroundThrottlesAlarm"
		switch {
		case f == config.Changes || f == config.Deliver:
			want = "FeedThrottlesAlarm"
		case slices.Contains(managing, f):
			want = "ManagementThrottlesAlarm"
		case slices.Contains(operations(), f):
			want = "FunctionThrottlesAlarm"
		}
		if got := watch[resource(f)]; got != want {
			t.Errorf("template.yaml: the alarm for the throttles of %s is %q, want %s", resource(f), got, want)
		}
		delete(watch, resource(f))
	}
	for f, name := range watch {
		t.Errorf("template.yaml: %s watches %s, which is not a function", name, f)
	}
}

// The dashboard shows the concurrency and the throttles of every function, and every
// alarm.
func TestDashboardShowsEveryFunction(t *testing.T) {
	t.Parallel()
	board := properties(t, "AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"].([]any)[0].(string)
	for _, f := range config.Lambdas() {
		for _, metric := range []string{"Throttles", "ConcurrentExecutions"} {
			if !strings.Contains(board, `["AWS/Lambda","`+metric+`","FunctionName","${`+resource(f)+`}"`) {
				t.Errorf("template.yaml: the dashboard does not show %s of %s", metric, resource(f))
			}
		}
	}
	for alarm := range properties(t, "AWS::CloudWatch::Alarm") {
		if !strings.Contains(board, `"${`+alarm+`.Arn}"`) {
			t.Errorf("template.yaml: the dashboard does not show %s", alarm)
		}
	}
}

// The collector's settings fit the memory of a function. GOGC alone would let a large
// live heap grow beyond it, and a limit above it would not protect.
func TestMemoryOfTheCollector(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tmpl struct {
		Globals struct {
			Function struct {
				MemorySize  int `yaml:"MemorySize"`
				Environment struct {
					Variables map[string]any `yaml:"Variables"`
				} `yaml:"Environment"`
			} `yaml:"Function"`
		} `yaml:"Globals"`
	}
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		t.Fatal(err)
	}
	f := tmpl.Globals.Function
	var limit int
	if _, err := fmt.Sscanf(fmt.Sprint(f.Environment.Variables["GOMEMLIMIT"]), "%dMiB", &limit); err != nil {
		t.Fatalf("GOMEMLIMIT = %v: %v", f.Environment.Variables["GOMEMLIMIT"], err)
	}
	if f.Environment.Variables["GOGC"] == nil || limit > f.MemorySize*4/5 {
		t.Errorf("GOGC %v, GOMEMLIMIT %d MiB of %d MB, want GOGC, and at most four fifths", f.Environment.Variables["GOGC"], limit, f.MemorySize)
	}
	for name, p := range properties(t, "AWS::Serverless::Function") {
		if size, ok := p["MemorySize"].(int); ok && size < f.MemorySize {
			t.Errorf("%s has %d MB, and the limit of all functions is %d MiB", name, size, limit)
		}
	}
}

// The functions that stream and wait may take and give back their places, and write no entries
// of other kinds.
func TestFunctionsMayTakeTheirPlaces(t *testing.T) {
	t.Parallel()
	roles := properties(t, "AWS::IAM::Role")
	for role, want := range map[string]map[string][]any{
		"GetRole": {
			"dynamodb:PutItem":    {"#waits/*", "#streams/*", "#audit/*", "#auditdays/*"},
			"dynamodb:DeleteItem": {"#waits/*", "#streams/*"},
		},
		"ShareRole": {
			"dynamodb:PutItem":    {"#account/*", "#streams/*", "#audit/*", "#auditdays/*"},
			"dynamodb:DeleteItem": {"#account/*", "#streams/*"},
		},
		"ChangesRole": {
			"dynamodb:PutItem":    {"#feed", "#waits/*", "#audit/*", "#auditdays/*"},
			"dynamodb:DeleteItem": {"#waits/*"},
		},
	} {
		policy := roles[role]["Policies"].([]any)[0].(values)["PolicyDocument"].(values)
		got := map[string][]any{}
		for _, s := range policy["Statement"].([]any) {
			statement, _ := s.(values) // not an optional one
			condition, _ := statement["Condition"].(values)
			keys, _ := condition["ForAllValues:StringLike"].(values)
			for action := range want {
				if actions, _ := statement["Action"].([]any); slices.Contains(actions, any(action)) {
					got[action], _ = keys["dynamodb:LeadingKeys"].([]any)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +template.yaml):\n%s", role, diff)
		}
	}
}

// A function that deletes versions of the audio of recordings has the right to go past a lock. It
// has it whatever ObjectLock is, because a bucket keeps its locks when the parameter goes back to
// off. The same holds for the function that unlocks. Nothing else is ever locked, so no function may
// go past locks elsewhere.
func TestVersionsCanBeDeletedUnderObjectLock(t *testing.T) {
	t.Parallel()
	roles := properties(t, "AWS::IAM::Role")
	lockable := []string{"${Bucket.Arn}/recordings/*", "${Bucket.Arn}/inbox/*", "${Bucket.Arn}/imported/*"}
	deleting, unlocking := 0, 0
	for name, role := range roles {
		past := always(t, role, "s3:BypassGovernanceRetention")
		for _, resource := range past {
			if !slices.Contains(lockable, resource) {
				t.Errorf("%s may go past locks of %s, where nothing is locked", name, resource)
			}
		}
		for _, action := range []string{"s3:DeleteObjectVersion", "s3:PutObjectRetention"} {
			for _, resource := range always(t, role, action) {
				if !slices.Contains(lockable, resource) {
					continue
				}
				if action == "s3:PutObjectRetention" {
					unlocking++
				} else {
					deleting++
				}
				if !slices.Contains(past, resource) {
					t.Errorf("%s may %s of %s, but not always go past a lock", name, action, resource)
				}
			}
		}
	}
	if deleting == 0 || unlocking != len(lockable) {
		t.Errorf("%d resources with versions to delete and %d to unlock, want some, and %d", deleting, unlocking, len(lockable))
	}
}

// always returns the resources on which a role may do an action under every condition of the
// template.
func always(t *testing.T, role values, action string) []string {
	t.Helper()
	var resources []string
	policies, _ := role["Policies"].([]any)
	for _, p := range policies {
		for _, s := range p.(values)["PolicyDocument"].(values)["Statement"].([]any) {
			statement, ok := s.(values) // otherwise an !If
			if !ok || !slices.Contains(statement["Action"].([]any), any(action)) {
				continue
			}
			list, ok := statement["Resource"].([]any)
			if !ok {
				list = []any{statement["Resource"]}
			}
			for _, r := range list {
				resources = append(resources, r.(string))
			}
		}
	}
	return resources
}

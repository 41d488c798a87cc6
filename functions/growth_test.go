package functions_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// twoWeeks is the longest time in seconds for which SQS keeps a message.
const twoWeeks = 14 * 24 * 60 * 60

// section returns the part of the operator's guide under a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/how-to/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("operate.md has no %q", heading)
	}
	part, _, _ := strings.Cut(after, "\n#")
	return part
}

// row returns the row of a table that names text in its first cell; "" without one.
func row(table, text string) string {
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.Contains(cells[1], text) {
			return line
		}
	}
	return ""
}

// Every queue keeps its messages as long as SQS allows, hands those that fail to a
// dead-letter queue, and each of those has an alarm. The guide names all of them.
func TestQueuesAreBounded(t *testing.T) {
	t.Parallel()
	table := section(t, "### On AWS")
	watched := map[string]bool{}
	for _, alarm := range properties(t, "AWS::CloudWatch::Alarm") {
		dimensions, _ := alarm["Dimensions"].([]any)
		if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible" {
			for _, d := range dimensions {
				name, _, _ := strings.Cut(fmt.Sprint(d.(values)["Value"]), ".")
				watched[name] = true
			}
		}
	}
	queues := properties(t, "AWS::SQS::Queue")
	if len(queues) < 7 {
		t.Errorf("template.yaml: the test finds only %d queues", len(queues))
	}
	for name, queue := range queues {
		if queue["MessageRetentionPeriod"] != twoWeeks {
			t.Errorf("template.yaml: %s keeps messages for %v s, want %d", name, queue["MessageRetentionPeriod"], twoWeeks)
		}
		redrive, _ := queue["RedrivePolicy"].(values)
		switch dead := strings.HasSuffix(name, "DeadLetters"); {
		case dead && !watched[name]:
			t.Errorf("template.yaml: no alarm watches %s", name)
		case !dead && redrive == nil:
			t.Errorf("template.yaml: %s has no dead-letter queue", name)
		case !dead && !strings.Contains(row(table, "`"+name+"`"), fmt.Sprint(redrive["maxReceiveCount"])):
			t.Errorf("operate.md: the row of %s does not name %v tries", name, redrive["maxReceiveCount"])
		}
		if !strings.Contains(row(table, "`"+name+"`"), "14 days") {
			t.Errorf("operate.md: the row of %s does not name 14 days", name)
		}
	}
}

// Every log group loses its lines in the end, and every function writes to one of them.
func TestLogsAreBounded(t *testing.T) {
	t.Parallel()
	groups := properties(t, "AWS::Logs::LogGroup")
	for name, group := range groups {
		if group["RetentionInDays"] != "LogRetentionDays" {
			t.Errorf("template.yaml: %s keeps lines for %v, want LogRetentionDays", name, group["RetentionInDays"])
		}
	}
	for name, function := range properties(t, "AWS::Serverless::Function") {
		logging, _ := function["LoggingConfig"].(values)
		if group := fmt.Sprint(logging["LogGroup"]); groups[group] == nil {
			t.Errorf("template.yaml: %s writes to %s, which is not a log group of the template", name, group)
		}
	}
	if row(section(t, "### On AWS"), "log groups") == "" {
		t.Error("operate.md does not name the log groups")
	}
}

// Every lifecycle rule of the bucket is enabled and in the guide, with its days. The rules
// cover the objects that the service does not remove by itself.
func TestTheBucketIsBounded(t *testing.T) {
	t.Parallel()
	table := section(t, "### On AWS")
	lifecycle, _ := properties(t, "AWS::S3::Bucket")["Bucket"]["LifecycleConfiguration"].(values)
	rules, _ := lifecycle["Rules"].([]any)
	want := map[string]struct {
		prefix, days string
	}{
		"abandoned-uploads": {"", "2"}, "deleted-audio": {"", "DeletedAudioDays"},
		"set-aside": {"set-aside/", "SetAsideDays"}, "exports": {"exports/", "7"}, "probes": {"probes/", "1"},
	}
	for _, r := range rules {
		rule, _ := r.(values)
		id := fmt.Sprint(rule["Id"])
		w, ok := want[id]
		if !ok {
			t.Errorf("template.yaml: rule %s is not in this test", id)
			continue
		}
		delete(want, id)
		aborted, _ := rule["AbortIncompleteMultipartUpload"].(values)
		former, _ := rule["NoncurrentVersionExpiration"].(values)
		days := []string{fmt.Sprint(rule["ExpirationInDays"]), fmt.Sprint(aborted["DaysAfterInitiation"]), fmt.Sprint(former["NoncurrentDays"])}
		prefix, _ := rule["Prefix"].(string)
		if rule["Status"] != "Enabled" || prefix != w.prefix || !slices.Contains(days, w.days) {
			t.Errorf("template.yaml: rule %s is %v, want it enabled for %q with %s days", id, rule, w.prefix, w.days)
		}
		line := ""
		for l := range strings.Lines(table) {
			if strings.Contains(l, "the lifecycle rule `"+id+"`") {
				line = l
			}
		}
		if !strings.Contains(line, w.days) || !strings.Contains(line, strings.TrimSuffix(w.prefix, "/")) {
			t.Errorf("operate.md: the row of rule %s is %q, want %s days", id, line, w.days)
		}
	}
	for id := range want {
		t.Errorf("template.yaml: rule %s is missing", id)
	}
}

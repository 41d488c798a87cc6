package operator_test

import (
	"strings"
	"testing"
)

// MediaDelivery: stream deploys the template with integrations that stream. Every other deployment
// uses the template that the build has left.
func TestOnlyStreamDeploysTheStreamingTemplate(t *testing.T) {
	t.Parallel()
	const streaming = "--template-file .aws-sam/build/streaming.yaml"
	for _, c := range []struct{ delivery, template string }{{"", ""}, {"redirect", ""}, {"stream", streaming}} {
		m := newMachine(t, "UPDATE_COMPLETE")
		m.write(".aws-sam/build/template.yaml", "Resources: {}\n")
		if c.delivery != "" {
			m.write("environments/dev.local.yaml", "MediaDelivery: "+c.delivery+"\n")
		}
		code, out := m.run("tools/deploy", "dev", "YES=1")
		if code != 0 {
			t.Fatalf("MediaDelivery %q: exit code %d: %s", c.delivery, code, out)
		}
		call := m.deployed()
		if got := strings.Contains(call, "--template-file"); got != (c.template != "") || !strings.Contains(call, c.template) {
			t.Errorf("MediaDelivery %q: %s", c.delivery, call)
		}
		want := ""
		if c.template != "" {
			want = "streaming Resources: {}\n"
		}
		if got := m.read(".aws-sam/build/streaming.yaml"); got != want {
			t.Errorf("MediaDelivery %q: the streaming template is %q, want %q", c.delivery, got, want)
		}
		if got := m.read(".aws-sam/build/template.yaml"); got != "Resources: {}\n" {
			t.Errorf("MediaDelivery %q: the template of the build has changed to %q", c.delivery, got)
		}
	}
	m := newMachine(t, "UPDATE_COMPLETE")
	m.write("environments/localstack.local.yaml", "MediaDelivery: stream\n")
	if code, out := m.run("tools/deploy", "localstack", "YES=1"); code != 1 || m.deployed() != "" || !strings.Contains(out, "LocalStack's API Gateway does not stream") {
		t.Errorf("on LocalStack: exit code %d, %s, want 1 and a reason", code, out)
	}
}

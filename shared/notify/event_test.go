package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples returns the events of writes that yield each type once, plus one event
// of a recording without an owner.
func samples(t *testing.T) []notify.Event {
	t.Helper()
	unowned := living("RevisionOfNobody", pending)
	unowned.Recording.Owner = ""
	var events []notify.Event
	for _, c := range []store.Change{
		{After: living("RevisionOfCreate", pending)},
		{After: unowned},
		{Before: living("RevisionOfCreate", pending), After: living("RevisionOfFailed", failed)},
		{Before: living("RevisionOfFailed", failed), After: living("RevisionOfArrive", ready)},
		{Before: living("RevisionOfArrive", ready), After: living("RevisionOfChange", ready)},
		{Before: living("RevisionOfChange", ready), After: tombstone("RevisionOfDelete"), At: at},
	} {
		e, ok := notify.Of(c)
		if !ok {
			t.Fatalf("Of(%+v) = no event, want one", c)
		}
		events = append(events, e)
	}
	return events
}

func lines(t *testing.T, events []notify.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	return b.Bytes()
}

// TestJSON compares, byte by byte, the events that subscribers receive.
func TestJSON(t *testing.T) {
	t.Parallel()
	const golden = "testdata/events.jsonl"
	got := lines(t, samples(t))
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v; events are\n%s\nwant\n%s\n(make golden rewrites them)", err, got, want)
	}
	for _, private := range []string{"Ada", "555", "10.0.0.1"} {
		if bytes.Contains(got, []byte(private)) {
			t.Errorf("the events contain %q", private)
		}
	}
}

func TestDetailMatchesTheEvent(t *testing.T) {
	t.Parallel()
	for _, e := range append(samples(t), notify.Event{Owner: "\"<&\\\u2028\xff"}) {
		detail, err := e.Detail()
		if err != nil || !json.Valid(detail) {
			t.Fatalf("Detail = %q, %v", detail, err)
		}
		if whole := lines(t, []notify.Event{e}); !bytes.Contains(whole, append([]byte(`"detail":`), detail...)) {
			t.Errorf("Detail = %s, want the detail of %s", detail, whole)
		}
	}
}

// schema is the part of the schema in docs/reference/events.md that this test reads.
type schema struct {
	Const      string            `json:"const"`
	Enum       []string          `json:"enum"`
	Required   []string          `json:"required"`
	Properties map[string]schema `json:"properties"`
	Additional *bool             `json:"additionalProperties"`
}

func guide(t *testing.T) (text string, s schema) {
	t.Helper()
	page, err := os.ReadFile("../../docs/reference/events.md")
	if err != nil {
		t.Fatal(err)
	}
	text = string(page)
	_, rest, _ := strings.Cut(text, "```json\n{\n  \"$schema\"")
	block, _, _ := strings.Cut(rest, "\n```")
	if err := json.Unmarshal([]byte("{\"$schema\""+block), &s); err != nil {
		t.Fatalf("docs/reference/events.md: the schema: %v", err)
	}
	return text, s
}

// follows reports each place where the object does not follow s.
func follows(t *testing.T, s schema, path string, object map[string]any) {
	t.Helper()
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			t.Errorf("%s has no %s, which the schema requires", path, name)
		}
	}
	for name, value := range object {
		p, known := s.Properties[name]
		text, isText := value.(string)
		inner, isObject := value.(map[string]any)
		switch {
		case !known:
			t.Errorf("the schema has no %s of %s", name, path)
		case isObject:
			follows(t, p, path+"."+name, inner)
		case !isText || (p.Const != "" && text != p.Const) || (p.Enum != nil && !slices.Contains(p.Enum, text)):
			t.Errorf("%s of %s is %v, which the schema does not allow", name, path, value)
		}
	}
}

// TestGuide checks that the events follow the schema in docs/reference/events.md, and that
// the page explains every type, state, reason and member.
func TestGuide(t *testing.T) {
	t.Parallel()
	text, s := guide(t)
	for line := range bytes.Lines(lines(t, samples(t))) {
		var object map[string]any
		if err := json.Unmarshal(line, &object); err != nil {
			t.Fatal(err)
		}
		follows(t, s, "the event", object)
	}
	detail := s.Properties["detail"]
	for what, sets := range map[string][2][]string{
		"types": {s.Properties["detail-type"].Enum, {
			string(notify.Created), string(notify.Completed), string(notify.Failed), string(notify.Changed), string(notify.Restored), string(notify.Deleted),
		}},
		"states": {detail.Properties["state"].Enum, {
			string(recording.Pending), string(recording.Ready), string(recording.Empty), string(recording.Failed), string(notify.Gone),
		}},
		"reasons": {detail.Properties["reason"].Enum, {
			string(recording.NotAudio), string(recording.Damaged), string(recording.OtherType), string(recording.OtherSize),
			string(recording.OtherChecksum), string(recording.TooLarge),
		}},
	} {
		slices.Sort(sets[0])
		slices.Sort(sets[1])
		if !slices.Equal(sets[0], sets[1]) {
			t.Errorf("docs/reference/events.md has the %s %q, want %q", what, sets[0], sets[1])
		}
	}
	for _, name := range append(slices.Collect(maps.Keys(detail.Properties)), s.Properties["detail-type"].Enum...) {
		if !strings.Contains(text, "| `"+name+"` |") {
			t.Errorf("docs/reference/events.md does not explain %s", name)
		}
	}
}

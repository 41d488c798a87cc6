package recording_test

import (
	"fmt"

	"github.com/callrecordings/api/shared/recording"
)

func ExampleParseFilter() {
	document, err := recording.ParseDocument([]byte(`{"direction": "inbound", "duration": 62, "_rev": "1"}`))
	if err != nil {
		panic(err)
	}
	r := &recording.Recording{ID: "202311-x", Document: document}
	f, err := recording.ParseFilter([][2]string{{"filter_direction", `["inbound","outbound"]`}, {"has_value", "duration"}})
	if err != nil {
		panic(err)
	}
	fmt.Println(f.Match(r))
	fmt.Println(string(r.AppendJSON(nil, false)))
	// Output:
	// true
	// {"id":"202311-x","direction":"inbound","duration":62,"_read_only":{"content_types":[],"state":"pending"}}
}

func ExamplePatch_Apply() {
	p, err := recording.ParsePatch([]byte(`{"data": {"user_metadata": {"tag": "urgent", "draft": null}}}`))
	if err != nil {
		panic(err)
	}
	d, err := p.Apply(`{"name":"a.mp3","user_metadata":{"draft":true,"by":"Zoë"}}`)
	fmt.Println(d, err)
	// Output:
	// {"name":"a.mp3","user_metadata":{"by":"Zoë","tag":"urgent"}} <nil>
}

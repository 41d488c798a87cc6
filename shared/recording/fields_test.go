package recording_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A lookup by name needs the fields in order.
func TestPublicFieldsAreSorted(t *testing.T) {
	t.Parallel()
	fields := recording.PublicFields()
	for i, f := range fields {
		if i > 0 && fields[i-1].Name >= f.Name {
			t.Errorf("%s is before %s", fields[i-1].Name, f.Name)
		}
		if !recording.IsReported(f.Name) {
			t.Errorf("the field %s is not found by its name", f.Name)
		}
	}
	if recording.IsReported("other") || len(fields) == 0 {
		t.Error("the field other is found, or there are no fields")
	}
}

// kazooItem is the complete item of kazoo.md 1.4, with the fields of Kazoo 5 (1.10).
const kazooItem = `{"call_id":"x@10.1.1.5","cdr_id":"202311-x@10.1.1.5","interaction_id":"63866880000-9f3c2a1b",
	"name":"6071.mp3","description":"recording 6071.mp3","content_type":"audio/mpeg","media_type":"mp3",
	"media_source":"recorded","source_type":"kzc_recording","origin":"inbound from offnet to endpoint","direction":"inbound",
	"start":63866880000,"duration":62,"duration_ms":62340,"from":"a@realm","to":"b@realm","request":"b@realm",
	"caller_id_name":"A","caller_id_number":"+1","callee_id_name":"B","callee_id_number":"+2","owner_id":"77bc",
	"url":"https://example.com","custom_channel_vars":{"Account-ID":"acc"},"endpoint_id":"dev","user_metadata":{"x":1},
	"recording_vars":{"Agent":"7"},"conference_recording":true,"transcribe":false,"conference_id":"c1","conference_name":"sales"}`

func TestValidate(t *testing.T) {
	t.Parallel()
	typed := func(field, want, value string) recording.FieldError {
		return recording.FieldError{Field: field, Code: "type", Message: "Value did not match type(s): " + want, Target: want, Value: []byte(value)}
	}
	for _, c := range []struct {
		name, doc string
		want      recording.FieldErrors
	}{
		{"empty document", `{}`, nil},
		{"all fields", kazooItem, nil},
		{"zero", `{"duration":0,"start":-0}`, nil},
		{"largest", `{"start":9007199254740991}`, nil},
		{"not text", `{"call_id":1}`, recording.FieldErrors{typed("call_id", "string", `1`)}},
		{"not an object", `{"custom_channel_vars":[]}`, recording.FieldErrors{typed("custom_channel_vars", "object", `[]`)}},
		{"number as text", `{"duration":"62"}`, recording.FieldErrors{typed("duration", "integer", `"62"`)}},
		{"fraction", `{"duration":62.0}`, recording.FieldErrors{typed("duration", "integer", `62.0`)}},
		{"exponent", `{"duration":1e3}`, recording.FieldErrors{typed("duration", "integer", `1e3`)}},
		{"boolean", `{"start":true}`, recording.FieldErrors{typed("start", "integer", `true`)}},
		{"text for a boolean", `{"transcribe":"true"}`, recording.FieldErrors{typed("transcribe", "boolean", `"true"`)}},
		{"a number for a boolean", `{"conference_recording":1}`, recording.FieldErrors{typed("conference_recording", "boolean", `1`)}},
		{"not an object of variables", `{"recording_vars":"x"}`, recording.FieldErrors{typed("recording_vars", "object", `"x"`)}},
		{"negative", `{"duration":-1}`, recording.FieldErrors{{
			Field: "duration", Code: "minimum", Message: "Value must be at least 0", Target: 0, Value: []byte(`-1`),
		}}},
		{"negative beyond 64 bits", `{"duration":-99999999999999999999}`, recording.FieldErrors{{
			Field: "duration", Code: "minimum", Message: "Value must be at least 0", Target: 0, Value: []byte(`-99999999999999999999`),
		}}},
		{"too large", `{"start":9007199254740992}`, recording.FieldErrors{{
			Field: "start", Code: "maximum", Message: "Value must be at most 9007199254740991", Target: 9007199254740991,
			Value: []byte(`9007199254740992`),
		}}},
		{"too large for 64 bits", `{"start":99999999999999999999}`, recording.FieldErrors{{
			Field: "start", Code: "maximum", Message: "Value must be at most 9007199254740991", Target: 9007199254740991,
			Value: []byte(`99999999999999999999`),
		}}},
		{"unknown", `{"Call_id":"x","a.b":{}}`, recording.FieldErrors{
			{Field: "Call_id", Code: "additionalProperties", Message: strictText, Value: []byte(`"x"`)},
			{Field: "a%2Eb", Code: "additionalProperties", Message: strictText, Value: []byte(`{}`)},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, mustDocument(t, c.doc).Validate()); diff != "" {
				t.Errorf("Validate of %s (-want +got):\n%s", c.doc, diff)
			}
		})
	}
}

const strictText = "Strict checking of data is enabled; only include schema-defined properties"

func TestFieldErrors(t *testing.T) {
	t.Parallel()
	if err := (recording.FieldErrors{}).Err(); err != nil {
		t.Errorf("Err() without errors = %v, want nil", err)
	}
	err := recording.FieldErrors{{Field: "b", Message: "second"}, {Field: "a", Message: "first"}}.Err()
	if want := "a: first; b: second"; err == nil || err.Error() != want {
		t.Errorf("Err() = %v, want %s", err, want)
	}
	var all recording.FieldErrors
	if !errors.As(err, &all) || len(all) != 2 {
		t.Errorf("Err() = %T, want FieldErrors", err)
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	const neutral = `{"call_id":"202311-x","from":"unknown@unknown","to":"unknown@unknown","caller_id_name":"",` +
		`"caller_id_number":"","callee_id_name":"","callee_id_number":"","start":63866880000,"duration":0,"duration_ms":0,` +
		`"direction":"inbound","origin":"inbound from offnet to account",` +
		`"custom_channel_vars":{"Media-Recording-ID":"202311-x"}}`
	for _, c := range []struct{ name, doc, want string }{
		{"nothing is known", `{}`, neutral},
		{"the zero value", ``, neutral},
		{"everything is known", neutral, neutral},
		{
			"some is known", `{"to":"b@realm","duration":62,"direction":"outbound","custom_channel_vars":{"Account-ID":"acc"},"name":"n"}`,
			`{"to":"b@realm","duration":62,"direction":"outbound","custom_channel_vars":{"Account-ID":"acc","Media-Recording-ID":"202311-x"},` +
				`"name":"n","call_id":"202311-x","from":"unknown@unknown","caller_id_name":"",` +
				`"caller_id_number":"","callee_id_name":"","callee_id_number":"","start":63866880000,"duration_ms":0,` +
				`"origin":"inbound from offnet to account"}`,
		},
		{
			"another id", strings.Replace(neutral, `"Media-Recording-ID":"202311-x"`, `"Media-Recording-ID":"202311-y"`, 1),
			strings.Replace(neutral, `"Media-Recording-ID":"202311-x"`, `"Media-Recording-ID":"202311-y"`, 1),
		},
		{
			"an id that is null", strings.Replace(neutral, `"Media-Recording-ID":"202311-x"`, `"Media-Recording-ID":null`, 1), neutral,
		},
		{
			"variables that are not an object", strings.Replace(neutral, `{"Media-Recording-ID":"202311-x"}`, `[]`, 1),
			strings.Replace(neutral, `{"Media-Recording-ID":"202311-x"}`, `[]`, 1),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := recording.Complete(recording.Document(c.doc), "202311-x", 63866880000); string(got) != c.want {
				t.Errorf("Complete(%s) = %s, want %s", c.doc, got, c.want)
			}
		})
	}
	if faults := recording.Complete("{}", "202311-x", 63866880000).Validate(); len(faults) > 0 {
		t.Errorf("a completed document is not valid: %v", faults)
	}
}

// The numbers of both sides come from the addresses.
func TestCompleteDerivesNumbers(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"1001@pbx.example": "1001", "+15550100@pbx": "+15550100", "1001": "1001", "*97@pbx": "*97", "unknown@unknown": "",
		"ann@pbx": "", "ann1001@pbx": "", "@pbx": "", "+@pbx": "", "*@pbx": "", "1+1@pbx": "", "++1@pbx": "", "10 01@pbx": "",
	} {
		for from, number := range map[string]string{"from": "caller_id_number", "to": "callee_id_number"} {
			d := recording.Complete(recording.Document(`{"`+from+`":`+recording.Quote(address)+`}`), "202311-x", 1)
			if got, ok := d.Text(number); got != want || !ok {
				t.Errorf("%s %s gives %s %q, want %q", from, address, number, got, want)
			}
		}
	}
	const known = `{"from":"1001@pbx","caller_id_number":"+15550142","to":7}`
	d := recording.Complete(known, "202311-x", 1)
	caller, _ := d.Text("caller_id_number")
	callee, ok := d.Text("callee_id_number")
	if caller != "+15550142" || callee != "" || !ok {
		t.Errorf("Complete(%s) = %s, want the known number and an empty one", known, d)
	}
}

func TestEnrich(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, doc, reported, want string }{
		{
			"unknown sides", `{"from":"unknown@unknown","caller_id_name":"","caller_id_number":""}`, `{"from":"1001@pbx","caller_id_name":"Ann"}`,
			`{"from":"1001@pbx","caller_id_name":"Ann","caller_id_number":"1001"}`,
		},
		{
			"known sides", `{"from":"a@pbx","caller_id_name":"Ann","caller_id_number":"1"}`, `{"from":"b@pbx","caller_id_name":"Bob","caller_id_number":"2","name":"n"}`,
			`{"from":"a@pbx","caller_id_name":"Ann","caller_id_number":"1","name":"n"}`,
		},
		{"a reported number", `{"from":"unknown@unknown","caller_id_number":""}`, `{"caller_id_number":"7"}`, `{"from":"unknown@unknown","caller_id_number":"7"}`},
		{"a document of Kazoo", `{"from":"1001@pbx","caller_id_number":""}`, `{}`, `{"from":"1001@pbx","caller_id_number":""}`},
	} {
		if got := recording.Document(c.doc).Enrich(recording.Document(c.reported)); string(got) != c.want {
			t.Errorf("%s: Enrich = %s, want %s", c.name, got, c.want)
		}
	}
}

// Complete never replaces a field.
func TestCompleteKeepsFields(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := mustDocument(t, objectText(2).Draw(t, "document"))
		full := recording.Complete(d, "202311-x", 1)
		for name, was := range d.Fields() {
			now, ok := full.Raw(name)
			if !ok || name != "custom_channel_vars" && now != was {
				t.Errorf("Complete changes %[2]q from %[3]s to %[1]s", now, name, was)
			}
		}
		if again := recording.Complete(full, "202311-y", 2); again != full {
			t.Errorf("a second Complete changes %[2]s to %[1]s", again, full)
		}
		if mustDocument(t, string(full)) != full {
			t.Errorf("Complete gives %s, which is not a document", full)
		}
	})
}

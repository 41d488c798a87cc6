package recording

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	d := Document(`{"from":"1000@pbx","caller_id_number":"+1555","duration":3,"to":7,"caller_id_name":"Bob","name":"x","request":"2000@pbx"}`)
	want := []string{"1000@pbx", "+1555", "Bob", "2000@pbx"}
	if got := d.Numbers(); !slices.Equal(got, want) {
		t.Errorf("Numbers() = %q, want %q", got, want)
	}
	for _, name := range numberFields {
		if k, ok := kindOf(name); !ok || k != text {
			t.Errorf("%s is not a text field", name)
		}
	}
}

// Numbers are also in the values of three objects; see [Document.Numbers].
func TestNumbersInObjects(t *testing.T) {
	t.Parallel()
	for document, want := range map[Document][]string{
		`{"custom_channel_vars":{"Caller-ID-Number":"0301","Bridge-ID":"0302","Fetch":"+49303"}}`: {"0301"},
		`{"recording_vars":{"callee":49304,"seen":49305}}`:                                        {"49304"},
		`{"custom_channel_vars":{"Contact":{"list":["x","0306",7,null,true]}}}`:                   {"0306", "7", "x"},
		`{"user_metadata":{"note":"030 7","callback":"49308","order":"49309","seen":49310}}`:      {"030 7", "49308"},
		`{"user_metadata":{"order":"4930123","seen":[4930124],"cents":-4930125}}`:                 {"4930123", "4930124"},
		`{"user_metadata":{"note":"order 030 11","tags":{"x":["+49 12"]}},"media":{"to":"0313"}}`: {"+49 12"},
		`{"user_metadata":"+4914","custom_channel_vars":{},"recording_vars":null}`:                {"+4914"},
	} {
		got := document.Numbers()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("Numbers() of %s = %q, want %q", document, got, want)
		}
	}
}

// Anywhere in user_metadata, a text or a number counts that is a phone number alone.
func TestNumbersAlone(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		`"15559998877"`: true, `"5559998877"`: true, `"5559998"`: true, `"555999"`: false, `15559998877`: true, `555999`: false,
		`"+1 555 999 8877"`: true, `"1 555 999 8877"`: true, `"555.999.8877"`: true, `"00155599988770"`: true, `"(555) 999-8877"`: true,
		`"15559998877 (mobile)"`: true, `"15559998877 mobile"`: true, `"+1 555 999 8877, büro"`: true, `"5559998877 (at work)"`: true,
		`"5559998877 ext. 12"`: true, `"5559998877x12"`: true, `"5559998877 x 12"`: true, `"5559998877 (mobile"`: true,
		`"sip:15559998877@pbx.example.com"`: true, `"TEL:+1-555-999-8877;ext=1"`: true, `"sip"`: false, `"sipp:1"`: false,
		`"\u202a15559998877\u202c"`: true, `"555\u2011999\u20118877"`: true, `"\uff0b49 30"`: true, `"٠٣٠١٢٣٤٥٦٧"`: true, `"٣٠١٢٣٤٥٦٧"`: true,
		`"030 7"`: true, `"100"`: false, `"012"`: true, `"2 pieces"`: false, `"10 EUR"`: false, `"0 open"`: false, `"1.5 stars"`: false,
		`"1234567abc"`: false, `"1234567-abc"`: false, `"1234567 abc9"`: false, `"1555999-8877-ab-12"`: false,
		`"15559998877 (a very long note about the customer)"`: false, `"15559998877 one two three"`: false, `"15559998877 ext. in 2 weeks"`: false,
		`"order 030 1234567"`: false, `"10:00"`: false, `"1234567890123456"`: false, `1234567890123456`: false, `"-"`: false, `""`: false, `"()"`: false,
		`-5559998877`: false, `12.5`: false, `5559998877.5`: false, `5559998877e3`: false, `true`: false, `null`: false,
	} {
		for _, form := range []string{`{"user_metadata":{"customer":%s}}`, `{"user_metadata":{"a":[{"b":[%s]}]}}`} {
			d := Document(fmt.Sprintf(form, value))
			if got := d.Numbers(); len(got) == 1 != want || len(got) > 1 {
				t.Errorf("Numbers() of %s = %q, want one: %v", d, got, want)
			}
		}
		d := Document(fmt.Sprintf(`{"custom_channel_vars":{"x":%[1]s},"recording_vars":{"x":%[1]s},"media":{"x":%[1]s}}`, value))
		if got := d.Numbers(); len(got) > 0 {
			t.Errorf("Numbers() of %s = %q, want none", d, got)
		}
	}
}

// Names of values are written in many ways. A word counts in all of them, alone and among
// others, and not as a part of another word.
func TestNamesOfNumbers(t *testing.T) {
	t.Parallel()
	title := func(word string) string { return strings.ToUpper(word[:1]) + word[1:] }
	for _, singular := range numberWords {
		if len(singular)+1 > maxNumberWord {
			t.Errorf("%q is too long for maxNumberWord", singular)
		}
		for _, word := range []string{singular, singular + "s"} {
			for _, name := range []string{
				word, title(word), strings.ToUpper(word), word + "_x", "x_" + word, "X-" + title(word) + "-Y", "x." + word + "2", word + " x",
				word + "Id", "my" + title(word), "My" + title(word) + "Id", "ID" + title(word), "my" + strings.ToUpper(word), strings.ToUpper(singular) + "s",
				strings.ToUpper(word) + "Value",
			} {
				if !namesNumber(name) {
					t.Errorf("namesNumber(%q) = false, want true", name)
				}
			}
			for _, name := range []string{"x" + word + "x", "X" + word, word + "ly", strings.ToUpper("x" + word), title("q"+word) + "Q"} {
				if namesNumber(name) {
					t.Errorf("namesNumber(%q) = true, want false", name)
				}
			}
		}
	}
	for name, want := range map[string]bool{
		"phoneNumber": true, "customerPhone": true, "callerIdNumber": true, "CallerIDNumber": true, "numbers": true, "callBack": true,
		"ÜberNummerCaller": true, "DIDs": true, "URIs": true, "": false, "-": false, "note": false, "total": false, "Order": false,
		"tone": false, "s": false, "fromage": false, "Didier": false, "Телефон": false,
	} {
		if got := namesNumber(name); got != want {
			t.Errorf("namesNumber(%q) = %v, want %v", name, got, want)
		}
	}
}

// A number counts in user_metadata under each of these names, without a separator.
func TestNumbersUnderCamelCase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"phone_number", "phoneNumber", "customerPhone", "callerNumber", "callerIdNumber", "numbers"} {
		for _, value := range []string{`"15551234567"`, `15551234567`, `["15551234567"]`} {
			d := Document(fmt.Sprintf(`{"user_metadata":{%q:%s}}`, name, value))
			if got := d.Numbers(); !slices.Equal(got, []string{"15551234567"}) {
				t.Errorf("Numbers() of %s = %q, want the number", d, got)
			}
		}
	}
}

// longName is a name of 380 KB in which each second letter begins a word.
var longName = strings.Repeat("aB", 190_000)

// A long name in camel case costs only the list of its bounds: the memory does not grow with the
// number of its words, so that a PATCH with such a name holds up nobody.
func TestLongNameAllocatesLittle(t *testing.T) { // not parallel: AllocsPerRun forbids it
	if got := testing.AllocsPerRun(1, func() { namesNumber(longName) }); got > 100 {
		t.Errorf("namesNumber allocates %v times, want at most 100", got)
	}
}

func BenchmarkNumbersWithALongName(b *testing.B) {
	d := Document(fmt.Sprintf(`{"user_metadata":{%q:"x"}}`, longName))
	for b.Loop() {
		d.Numbers()
	}
}

func TestStartOfARecording(t *testing.T) {
	t.Parallel()
	for document, want := range map[Document]Seconds{
		`{"start":63800000000}`: 63800000000, `{"start":0}`: 7, `{}`: 7, `{"start":"soon"}`: 7,
	} {
		if got := (&Recording{Created: 7, Document: document}).Start(); got != want {
			t.Errorf("Start() of %s = %d, want %d", document, got, want)
		}
	}
}

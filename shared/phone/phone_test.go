package phone_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/callrecordings/api/shared/phone"
)

func TestDigits(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                     "",
		"1000":                                 "1000",
		"+15551234567":                         "15551234567",
		"+1 (555) 123-4567":                    "15551234567",
		"001 555 123 4567":                     "15551234567",
		"011 49 30 1234567":                    "49301234567",
		"0049-30-1234567":                      "49301234567",
		"+49 (0)30 / 123-4567":                 "49301234567",
		"011 4930123":                          "0114930123", // a city, not a prefix
		"007":                                  "007",
		"\uff0b\uff14\uff19 30\u20111234567":   "49301234567", // full width, non-breaking hyphen
		"٠٠٤٩ ٣٠ ١٢٣٤٥٦٧":                      "49301234567",
		"\u202a+49301234567\u202c":             "49301234567", // pasted from an address book
		"sip:+15551234567@example.com":         "15551234567",
		"SIPS:%2B15551234567:secret@h.example": "15551234567",
		"sip:10.0.0.1:5060":                    "",
		"sip:alice@10.0.0.1":                   "",
		"5551234@10.0.0.1":                     "5551234",
		"tel:+1-555-123-4567;ext=12":           "15551234567",
		"sip:5551234;phone-context=+1@h;user=phone":   "5551234",
		`"Line 2" <sip:1000@pbx.example;transport=x>`: "1000",
		"Smith, Bob <+1 555 123 4567>":                "15551234567",
		"Bob 555 1234":                                "5551234",
		"555 1234 JOHN":                               "5551234",
		"1-800-FLOWERS":                               "18003569377",
		"1 800 FLOWERS":                               "18003569377",
		"1-888-555-help":                              "18885554357",
		"555-1234 ext. 12":                            "5551234",
		"555-1234x12":                                 "5551234",
		"555 1234 x 12":                               "5551234",
		"ext 1000":                                    "1000",
		"5551234,,12#":                                "5551234",
		"*67 5551234":                                 "675551234",
		"user_82fx":                                   "",
		"3f2a9c77":                                    "",
		"301f2a9c77b2":                                "",
		"anonymous":                                   "",
	} {
		if got := phone.Digits(in); got != want {
			t.Errorf("Digits(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestSevenSpellings compares each spelling of a number with each other one.
func TestSevenSpellings(t *testing.T) {
	t.Parallel()
	spellings := []string{
		"+49301234567", "0049 30 1234567", "011 49 30 123 4567", "030/1234567", "1234567",
		`"Bob" <sip:+49301234567@pbx.example;user=phone>`, "tel:+49-30-123-4567", "٠٣٠١٢٣٤٥٦٧",
	}
	for _, a := range spellings {
		for _, b := range spellings {
			if !phone.Same(a, b) {
				t.Errorf("Same(%q, %q) = false", a, b)
			}
		}
	}
}

func TestDifferentNumbers(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"", ""},
		{"anonymous", "anonymous"},
		{"anonymous", "unknown"},
		{"", "1000"},
		{"1000", "2000"},
		{"1000", "491000"},
		{"100", "0100"},
		{"123456", "30123456"},
		{"+15551234567", "+15551234568"},
		{"+493012345678", "+4930123456789"},
		{"1234567", "12345678901234567"}, // 10 digits longer
	} {
		if phone.Same(pair[0], pair[1]) {
			t.Errorf("Same(%q, %q) = true", pair[0], pair[1])
		}
	}
}

// TestDigitsOfEveryScript checks the assumption of the conversion on Unicode's tables.
func TestDigitsOfEveryScript(t *testing.T) {
	t.Parallel()
	n := 0
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if !unicode.Is(unicode.Nd, c) {
			continue
		}
		if got, want := phone.Digits(string(c)), string(rune('0'+n%10)); got != want {
			t.Errorf("Digits(%U) = %q, want %q", c, got, want)
		}
		n++
	}
	if n < 600 || n%10 != 0 {
		t.Errorf("%d decimal digits in Unicode", n)
	}
}

func FuzzSame(f *testing.F) {
	f.Add("+1 (555) 123-4567", "sip:5551234567@example.com")
	f.Add("1-800-FLOWERS", "00800356937")
	f.Add(`"x" <tel:1;ext=2>`, "٠٠٤٩")
	f.Fuzz(func(t *testing.T, a, b string) {
		digits := phone.Digits(a)
		if strings.Trim(digits, "0123456789") != "" {
			t.Fatalf("Digits(%q) = %q", a, digits)
		}
		if len(digits) > len(a) {
			t.Fatalf("Digits(%q) = %q is longer than its input", a, digits)
		}
		if again := phone.Digits(digits); !strings.HasSuffix(digits, again) || digits != "" && again == "" {
			t.Fatalf("Digits(%q) = %q, but Digits of that is %q", a, digits, again)
		}
		if phone.Same(a, b) != phone.Same(b, a) {
			t.Fatalf("Same(%q, %q) depends on the order", a, b)
		}
		if phone.Same(a, a) != (digits != "") {
			t.Fatalf("Same(%q, itself) = %v", a, digits == "")
		}
	})
}

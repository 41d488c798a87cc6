// Package phone compares phone numbers in the spellings that PBXs, carriers and people
// use. It knows no numbering plan: it works on the digits alone, so that it needs no data
// that grows old. It is pure, and bounded by the length of its input.
//
// Holds, the search for a person, and the search of recordings use it, so that all three
// agree on which spellings are the same number. Holds and the search for a person also agree
// on which texts of a recording are numbers (recording.Document.Numbers).
package phone

import (
	"slices"
	"strings"
	"unicode"
)

const (
	// minSuffix is the least number of digits in a suffix that identifies a subscriber.
	// Shorter numbers are extensions and emergency numbers. The digits of an area code
	// must not make two of them the same.
	minSuffix = 7
	// maxPrefix is the maximum number of digits that one spelling has in front of another: a
	// country code of up to 3 digits (ITU-T E.164, 6.2.1) and a short area code, or an
	// international prefix such as 011 and a country code.
	maxPrefix = 6
	// maxDigits is the maximum number of digits of an international number (ITU-T E.164,
	// 6.1).
	maxDigits = 15
	// minVanity is the least length of a number that ends in letters, and minVanityPrefix
	// the least number of digits before them.
	minVanity, minVanityPrefix = 10, 3
	// maxVanityPrefix is the maximum number of digits before separate words of letters, as
	// in "1 800 FLOWERS". With more digits, such a word is a name: "555 1234 JOHN".
	maxVanityPrefix = 4
)

// Digits returns the ASCII digits of a number in any spelling, without an international
// prefix (+, 00 or 011); "" if s contains no number. The input may be:
//
//   - a number with separators, in digits of any script: "+49 (0)30 / 123-4567"
//   - a SIP or telephone URI (RFC 3261, 19.1; RFC 3966), of which Digits reads the user
//     part without parameters: "sip:+15551234567@example.com;user=phone"
//   - a name and an address: "Line 2" <sip:1000@example.com>
//   - a number with letters of the keypad: "1-800-FLOWERS" (ITU-T E.161)
//   - a number followed by an extension, which Digits leaves out: "555-1234 ext. 12"
//
// A name of a user or a device, such as "user_82fx", is not a number.
func Digits(s string) string {
	words := strings.Fields(normalize(address(s)))
	words = withoutExtension(words)
	digits := vanity(words)
	if digits == "" {
		words = slices.DeleteFunc(words, func(w string) bool { return strings.Trim(w, "0123456789") != "" })
		digits = strings.Join(words, "")
	}
	return withoutPrefix(digits)
}

// Same reports whether a and b are spellings of one number. Two numbers of at least 7
// digits are the same if, without leading zeros, one ends with the other and is at most 6
// digits longer: "+49 30 1234567", "030 1234567" and "123 4567" are the same. Shorter
// numbers must have equal digits. A text without a number is the same as nothing, so that
// "anonymous" does not match "unknown".
//
// Same is not transitive: a local number is the same as numbers in several areas.
func Same(a, b string) bool { return SameDigits(Digits(a), Digits(b)) }

// SameDigits is Same for results of Digits. Callers that compare one number with many
// convert it only once.
func SameDigits(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	long, short := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(long) < len(short) {
		long, short = short, long
	}
	if len(short) < minSuffix {
		return a == b
	}
	return len(long)-len(short) <= maxPrefix && strings.HasSuffix(long, short)
}

// address returns the part of s that may be a number: the text between angle brackets, or s itself,
// without the scheme, the host and the parameters of a URI.
func address(s string) string {
	if _, rest, ok := cutLast(s, '<'); ok {
		s, _, _ = strings.Cut(rest, ">")
	}
	s = strings.TrimSpace(s)
	scheme, rest, ok := strings.Cut(s, ":")
	sip := ok && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips"))
	if sip || ok && strings.EqualFold(scheme, "tel") {
		s = rest
	}
	user, _, hasHost := strings.Cut(s, "@")
	if sip && !hasHost && strings.Contains(s, ".") {
		return "" // only a host, such as an IP address
	}
	s = user
	if hasHost {
		s, _, _ = strings.Cut(s, ":") // a password
	}
	s, _, _ = strings.Cut(s, ";")
	if i := strings.IndexByte(s, ','); i > 0 && strings.ContainsFunc(s[:i], unicode.IsDigit) {
		s = s[:i] // digits that are dialed after a pause
	}
	return s
}

func cutLast(s string, separator byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, separator); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// escapes are the characters of numbers that URIs may escape, and the national prefix
// that some write into an international number.
var escapes = strings.NewReplacer("%2B", "+", "%2b", "+", "%20", " ", "%23", "#", "(0)", "")

// normalize returns the words of s: digits of any script become ASCII digits, and letters
// stay. Characters that stand within a number disappear. All others become spaces.
func normalize(s string) string {
	s = escapes.Replace(s)
	out := make([]byte, 0, len(s))
	for _, c := range s {
		switch d, ok := digit(c); {
		case ok:
			out = append(out, d)
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			out = append(out, byte(c))
		case unicode.IsLetter(c), c == '_':
			out = append(out, '?') // not on a keypad
		case strings.ContainsRune("+-.()*#", c), unicode.In(c, unicode.Pd, unicode.Mn, unicode.Cf), c == '\uff0b':
		default:
			out = append(out, ' ')
		}
	}
	return string(out)
}

// digit returns the ASCII digit for a decimal digit of any script. The digits of a script
// have consecutive code points that begin with zero (Unicode Standard, 4.6).
func digit(c rune) (d byte, ok bool) {
	if c < unicode.MaxASCII {
		return byte(c), '0' <= c && c <= '9'
	}
	for _, r := range unicode.Nd.R16 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return '0' + byte((c-rune(r.Lo))%10), true
		}
	}
	for _, r := range unicode.Nd.R32 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return '0' + byte((c-rune(r.Lo))%10), true
		}
	}
	return 0, false
}

// withoutExtension returns words up to the first that begins an extension: x, ext, extn or
// extension, with or without its digits, alone or right behind the digits of the number.
func withoutExtension(words []string) []string {
	for i, w := range words {
		number := strings.TrimRight(w, "0123456789")
		digits := strings.TrimRight(number, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		switch strings.ToLower(number[len(digits):]) {
		case "x", "ext", "extn", "extension":
		default:
			continue
		}
		if strings.Trim(digits, "0123456789") != "" || digits == "" && i == 0 {
			continue
		}
		if digits != "" {
			return append(words[:i:i], digits)
		}
		return words[:i]
	}
	return words
}

// keypad has the digit of each letter from A to Z (ITU-T E.161).
const keypad = "22233344455566677778889999"

// vanity returns the digits of a number that is spelled with letters; "" if words are not
// such a number.
func vanity(words []string) string {
	all := strings.Join(words, "")
	letters := strings.TrimLeft(all, "0123456789")
	prefix := len(all) - len(letters)
	switch {
	case letters == "", prefix < minVanityPrefix, len(all) < minVanity, len(all) > maxDigits:
		return ""
	case len(words) > 1 && (prefix > maxVanityPrefix || strings.ToUpper(all) != all):
		return ""
	}
	out := make([]byte, 0, len(all))
	for _, c := range []byte(strings.ToUpper(all)) {
		switch {
		case 'A' <= c && c <= 'Z':
			c = keypad[c-'A']
		case len(out) >= prefix: // a hexadecimal ID, or another script
			return ""
		}
		out = append(out, c)
	}
	return string(out)
}

// withoutPrefix removes the international prefix 00 or 011. What remains must be long
// enough for a number with a country code: 011 is also the area code of some cities.
func withoutPrefix(digits string) string {
	if rest, ok := strings.CutPrefix(digits, "00"); ok && len(rest) >= minSuffix {
		return rest
	}
	if rest, ok := strings.CutPrefix(digits, "011"); ok && len(rest) >= minVanity {
		return rest
	}
	return digits
}

package recording

import (
	"strings"
	"unicode"
)

const (
	// maxNumberAlone is the maximum length of a text that is a phone number alone, in bytes.
	maxNumberAlone = 100
	// minDigitsAlone is the least number of digits that are a phone number without any other sign,
	// or with a label. Fewer digits are also amounts, years and counts, and they would have to
	// be equal to the digits of an extension that somebody asks for.
	minDigitsAlone = 7
	// maxDigitsAlone is the maximum number of digits of an international number (ITU-T E.164, 6.1).
	maxDigitsAlone = 15
	// maxLabel is the maximum length of a label behind a number, in bytes, and maxLabelWords the
	// maximum number of its words.
	maxLabel, maxLabelWords = 30, 2
	// labelSeparators are what may stand between a number and its label.
	labelSeparators = " \u00a0(,"
)

// isNumberAlone reports whether a text is a phone number and nothing else but perhaps a label
// behind it, such as "(mobile)" or "ext. 12". Package phone reads the number.
func isNumberAlone(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) > maxNumberAlone {
		return false
	}
	if isAddress(text) {
		return true
	}
	number, label := text, ""
	if i := strings.IndexFunc(text, unicode.IsLetter); i >= 0 {
		number, label = text[:i], text[i:]
	}
	digits, marked := 0, strings.HasPrefix(number, "0")
	for _, c := range strings.TrimRight(number, labelSeparators) {
		switch {
		case unicode.IsDigit(c):
			digits++
		case isNumberSeparator(c):
			marked = true
		default:
			return false
		}
	}
	if digits == 0 || label != "" && !isLabel(number, label) {
		return false
	}
	enough := digits >= minDigitsAlone
	return marked && (enough || label == "") || enough && digits <= maxDigitsAlone
}

// areDigitsAlone reports whether a number of JSON may be a phone number: it has a sign, a fraction
// or an exponent otherwise.
func areDigitsAlone(number string) bool {
	return strings.Trim(number, "0123456789") == "" && len(number) >= minDigitsAlone && len(number) <= maxDigitsAlone
}

// isAddress reports whether a text is a SIP or telephone URI.
func isAddress(text string) bool {
	scheme, _, ok := strings.Cut(text, ":")
	return ok && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips") || strings.EqualFold(scheme, "tel"))
}

// isNumberSeparator reports whether c may stand within a phone number: a sign, a dash or a space of
// any kind, or a character without a width, as in a text that was copied from an address book.
func isNumberSeparator(c rune) bool {
	return strings.ContainsRune("+-./()\uff0b", c) || unicode.In(c, unicode.Zs, unicode.Pd, unicode.Cf)
}

// isLabel reports whether a text that begins with a letter is a label behind a number: at most two
// words, or an extension with its digits. An ID such as "1234567abc" has none: something must
// separate a label from the number.
func isLabel(number, label string) bool {
	if word := strings.TrimRightFunc(label, unicode.IsDigit); word != label {
		switch strings.ToLower(strings.TrimRight(word, " .")) {
		case "x", "ext", "extn", "extension":
			return true
		}
		return false
	}
	isOther := func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsMark(c) && !strings.ContainsRune(" .-/:)", c)
	}
	return strings.TrimRight(number, labelSeparators) != number && len(label) <= maxLabel &&
		len(strings.Fields(label)) <= maxLabelWords && !strings.ContainsFunc(label, isOther)
}

package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/phone"
)

const (
	// minNumber is the least number of digits of a phone number. Phone numbers match by their
	// ends (package phone). Fewer digits are a word.
	minNumber = 7
	// maxNumber is the maximum number of digits of a number (ITU-T E.164, 6.1).
	maxNumber = 15
	// maxWord is the maximum length of an indexed word in bytes. The rest of a longer word
	// is compared only when its recording is read.
	maxWord = 64
)

// token is a part of a folded text between spaces, or a number of several such parts.
type token struct {
	// word is the part without punctuation at its ends, "" for a number of several parts.
	word string
	// digits are those of a number of at least minNumber digits, otherwise "".
	digits string
	// prefix is true if the part ends with "*".
	prefix bool
	// parts are the words of a number of several parts.
	parts []string
}

// tokens splits a folded text. Spaces, commas and control characters separate words. Parts that consist of
// digits and the punctuation of phone numbers form one number, as in "+1 (555) 010 0142".
func tokens(text string) []token {
	var all []token
	var run []string // parts of a number
	end := func() {
		all = append(all, numbersOf(run)...)
		run = nil
	}
	for _, group := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsControl(r) && !unicode.IsSpace(r) }) {
		for _, part := range strings.Fields(group) {
			if isNumeric(part) {
				run = append(run, part)
				continue
			}
			end()
			if t := tokenOf(part); t.word != "" {
				all = append(all, t)
			}
		}
		end()
	}
	return all
}

// tokenOf returns the token of one part that is not numeric.
func tokenOf(part string) token {
	t := token{prefix: strings.HasSuffix(part, "*")}
	t.word = strings.TrimFunc(part, func(r rune) bool { return unicode.IsPunct(r) || r == '+' || r == '`' })
	if strings.Contains(t.word, "-") && !strings.Contains(t.word, "@") && startsWithDigit(t.word) {
		if digits := phone.Digits(t.word); len(digits) >= minNumber { // 1-800-FLOWERS
			t.digits = digits
		}
	}
	return t
}

func startsWithDigit(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }

// isNumeric reports whether a part consists of digits and the punctuation of numbers.
func isNumeric(part string) bool {
	digits := 0
	for _, r := range part {
		switch {
		case unicode.Is(unicode.Nd, r):
			digits++
		case strings.ContainsRune("+-./()", r), unicode.Is(unicode.Pd, r):
		default:
			return false
		}
	}
	return digits > 0
}

// numbersOf returns the numbers that successive numeric parts form. A part with "+"
// begins a number. So does a part that is a number by itself and follows another number.
// Parts that form no number are words.
func numbersOf(run []string) []token {
	var all []token
	for len(run) > 0 {
		n, digits := 1, phone.Digits(run[0])
		for n < len(run) && !strings.HasPrefix(run[n], "+") {
			more := phone.Digits(run[n])
			if len(digits) >= minNumber && len(more) >= minNumber || len(digits)+len(more) > maxNumber {
				break
			}
			digits += more
			n++
		}
		parts := make([]string, 0, n)
		for _, part := range run[:n] {
			if word := tokenOf(part).word; word != "" {
				parts = append(parts, word)
			}
		}
		switch digits := phone.Digits(strings.Join(run[:n], " ")); {
		case len(digits) >= minNumber:
			all = append(all, token{digits: digits, parts: parts})
		default:
			for _, word := range parts {
				all = append(all, token{word: word})
			}
		}
		run = run[n:]
	}
	return all
}

// split returns the words of a word with punctuation inside: "o" and "brien" for
// "o'brien". It returns nil for a word without.
func split(word string) []string {
	parts := strings.FieldsFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
	})
	if len(parts) == 1 && parts[0] == word {
		return nil
	}
	return parts
}

// cut returns at most the first maxWord bytes of a word, in whole characters.
func cut(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// stem returns the first minPrefix characters of a word, or false if it has fewer.
func stem(word string) (string, bool) {
	n := 0
	for i := range word {
		if n == minPrefix {
			return word[:i], true
		}
		n++
	}
	return word, n == minPrefix
}

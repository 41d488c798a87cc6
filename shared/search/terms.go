package search

import (
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/phone"
	"github.com/callrecordings/api/shared/recording"
)

const (
	// MaxTerms is the maximum number of different words and numbers of one recording that
	// are indexed. A search does not find a recording by those beyond it.
	MaxTerms = 256
	// minPrefix is the least number of characters of a prefix.
	minPrefix = 3
)

// content has the words and numbers of a recording.
type content struct {
	words, numbers map[string]bool
}

// contentOf collects the words and numbers of a recording: those of its parties, its
// IDs, its names, and its user_metadata.
func contentOf(r *recording.Recording) content {
	c := content{words: map[string]bool{}, numbers: map[string]bool{}}
	c.addID(r.Owner)
	for name, raw := range r.Document.Fields() {
		switch add := fields[name]; {
		case add != nil && raw[0] == '"':
			add(&c, recording.Unquote(raw))
		case name == "user_metadata":
			c.addMetadata(raw)
		}
	}
	return c
}

// fields has the fields of a document that are searched, and how.
var fields = map[string]func(c *content, value string){
	"call_id": (*content).addID, "interaction_id": (*content).addID, "cdr_id": (*content).addID,
	"conference_id":    (*content).addID,
	"caller_id_number": (*content).addParty, "callee_id_number": (*content).addParty,
	"from": (*content).addParty, "to": (*content).addParty, "request": (*content).addParty,
	"caller_id_name": (*content).addText, "callee_id_name": (*content).addText,
	"conference_name": (*content).addText, "description": (*content).addText,
	"name": (*content).addFile,
}

// full reports whether c has as many words and numbers as are indexed.
func (c *content) full() bool { return len(c.words)+len(c.numbers) >= MaxTerms }

func (c *content) addWord(word string) {
	if word != "" && !c.full() {
		c.words[word] = true
	}
}

func (c *content) addNumber(digits string) {
	if !c.full() {
		c.numbers[digits] = true
	}
}

// addText adds the words and numbers of a text that people write.
func (c *content) addText(text string) {
	for _, t := range tokens(fold(text)) {
		c.addToken(t)
		for _, part := range split(t.word) {
			if isNumeric(part) {
				c.addDigits(part)
			} else {
				c.addWord(part)
			}
		}
	}
}

// addToken adds a token as it is searched for.
func (c *content) addToken(t token) {
	if t.digits != "" {
		c.addNumber(t.digits)
	}
	c.addWord(t.word)
	for _, part := range t.parts {
		c.addDigits(part)
	}
}

// addDigits adds a part of a number, or a short one.
func (c *content) addDigits(part string) {
	if digits := phone.Digits(part); len(digits) >= minNumber {
		c.addNumber(digits)
	} else {
		c.addWord(part)
	}
}

// addID adds an ID, and the part before its host.
func (c *content) addID(id string) {
	if id == "" {
		return
	}
	for _, t := range tokens(fold(id)) {
		c.addToken(t)
		if before, _, ok := strings.Cut(t.word, "@"); ok {
			c.addToken(tokenOf(before))
		}
	}
}

// addFile adds the name of a file, with and without its extension.
func (c *content) addFile(name string) {
	c.addID(name)
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		c.addID(name[:i])
	}
}

// unknown are the values that stand for a party that is not known.
var unknown = map[string]bool{"unknown": true, "anonymous": true}

// addParty adds the number of a party, or its name if it has no number. The host of an
// address is that of the account, and not searched.
func (c *content) addParty(address string) {
	if digits := phone.Digits(address); digits != "" {
		c.addDigits(digits)
		return
	}
	user, _, _ := strings.Cut(address, "@")
	if user = fold(user); !unknown[user] {
		c.addText(user)
	}
}

// addMetadata adds the tags, the notes and all other texts and numbers of user_metadata.
func (c *content) addMetadata(raw string) {
	for name, value := range recording.Document(raw).Fields() {
		switch name {
		case "tags":
			for _, tag := range tagsOf(value) {
				c.addText(tag)
			}
		case "notes":
			c.addNotes(value)
		default:
			c.addValue(value)
		}
	}
}

// addNotes adds the texts of notes, in any form that clients write
// (docs/reference/tags-and-notes.md), without who wrote them and when.
func (c *content) addNotes(raw string) {
	add := func(note string) {
		if note[0] != '{' {
			c.addValue(note)
		} else if text, ok := recording.Document(note).Raw("text"); ok {
			c.addValue(text)
		}
	}
	switch raw[0] {
	case '{':
		for _, note := range recording.Document(raw).Fields() {
			add(note)
		}
	case '[':
		for note := range recording.Elements(raw) {
			add(note)
		}
	default:
		c.addValue(raw)
	}
}

// addValue adds the texts and numbers in a JSON value.
func (c *content) addValue(raw string) {
	switch raw[0] {
	case '"':
		c.addText(recording.Unquote(raw))
	case '{':
		for _, value := range recording.Document(raw).Fields() {
			c.addValue(value)
		}
	case '[':
		for value := range recording.Elements(raw) {
			c.addValue(value)
		}
	case 't', 'f', 'n':
	default:
		c.addText(raw)
	}
}

// tagsOf returns the tags in the value of user_metadata.tags: the keys of an object, or a
// list of names, or one name.
func tagsOf(raw string) []string {
	var tags []string
	switch raw[0] {
	case '{':
		for tag, value := range recording.Document(raw).Fields() {
			if value != "false" && value != "null" {
				tags = append(tags, tag)
			}
		}
	case '[':
		for value := range recording.Elements(raw) {
			if value[0] == '{' {
				value, _ = recording.Document(value).Raw("name")
			}
			if strings.HasPrefix(value, `"`) {
				tags = append(tags, recording.Unquote(value))
			}
		}
	case '"':
		tags = append(tags, recording.Unquote(raw))
	}
	slices.Sort(tags)
	return slices.DeleteFunc(slices.Compact(tags), func(tag string) bool { return tag == "" })
}

// terms returns the terms of c with their details. A term is a kind and a text without
// spaces. A detail is compared before the recording is read.
func (c content) terms() map[string]string {
	all := map[string][]string{}
	add := func(key, detail string) { all[key] = append(all[key], detail) }
	for word := range c.words {
		word = cut(word)
		all["w"+word] = nil
		if s, ok := stem(word); ok {
			add("p"+s, word)
		}
	}
	for digits := range c.numbers {
		add("n"+ending(digits), digits)
	}
	terms := make(map[string]string, len(all))
	for key, details := range all {
		slices.Sort(details)
		if text := strings.Join(slices.Compact(details), " "); len(text) <= maxDetail {
			terms[key] = text
		} else {
			terms[key] = anything
		}
	}
	return terms
}

const (
	// maxDetail is the maximum length of what an entry is compared by, so that it stays far
	// below the kilobyte that one write unit pays for.
	maxDetail = 200
	// anything is the detail of an entry that has too many words: it may match any prefix.
	anything = "*"
)

// ending returns the last minNumber digits of a number.
func ending(digits string) string { return digits[len(digits)-minNumber:] }

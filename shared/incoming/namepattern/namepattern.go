// Package namepattern reads what the name of a file tells of a recorded call:
// its call, sides, times and user, as the PBX that wrote it put them there.
//
// A [Pattern] describes a layout of names. Outside of braces and brackets a
// character stands for itself.
//
//	{field}          a public field, or another name of one (recording.Call): one
//	                 or more characters, no slash
//	{start:FORMAT}   a time as strftime writes it: %Y %y %m %d %H %M %S %b %s
//	{id}             the id of a recording, YYYYMM-…
//	{ext}            the extension; "json" for a file of metadata beside the audio
//	{labels}         parts such as from=1001, with & or ; or / between them
//	{*}              anything without a slash
//	{**}             anything
//	[…]              may be missing
//
// Percent escapes in a name are decoded in the values, after the match: an
// escaped slash parts nothing. What follows from a match is only ever taken for
// the account that the file was found in.
package namepattern

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"callrecordings/shared/recording"
)

// ErrPattern is the error of a text that is no pattern.
var ErrPattern = errors.New("not a pattern of file names")

// ErrZone is the error of a time zone that is not known.
var ErrZone = errors.New("not a time zone")

// MaxName is the most bytes of a name; longer ones match nothing. Keys of S3
// have no more.
const MaxName = 1024

// Pattern is one layout of names. It is safe for concurrent use.
type Pattern struct {
	text   string
	expr   *regexp.Regexp
	groups []group // of expr, from 1
}

// group is a part of a name that is kept.
type group struct {
	field string
	// layout of a time, as package time has it; unix for seconds since 1970; ""
	// for other fields.
	layout string
}

const (
	labels = "labels"
	unix   = "unix"
)

// String is the text that the pattern was made of.
func (p Pattern) String() string { return p.text }

// Set is patterns in the order in which they are tried, and the zone of times
// that name none.
type Set struct {
	Patterns []Pattern
	// Zone of the PBX's clock; nil is UTC.
	Zone *time.Location
	// more are tried behind Patterns.
	more func() []Pattern
}

// Open returns a set of patterns of one's own, with white space between them,
// in front of [Known]. zone is a name of the IANA's time zones, "" for UTC.
// Errors: ErrPattern; ErrZone.
func Open(own, zone string) (Set, error) {
	at, err := time.LoadLocation(zone)
	if err != nil {
		return Set{}, fmt.Errorf("%w: %q", ErrZone, zone)
	}
	s, err := Parse(own, at)
	s.more = known
	return s, err
}

// known are the patterns of [Known], made when the first name is read: a
// function's start has no use for them.
var known = sync.OnceValue(func() []Pattern {
	s, err := Parse(Known, nil)
	if err != nil { // a test would have failed
		return nil
	}
	return s.Patterns
})

// Parse reads patterns with white space between them. Error: ErrPattern.
func Parse(text string, zone *time.Location) (Set, error) {
	s := Set{Zone: zone}
	for _, one := range strings.Fields(text) {
		p, err := compile(one)
		if err != nil {
			return Set{}, fmt.Errorf("%w: %q: %w", ErrPattern, one, err)
		}
		s.Patterns = append(s.Patterns, p)
	}
	return s, nil
}

// Name is what a name tells.
type Name struct {
	// Call is what it says of the call. Its "name" is the file's own, with its
	// extension.
	Call recording.Call
	// Stem is the name without its extension, by which audio and the metadata
	// beside it belong together.
	Stem string
	// Ext is the extension, in lower case, without its dot; "" for none.
	Ext string
}

// Match reads name, which has slashes between its folders and none in front.
// It reports false if no pattern describes it.
func (s Set) Match(name string) (Name, bool) {
	if len(name) > MaxName || strings.HasPrefix(name, "/") {
		return Name{}, false
	}
	call, ok := s.first(s.Patterns, name)
	if !ok && s.more != nil {
		call, ok = s.first(s.more(), name)
	}
	if !ok {
		return Name{}, false
	}
	return named(name, call), true
}

// Call is what Match reads of the call.
func (s Set) Call(name string) (recording.Call, bool) {
	n, ok := s.Match(name)
	return n.Call, ok
}

// first reads a name by the first pattern that describes it.
func (s Set) first(patterns []Pattern, name string) (recording.Call, bool) {
	for _, p := range patterns {
		if call, ok := p.match(name, s.Zone); ok {
			return call, true
		}
	}
	return nil, false
}

// Unmatched is the Name of a file whose name tells nothing.
func Unmatched(name string) Name { return named(name, recording.Call{}) }

func named(name string, call recording.Call) Name {
	ext := path.Ext(name)
	n := Name{Call: call, Stem: recording.Stem(name), Ext: strings.ToLower(strings.TrimPrefix(ext, "."))}
	delete(call, "ext")
	if said := call["name"]; said != "" && !strings.HasSuffix(said, ext) {
		call["name"] = said + ext
	}
	call.Set("name", decoded(path.Base(name)))
	return n
}

// match reads a name by one pattern.
func (p Pattern) match(name string, zone *time.Location) (recording.Call, bool) {
	found := p.expr.FindStringSubmatch(name)
	if found == nil {
		return nil, false
	}
	call := recording.Call{}
	for i, g := range p.groups {
		value := found[i+1]
		switch {
		case value == "":
		case g.field == labels:
			readLabels(call, value)
		case g.layout != "":
			at, ok := readTime(g.layout, value, zone)
			if !ok {
				return nil, false
			}
			call.Set(g.field, strconv.FormatInt(int64(at), 10))
		default:
			call.Set(g.field, decoded(value))
		}
	}
	if _, err := call.ID(); err != nil {
		return nil, false
	}
	return call, true
}

// readLabels reads name=value parts. What has no name says nothing.
func readLabels(call recording.Call, text string) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '&' || r == ';' || r == '/' }) {
		if name, value, ok := strings.Cut(part, "="); ok {
			call.Set(name, decoded(value))
		}
	}
}

// readTime reads a time by its layout.
func readTime(layout, value string, zone *time.Location) (recording.Seconds, bool) {
	if layout == unix {
		at, err := recording.ParseTime(value)
		return at, err == nil
	}
	if zone == nil {
		zone = time.UTC
	}
	at, err := time.ParseInLocation(layout, value, zone)
	return recording.SecondsOf(at), err == nil
}

// decoded takes percent escapes away; a value with a wrong one stays as it is.
func decoded(value string) string {
	if d, err := url.PathUnescape(value); err == nil {
		return d
	}
	return value
}

package namepattern

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// classes holds the expressions of the fields that accept only certain characters.
// The expressions are not greedy, so that the rest of the pattern can match.
var classes = map[string]string{
	"id":       `[0-9]{6}-[A-Za-z0-9_.@%-]{1,200}?`,
	"ext":      `[A-Za-z0-9]{1,8}`,
	labels:     `(?:[A-Za-z_]+=[^/&;]*[/&;])*[A-Za-z_]+=[^/&;]*?`,
	"owner_id": `[A-Za-z0-9_-]{1,64}?`,
	// The inbox or the folder determines the account; a name may only repeat it.
	"account_id": `[A-Za-z0-9_-]{1,64}?`,
}

// anything is the expression of all other fields.
const anything = `[^/]+?`

// digits holds the parts of times: their expression, and their form in the
// layouts of package time.
var digits = map[byte]struct{ expr, layout string }{
	'Y': {`[0-9]{4}`, "2006"},
	'y': {`[0-9]{2}`, "06"},
	'm': {`[0-9]{2}`, "01"},
	'd': {`[0-9]{2}`, "02"},
	'H': {`[0-9]{2}`, "15"},
	'M': {`[0-9]{2}`, "04"},
	'S': {`[0-9]{2}`, "05"},
	'b': {`[A-Z][a-z]{2}`, "Jan"},
}

// maxPattern is the most bytes of a pattern.
const maxPattern = 512

// Reasons why a pattern is invalid.
var (
	errLong    = fmt.Errorf("it has more than %d bytes", maxPattern)
	errOpen    = errors.New("a brace or a bracket is not closed, or not opened")
	errField   = errors.New("braces must contain a field, *, **, or a field, a colon and a time format")
	errFormat  = errors.New("a time format consists of %Y %y %m %d %H %M %S %b with - _ . / : T between them, or of %s alone")
	errNothing = errors.New("it contains no field")
)

// compile compiles one pattern.
func compile(text string) (Pattern, error) {
	p := Pattern{text: text}
	if len(text) > maxPattern {
		return p, errLong
	}
	var expr strings.Builder
	depth := 0
	for rest := text; rest != ""; {
		c := rest[0]
		rest = rest[1:]
		switch c {
		case '{':
			inner, after, ok := strings.Cut(rest, "}")
			if !ok {
				return p, errOpen
			}
			part, err := p.field(inner)
			if err != nil {
				return p, err
			}
			expr.WriteString(part)
			rest = after
		case '[':
			depth++
			expr.WriteString("(?:")
		case ']':
			depth--
			expr.WriteString(")?")
		case '}':
			return p, errOpen
		default:
			expr.WriteString(regexp.QuoteMeta(string(c)))
		}
		if depth < 0 {
			return p, errOpen
		}
	}
	if depth != 0 {
		return p, errOpen
	}
	if len(p.groups) == 0 {
		return p, errNothing
	}
	var err error
	p.expr, err = regexp.Compile(`^(?s:` + expr.String() + `)$`)
	return p, err
}

// isField reports whether name has the form of a field name. (A regular
// expression would be compiled at each start of the program.)
func isField(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// field returns the expression for the text between braces.
func (p *Pattern) field(inner string) (string, error) {
	switch inner {
	case "*":
		return `[^/]*?`, nil
	case "**":
		return `.*?`, nil
	}
	name, format, timed := strings.Cut(inner, ":")
	if !isField(name) {
		return "", errField
	}
	g := group{field: name}
	expr := classes[name]
	if expr == "" {
		expr = anything
	}
	if timed {
		var err error
		if expr, g.layout, err = timeOf(format); err != nil {
			return "", err
		}
	}
	p.groups = append(p.groups, g)
	return "(" + expr + ")", nil
}

// separators may stand between the parts of a time. Letters and digits may not,
// since layouts of package time would interpret some of them.
const separators = "-_./:T"

// timeOf converts a format of strftime to an expression and a layout.
func timeOf(format string) (expr, layout string, err error) {
	if format == "%s" {
		return `[0-9]{1,12}`, unix, nil
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			if strings.IndexByte(separators, format[i]) < 0 {
				return "", "", errFormat
			}
			expr += regexp.QuoteMeta(format[i : i+1])
			layout += format[i : i+1]
			continue
		}
		i++
		if i == len(format) || digits[format[i]].expr == "" {
			return "", "", errFormat
		}
		expr += digits[format[i]].expr
		layout += digits[format[i]].layout
	}
	if !strings.Contains(layout, "06") {
		return "", "", errFormat // without a year
	}
	return expr, layout, nil
}

package openapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/callrecordings/api/shared/openapi"
)

// object is a JSON object of the document.
type object = map[string]any

// definition is the document, prepared for validation.
type definition struct {
	root  object
	paths []path
	// known holds the lower-case names of all response headers in the document.
	known map[string]bool

	compiler *jsonschema.Compiler
	mu       sync.Mutex // guards compiler
}

// path is a path template with its operations.
type path struct {
	template   string
	segments   []string
	pointer    string
	item       object
	parameters []parameter
}

// parameter is a parameter of an operation. pointer is the JSON pointer of its schema.
type parameter struct {
	name, in, pointer string
	required          bool
}

// load parses the document once.
var load = sync.OnceValues(func() (*definition, error) { return parse(openapi.JSON) })

// document is the name of the definition in the schema compiler. JSON pointers into the
// definition follow a "#".
const document = "openapi.json"

// parse prepares a definition. The schemas are JSON Schema 2020-12. Their format keyword is checked
// here, including OpenAPI's int64.
func parse(text []byte) (*definition, error) {
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", document, err)
	}
	d := &definition{compiler: jsonschema.NewCompiler(), known: map[string]bool{}}
	d.root, _ = root.(object)
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	d.compiler.RegisterFormat(&jsonschema.Format{Name: "int64", Validate: isInt64})
	if err := d.compiler.AddResource(document, root); err != nil {
		return nil, fmt.Errorf("%s: %w", document, err)
	}
	for template, item := range d.at(d.root, "paths") {
		p := path{template: template, segments: strings.Split(template, "/"), pointer: pointer("#", "paths", template)}
		p.item, _ = item.(object)
		p.parameters = d.parametersOf(p.item, p.pointer)
		d.paths = append(d.paths, p)
	}
	// A literal segment takes precedence over a parameter (OpenAPI 3.1, Paths Object).
	slices.SortFunc(d.paths, func(a, b path) int { return strings.Compare(precedence(a.segments), precedence(b.segments)) })
	d.learn(d.at(d.root, "components", "responses"))
	for _, p := range d.paths {
		for method := range p.item {
			d.learn(d.at(p.item, method, "responses"))
		}
	}
	return d, nil
}

// learn adds the names of the headers of responses to known.
func (d *definition) learn(responses object) {
	for _, response := range responses {
		headers, _ := response.(object)
		for name := range d.at(headers, "headers") {
			d.known[strings.ToLower(name)] = true
		}
	}
}

// isInt64 is the format int64: a JSON number that is not an integer of 64 bits violates
// it.
func isInt64(v any) error {
	n, ok := v.(json.Number)
	if !ok {
		return nil
	}
	if _, err := n.Int64(); err != nil {
		if f, err := n.Float64(); err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return fmt.Errorf("%s is not an integer of 64 bits", n)
		}
	}
	return nil
}

// precedence returns a text that sorts literal segments before parameters.
func precedence(segments []string) string {
	var b strings.Builder
	for _, s := range segments {
		if strings.HasPrefix(s, "{") {
			b.WriteString("~/")
		} else {
			b.WriteString(s + "/")
		}
	}
	return b.String()
}

// pointer appends names to a JSON pointer (RFC 6901).
func pointer(base string, names ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	b.WriteString(base)
	for _, name := range names {
		b.WriteString("/" + escape.Replace(name))
	}
	return b.String()
}

// at starts at from, follows a path of names, and returns the object there. It resolves
// references.
func (d *definition) at(from object, names ...string) object {
	at, _ := d.follow(from, "", names...)
	return at
}

// follow is at that also returns the JSON pointer of the object, given that of from.
func (d *definition) follow(from object, base string, names ...string) (object, string) {
	for _, name := range names {
		base = pointer(base, name)
		next, _ := from[name].(object)
		from, base = d.resolve(next, base)
	}
	return from, base
}

// resolve follows the references of a parameter, header, response or body. It leaves
// schemas alone, because the compiler resolves their references.
func (d *definition) resolve(at object, base string) (object, string) {
	for {
		ref, ok := at["$ref"].(string)
		if !ok || len(at) > 1 || strings.Contains(base, "/schema") {
			return at, base
		}
		next := d.root
		for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			next, _ = next[name].(object)
		}
		at, base = next, ref
	}
}

// parametersOf returns the parameters of a path or an operation.
func (d *definition) parametersOf(of object, base string) []parameter {
	list, _ := of["parameters"].([]any)
	all := make([]parameter, 0, len(list))
	for i, element := range list {
		o, _ := element.(object)
		o, at := d.resolve(o, pointer(base, "parameters", strconv.Itoa(i)))
		p := parameter{pointer: pointer(at, "schema")}
		p.name, _ = o["name"].(string)
		p.in, _ = o["in"].(string)
		p.required, _ = o["required"].(bool)
		all = append(all, p)
	}
	return all
}

// find returns the path of the document that matches, and its operation for the method.
// Both are nil if the document has none.
func (d *definition) find(method, escaped string) (*path, object) {
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		if text, err := url.PathUnescape(s); err == nil {
			segments[i] = text
		}
	}
	for i := range d.paths {
		p := &d.paths[i]
		if !p.matches(segments) {
			continue
		}
		if operation, ok := p.item[strings.ToLower(method)].(object); ok {
			return p, operation
		}
	}
	return nil, nil
}

func (p *path) matches(segments []string) bool {
	return slices.EqualFunc(p.segments, segments, func(want, got string) bool {
		return want == got || strings.HasPrefix(want, "{") && got != ""
	})
}

// values returns the values of the path's parameters.
func (p *path) values(segments []string) map[string]string {
	all := map[string]string{}
	for i, s := range p.segments {
		if strings.HasPrefix(s, "{") && i < len(segments) {
			all[strings.Trim(s, "{}")] = segments[i]
		}
	}
	return all
}

// schema compiles the schema at a JSON pointer.
func (d *definition) schema(at string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.compiler.Compile(document + at)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", at, err)
	}
	return s, nil
}

// json validates JSON text.
func (d *definition) json(at string, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return d.value(at, v)
}

// value validates a value.
func (d *definition) value(at string, v any) error {
	s, err := d.schema(at)
	if err != nil {
		return err
	}
	return s.Validate(v) //nolint:wrapcheck // the callers add what they validated
}

// text validates the value of a parameter or header. A number is a number if the schema
// takes it as one.
func (d *definition) text(at, text string) error {
	s, err := d.schema(at)
	if err != nil {
		return err
	}
	err = s.Validate(text)
	if err == nil {
		return nil
	}
	for _, c := range text {
		if !strings.ContainsRune("-+.eE0123456789", c) {
			return err //nolint:wrapcheck // the callers add what they validated
		}
	}
	v, parseErr := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if parseErr != nil {
		return err //nolint:wrapcheck // as above
	}
	return s.Validate(v) //nolint:wrapcheck // as above
}

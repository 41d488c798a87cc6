package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/strictjson"
)

// noRow has the errors that need no row in errorTable, each with the reason.
var noRow = map[string]string{
	"access.ErrAccount":       "only the command line changes the account tree",
	"access.ErrAccountExists": "only the command line changes the account tree",
	"access.ErrCycle":         "only the command line changes the account tree",
	"access.ErrNoAccount":     "only the command line changes the account tree",
	"auth.ErrNoSigningKey":    "only the command line and make run sign tokens",
	"egress.ErrAddress":       "only the functions keys and deliver, and the command line, send requests to other hosts",
	"incoming.ErrEarly":       "only package bucket returns it, for an event of the bucket",
	"incoming.ErrKept":        "only package bucket returns it, for an event of the bucket",
	"incoming.ErrUnchanged":   "only package bucket returns it, for an event of the bucket",
	"notify.ErrUnavailable":   "only the function publish sends events",
	"job.ErrLost":             "only workers get it",
	"job.ErrTooMuch":          "only the command line reads what jobs name",
	"zipfile.ErrSize":         "only workers write files",
	"job.ErrUnknownAction":    "only workers get it; the API checks the name first",
	"search.ErrBusy":          "only the function index indexes recordings",
	"search.ErrEmpty":         "parseSearch returns a FieldError in its place",
	"search.ErrShort":         "parseSearch returns a FieldError in its place",
	"search.ErrLong":          "parseSearch returns a FieldError in its place",
	"hold.ErrNoRecording":     "the request for a new hold returns badIdentifier in its place, with the ID of the recording",
	"recording.ErrNotObject":  "ParsePatch and ParseCreation return FieldErrors in its place, and storage requests ignore an invalid document",
}

// Every exported error of the packages of this module that this one imports,
// directly or not, must have a row in errorTable or a reason to have none. The
// drivers return these errors, too, because that is the contract of the
// interfaces in store and media.
func TestErrorTableIsComplete(t *testing.T) {
	t.Parallel()
	rows := tableRows(t)
	found := reachableErrors(t)
	if len(found) < 15 {
		t.Fatalf("only %d reachable errors: %q", len(found), found)
	}
	for _, name := range found {
		_, hasReason := noRow[name]
		if hasRow := slices.Contains(rows, name); hasRow == hasReason {
			t.Errorf("%s: row in errorTable %t, reason in noRow %t; want one of them", name, hasRow, hasReason)
		}
	}
	for name := range noRow {
		if !slices.Contains(found, name) {
			t.Errorf("%s is in noRow, but not reachable", name)
		}
	}
	for _, row := range errorTable {
		if p := (&request{}).public(fmt.Errorf("wrapped: %w", row.err)); p.code == "unspecified_fault" {
			t.Errorf("%v has a row in errorTable, but is answered as an unknown error", row.err)
		}
	}
}

// tableRows returns the names of the errors in errorTable, such as
// "auth.ErrInvalid".
func tableRows(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, table := range variables(file, "errorTable") {
		for _, row := range table.Values[0].(*ast.CompositeLit).Elts {
			selector, ok := row.(*ast.CompositeLit).Elts[0].(*ast.SelectorExpr)
			if !ok {
				t.Fatalf("a row of errorTable does not start with package.Error: %v", row)
			}
			names = append(names, selector.X.(*ast.Ident).Name+"."+selector.Sel.Name)
		}
	}
	if len(names) != len(errorTable) {
		t.Fatalf("found %d rows of errorTable, want %d", len(names), len(errorTable))
	}
	return names
}

// reachableErrors returns the names of the exported errors of the packages of
// this module that this package depends on.
func reachableErrors(t *testing.T) []string {
	t.Helper()
	const module = "github.com/callrecordings/api/"
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Name,Dir,GoFiles", ".")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var names []string
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Name, Dir string
			GoFiles               []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return names
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		if !strings.HasPrefix(p.ImportPath, module) {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range variables(file, "^Err[A-Z]") {
				for _, v := range spec.Names {
					names = append(names, p.Name+"."+v.Name)
				}
			}
		}
	}
}

// variables returns the package-level variables of file with a name that matches
// pattern.
func variables(file *ast.File, pattern string) []*ast.ValueSpec {
	matches := regexp.MustCompile(pattern)
	var found []*ast.ValueSpec
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			values, ok := spec.(*ast.ValueSpec)
			if ok && slices.ContainsFunc(values.Names, func(n *ast.Ident) bool { return matches.MatchString(n.Name) }) {
				found = append(found, values)
			}
		}
	}
	return found
}

func TestAnswersOfErrors(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	field := recording.FieldError{Field: "a.b", Code: "type", Message: "Value did not match type(s): string", Target: "string", Value: json.RawMessage(`5`)}
	for _, tt := range []struct {
		name            string
		err             error
		status          int
		message, data   string
		header, content string
	}{
		{"token", auth.ErrInvalid, 401, "invalid_credentials", `{"message":"invalid credentials"}`, "Www-Authenticate", "Bearer"},
		{"cursor", cursor.ErrInvalid, 400, "validation error", `{"start_key":{"wrong_format":{"format":"next_start_key of the same list","message":"Field is not in the correct format"}}}`, "", ""},
		{"old cursor of the feed", feed.ErrTooOld, 410, "cursor_expired", `{"details":"changes after this cursor are no longer kept, or are missing; start again from a list","message":"cursor expired"}`, "", ""},
		{"id", recording.ErrBadID, 404, "bad_identifier", `{"cause":"","message":"bad identifier"}`, "", ""},
		{"other account", incoming.ErrOtherAccount, 403, "forbidden", `{"message":"forbidden"}`, "", ""},
		{"two ids", incoming.ErrTwoIDs, 400, "validation error", `{"id":{"wrong_format":{"format":"one YYYYMM-…","message":"Field is not in the correct format"}}}`, "", ""},
		{"recording", store.ErrNotFound, 404, "bad_identifier", `{"cause":"","message":"bad identifier"}`, "", ""},
		{"conflict", store.ErrConflict, 409, "datastore_conflict", `{"message":"conflicting documents"}`, "", ""},
		{"exists", store.ErrExists, 409, "datastore_conflict", `{"message":"there is another recording of this id"}`, "", ""},
		{"deleted", store.ErrDeleted, 409, "datastore_conflict", `{"message":"a recording of this id was deleted"}`, "", ""},
		{"occupied", media.ErrOccupied, 409, "datastore_conflict", `{"message":"there is other audio already"}`, "", ""},
		{"store too large", store.ErrTooLarge, 413, "entity_too_large", `{"message":"the document would become too large"}`, "", ""},
		{"store", store.ErrUnavailable, 503, "datastore_unreachable", `{"message":"datastore timeout"}`, "Retry-After", "2"},
		{"audio store", media.ErrUnavailable, 503, "datastore_unreachable", `{"message":"datastore timeout"}`, "Retry-After", "2"},
		{"audio changed", media.ErrChanged, 503, "datastore_unreachable", `{"message":"datastore timeout"}`, "Retry-After", "2"},
		{"deadline", context.DeadlineExceeded, 503, "datastore_unreachable", `{"message":"datastore timeout"}`, "Retry-After", "2"},
		{"canceled", context.Canceled, 503, "datastore_unreachable", `{"message":"datastore timeout"}`, "Retry-After", "2"},
		{"store over deadline", fmt.Errorf("%w: %w", store.ErrNotFound, context.DeadlineExceeded), 404, "bad_identifier", `{"cause":"","message":"bad identifier"}`, "", ""},
		{"syntax", strictjson.ErrSyntax, 400, "parse_error", `{"json":{"invalid":{"message":"failed to parse request body","target":"body"}}}`, "", ""},
		{"duplicate", strictjson.ErrDuplicate, 400, "parse_error", `{"json":{"invalid":{"message":"an object has the same key twice","target":"body"}}}`, "", ""},
		{"depth", strictjson.ErrDepth, 400, "parse_error", `{"json":{"invalid":{"message":"too deeply nested","target":"body"}}}`, "", ""},
		{"number", strictjson.ErrNumber, 400, "parse_error", `{"json":{"invalid":{"message":"a number is out of range","target":"body"}}}`, "", ""},
		{"UTF-8", strictjson.ErrUTF8, 400, "parse_error", `{"json":{"invalid":{"message":"not valid UTF-8","target":"body"}}}`, "", ""},
		{"field", field, 400, "validation error", `{"a.b":{"type":{"message":"Value did not match type(s): string","target":"string","value":5}}}`, "", ""},
		{"fields", recording.FieldErrors{field, {Field: "a.b", Code: "x", Message: "m"}, {Field: "c", Code: "y", Message: "n"}}, 400, "validation error", `{"a.b":{"type":{"message":"Value did not match type(s): string","target":"string","value":5},"x":{"message":"m"}},"c":{"y":{"message":"n"}}}`, "", ""},
		{"invalid", invalid("f", "enum", "m", map[string]any{"value": "v"}), 400, "validation error", `{"f":{"enum":{"message":"m","value":"v"}}}`, "", ""},
		{"identifier", badIdentifier("i", "why"), 404, "bad_identifier", `{"cause":"i","details":"why","message":"bad identifier"}`, "", ""},
		{"body", parseError("m", nil), 400, "parse_error", `{"json":{"invalid":{"message":"m","target":"body"}}}`, "", ""},
		{"large", tooLarge("d"), 413, "entity_too_large", `{"details":"d","message":"entity too large"}`, "", ""},
		{"no token", errors.Join(auth.ErrInvalid, verifyError(t, "")), 401, "invalid_credentials", `{"message":"invalid credentials"}`, "Www-Authenticate", "Bearer"},
		{
			"malformed token", verifyError(t, "a.b"), 401, "invalid_credentials", `{"cause":"malformed","message":"invalid credentials"}`,
			"Www-Authenticate", `Bearer error="invalid_token", error_description="malformed"`,
		},
		{"type", unsupportedMediaType("a/b", "c/d"), 415, "unsupported_media_type", `{"accepted":["a/b","c/d"],"message":"unsupported media type"}`, "", ""},
		{"coding", unsupportedCoding(), 415, "unsupported_media_type", `{"details":"Content-Encoding must be absent or identity","message":"unsupported media type"}`, "", ""},
		{"not acceptable", notAcceptable([]offer{offerDocument, offerCSV}), 406, "not_acceptable", `{"accepted":["application/json","text/csv"],"message":"not acceptable"}`, "", ""},
		{"precondition", errPreconditionFailed, 412, "precondition_failed", `{"message":"precondition failed"}`, "", ""},
		{"range", rangeNotSatisfiable(7), 416, "range not satisfiable", `{}`, "Content-Range", "bytes */7"},
		{"too much", errTooMuch, 416, "range not satisfiable", `{"details":"the list is too long for one answer: leave out paginate=false and follow next_start_key, or choose a shorter time","message":"range not satisfiable"}`, "", ""},
		{"too much to sort", errUnsortable, 416, "range not satisfiable", `{"details":"there are too many recordings to sort: choose a shorter time or a narrower search, or leave out sort","message":"range not satisfiable"}`, "", ""},
		{"too wide", search.ErrTooWide, 416, "range not satisfiable", `{"details":"the summary has too many days, owners or tags: choose a shorter time, or leave out by","message":"range not satisfiable"}`, "", ""},
		{"unknown", errors.New("of no layer"), 500, "unspecified_fault", `{"message":"unspecified fault"}`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := s.askFunc(t, func(w http.ResponseWriter, _ *request) error {
				for _, name := range representationHeaders {
					w.Header().Set(name, "of the abandoned answer")
				}
				return fmt.Errorf("private cause: %w", tt.err)
			})
			g.want(t, tt.status, tt.message)
			if diff := cmp.Diff(tt.data, withoutDoc(t, g.page(t).Data, tt.message)); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			if strings.Contains(string(g.body), "private") || strings.Contains(fmt.Sprint(g.Header()), "abandoned") {
				t.Errorf("the answer exposes internals: %v %s", g.Header(), g.body)
			}
			if got := g.Header().Get(tt.header); tt.header != "" && got != tt.content {
				t.Errorf("%s = %q, want %q", tt.header, got, tt.content)
			}
		})
	}
}

// verifyError returns the error for a token.
func verifyError(t *testing.T, token string) error {
	t.Helper()
	env, _ := newEnv(t, oneAccount, time.Now)
	_, err := env.Verifier.Verify(t.Context(), token)
	if !errors.Is(err, auth.ErrInvalid) {
		t.Fatalf("Verify(%q) = %v, want ErrInvalid", token, err)
	}
	return err
}

// withoutDoc returns the data of an error without the links to the explanation of its
// code. Each rule of a field must have a link; data without rules must have one itself.
func withoutDoc(t *testing.T, data json.RawMessage, code string) string {
	t.Helper()
	link := `"doc":"/v2/errors#` + strings.ReplaceAll(code, " ", "_") + `"`
	var plain bytes.Buffer
	if err := json.Compact(&plain, data); err != nil {
		t.Fatal(err)
	}
	text := plain.String()
	wanted := max(1, strings.Count(text, `"message":`))
	if got := strings.Count(text, link); got != wanted {
		t.Errorf("data = %s, has %d times %s, want %d", data, got, link, wanted)
	}
	for _, cut := range []string{link + ",", "," + link, link} {
		text = strings.ReplaceAll(text, cut, "")
	}
	return text
}

func TestCausesAreLogged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("read page: %w", store.ErrUnavailable), `"cause":"read page: store unavailable"`},
		{errors.New("a bug"), `"cause":"a bug"`},
		{invalid("f", "enum", "m", map[string]any{"value": "v"}), `"cause":"enum"`},
		{recording.FieldErrors{{Field: "f", Code: "type", Message: "m"}}, `"cause":"type"`},
		{fmt.Errorf("%w: %q", strictjson.ErrDuplicate, "key"), `"cause":"an object has the same key twice"`},
	} {
		s := newListAPI(t, nil)
		s.askHandler(t, s.handlerOf(func(http.ResponseWriter, *request) error { return tt.err }), "GET", tenantList)
		if !strings.Contains(s.log.String(), tt.want) {
			t.Errorf("log = %s, want %s", s.log, tt.want)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	h := s.env.handle(OpGet, func(w http.ResponseWriter, r *request) error {
		if r.id == "202601-a" {
			return r.writeDocument(w, &recording.Recording{ID: r.id, Document: "{}", Revision: "7"}, false)
		}
		return store.ErrNotFound
	})
	for id, want := range map[string]int{"202601-a": 200, "202601-b": 404} {
		head, full := s.askHandler(t, h, "HEAD", tenantList+"/"+id), s.askHandler(t, h, "GET", tenantList+"/"+id)
		if head.Code != want || len(head.body) != 0 {
			t.Errorf("HEAD %s = %d %q, want %d and no body", id, head.Code, head.body, want)
		}
		if diff := cmp.Diff(full.Header(), head.Header()); diff != "" {
			t.Errorf("headers of GET and HEAD differ (-GET +HEAD):\n%s", diff)
		}
	}
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callrecordings/shared/auth"
	"callrecordings/shared/cursor"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
	"callrecordings/shared/strictjson"
)

// tabled are the errors with a row in errorTable, by their place under shared/.
var tabled = map[string]error{
	"auth.ErrInvalid":         auth.ErrInvalid,
	"cursor.ErrInvalid":       cursor.ErrInvalid,
	"media.ErrChanged":        media.ErrChanged,
	"media.ErrNotFound":       media.ErrNotFound,
	"media.ErrOccupied":       media.ErrOccupied,
	"media.ErrUnavailable":    media.ErrUnavailable,
	"recording.ErrBadID":      recording.ErrBadID,
	"store.ErrConflict":       store.ErrConflict,
	"store.ErrDeleted":        store.ErrDeleted,
	"store.ErrExists":         store.ErrExists,
	"store.ErrNotFound":       store.ErrNotFound,
	"store.ErrTooLarge":       store.ErrTooLarge,
	"store.ErrUnavailable":    store.ErrUnavailable,
	"strictjson.ErrDepth":     strictjson.ErrDepth,
	"strictjson.ErrDuplicate": strictjson.ErrDuplicate,
	"strictjson.ErrSyntax":    strictjson.ErrSyntax,
	"strictjson.ErrUTF8":      strictjson.ErrUTF8,
}

// rowless are the others, each with the reason why no client ever meets it.
var rowless = map[string]string{
	"incoming.ErrEarly":                "belongs to an event of the bucket, not to a request",
	"incoming.ErrKept":                 "belongs to an event of the bucket, not to a request",
	"incoming/namepattern.ErrPattern":  "ends the program before there is a request",
	"incoming/namepattern.ErrZone":     "ends the program before there is a request",
	"incoming/bucket.ErrForeign":       "belongs to an event of the bucket, not to a request",
	"incoming/bucket.ErrMessage":       "belongs to an event of the bucket, not to a request",
	"incoming/bucket.ErrTime":          "belongs to an event of the bucket, not to a request",
	"incoming.ErrUnchanged":            "belongs to an event of the bucket, not to a request",
	"incoming.ErrOtherAccount":         "storage requests answer it with a 403 of their own",
	"incoming.ErrTwoIDs":               "storage requests answer it with a 400 of their own",
	"incoming/upload.ErrNotAudio":      "belongs to the command line",
	"incoming/upload.ErrDamaged":       "belongs to the command line",
	"incoming/judge.ErrNotAudio":       "belongs to the command line",
	"incoming/judge.ErrDamaged":        "belongs to the command line",
	"incoming/incomingtest.ErrKilled":  "belongs to tests",
	"notify.ErrUnavailable":            "belongs to an event of the table's stream, not to a request",
	"attempt.ErrNoTime":                "inside store.ErrUnavailable, ErrConflict and notify.ErrUnavailable",
	"audiofile.ErrDamaged":             "package judge turns it into a recording.Reason",
	"audiofile.ErrNoTime":              "package judge turns it into a recording.Reason",
	"audiofile.ErrUnknown":             "package judge turns it into a recording.Reason",
	"gateway.ErrBody":                  "comes as a failed read of the body, which the operation answers with a parse_error",
	"gateway.ErrEvent":                 "ends the invocation before there is a request",
	"incoming/upload.ErrDirection":     "belongs to the command line",
	"incoming/importer/kazoo.ErrLogin": "belongs to the command line",
	"incoming/importer/kazoo.ErrURL":   "belongs to the command line",
	"incoming/importer.ErrGone":        "belongs to the command line",
	"incoming/importer.ErrRefused":     "belongs to the command line",
	"incoming/importer.ErrTooLarge":    "belongs to the command line",
	"incoming/importer.ErrStop":        "belongs to the command line",
	"incoming/importer.ErrUnreachable": "belongs to the command line",
	"recording.ErrNotObject":           "documents from outside come by the command line; ParsePatch and ParseCreation have FieldErrors",
	"store/sqlite.ErrNewer":            "ends the program before there is a request",
	"tablestream.ErrKey":               "belongs to an event of the table's stream, not to a request",
	"tablestream.ErrTime":              "belongs to an event of the table's stream, not to a request",
}

func TestErrorTableIsComplete(t *testing.T) {
	t.Parallel()
	found := exportedErrors(t)
	if len(found) < 15 {
		t.Fatalf("only %d errors under shared/: %q", len(found), found)
	}
	for _, name := range found {
		err, hasRow := tabled[name]
		_, hasReason := rowless[name]
		if !hasRow && !hasReason {
			t.Errorf("%s has no row in errorTable: add one, and the name here; or a reason to rowless", name)
		}
		if !hasRow {
			continue
		}
		if p := (&request{}).public(fmt.Errorf("wrapped: %w", err)); p.code == "unspecified_fault" {
			t.Errorf("%s has no row in errorTable", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tabled)) {
		if !slices.Contains(found, name) {
			t.Errorf("%s is in tabled, but not under shared/", name)
		}
	}
}

// exportedErrors are the exported variables Err… of all packages under shared/.
func exportedErrors(t *testing.T) []string {
	t.Helper()
	const root = ".."
	isError := regexp.MustCompile(`^Err[A-Z]`)
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range values.Names {
						if isError.MatchString(name.Name) {
							found = append(found, filepath.ToSlash(dir)+"."+name.Name)
						}
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestErrorsAnswer(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
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
		{"id", recording.ErrBadID, 404, "bad_identifier", `{"cause":"","message":"bad identifier"}`, "", ""},
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
		{"cancelled", context.Canceled, 503, "datastore_unreachable", `{"message":"datastore timeout"}`, "Retry-After", "2"},
		{"store over deadline", fmt.Errorf("%w: %w", store.ErrNotFound, context.DeadlineExceeded), 404, "bad_identifier", `{"cause":"","message":"bad identifier"}`, "", ""},
		{"syntax", strictjson.ErrSyntax, 400, "parse_error", `{"json":{"invalid":{"message":"failed to parse request body","target":"body"}}}`, "", ""},
		{"duplicate", strictjson.ErrDuplicate, 400, "parse_error", `{"json":{"invalid":{"message":"a key stands twice in one object","target":"body"}}}`, "", ""},
		{"depth", strictjson.ErrDepth, 400, "parse_error", `{"json":{"invalid":{"message":"too deeply nested","target":"body"}}}`, "", ""},
		{"UTF-8", strictjson.ErrUTF8, 400, "parse_error", `{"json":{"invalid":{"message":"not valid UTF-8","target":"body"}}}`, "", ""},
		{"field", field, 400, "validation error", `{"a.b":{"type":{"message":"Value did not match type(s): string","target":"string","value":5}}}`, "", ""},
		{"fields", recording.FieldErrors{field, {Field: "a.b", Code: "x", Message: "m"}, {Field: "c", Code: "y", Message: "n"}}, 400, "validation error", `{"a.b":{"type":{"message":"Value did not match type(s): string","target":"string","value":5},"x":{"message":"m"}},"c":{"y":{"message":"n"}}}`, "", ""},
		{"invalid", invalid("f", "enum", "m", map[string]any{"value": "v"}), 400, "validation error", `{"f":{"enum":{"message":"m","value":"v"}}}`, "", ""},
		{"identifier", badIdentifier("i", "why"), 404, "bad_identifier", `{"cause":"i","details":"why","message":"bad identifier"}`, "", ""},
		{"body", parseError("m", nil), 400, "parse_error", `{"json":{"invalid":{"message":"m","target":"body"}}}`, "", ""},
		{"large", tooLarge("d"), 413, "entity_too_large", `{"details":"d","message":"entity too large"}`, "", ""},
		{"type", errUnsupportedMediaType, 415, "unsupported_media_type", `{"message":"unsupported media type"}`, "", ""},
		{"precondition", errPreconditionFailed, 412, "precondition_failed", `{"message":"precondition failed"}`, "", ""},
		{"range", rangeNotSatisfiable(7), 416, "range not satisfiable", `{}`, "Content-Range", "bytes */7"},
		{"too much", errTooMuch, 416, "range not satisfiable", `{}`, "", ""},
		{"unknown", errors.New("nobody knows"), 500, "unspecified_fault", `{"message":"unspecified fault"}`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := s.askMade(t, func(w http.ResponseWriter, _ *request) error {
				for _, name := range representationHeaders {
					w.Header().Set(name, "of the answer that was not given")
				}
				return fmt.Errorf("private cause: %w", tt.err)
			})
			g.want(t, tt.status, tt.message)
			if diff := cmp.Diff(tt.data, string(g.page(t).Data)); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			if strings.Contains(string(g.body), "private") || strings.Contains(fmt.Sprint(g.Header()), "not given") {
				t.Errorf("the client learns too much: %v %s", g.Header(), g.body)
			}
			if got := g.Header().Get(tt.header); tt.header != "" && got != tt.content {
				t.Errorf("%s = %q, want %q", tt.header, got, tt.content)
			}
		})
	}
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
		{fmt.Errorf("%w: %q", strictjson.ErrDuplicate, "key"), `"cause":"a key stands twice in one object"`},
	} {
		s := newShelf(t, nil)
		s.askOf(t, s.one(func(http.ResponseWriter, *request) error { return tt.err }), "GET", tenantList)
		if !strings.Contains(s.log.String(), tt.want) {
			t.Errorf("log = %s, want %s", s.log, tt.want)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	h := s.env.handle(OpGet, func(w http.ResponseWriter, r *request) error {
		if r.id == "202601-a" {
			return r.writeDocument(w, &recording.Recording{ID: r.id, Document: "{}", Revision: "7"}, false)
		}
		return store.ErrNotFound
	})
	for id, want := range map[string]int{"202601-a": 200, "202601-b": 404} {
		head, full := s.askOf(t, h, "HEAD", tenantList+"/"+id), s.askOf(t, h, "GET", tenantList+"/"+id)
		if head.Code != want || len(head.body) != 0 {
			t.Errorf("HEAD %s = %d %q, want %d and no body", id, head.Code, head.body, want)
		}
		if diff := cmp.Diff(full.Header(), head.Header()); diff != "" {
			t.Errorf("headers of GET and HEAD differ (-GET +HEAD):\n%s", diff)
		}
	}
}

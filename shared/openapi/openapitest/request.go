package openapitest

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// request is a request in a form that the definition can describe.
type request struct {
	path   string // escaped
	query  url.Values
	header http.Header
	body   []byte
}

// storageParts is the number of parts in the path of a storage request: the empty
// part before the first slash, the version, "storage", account, secret and name.
const storageParts = 6

// request returns the request in a form that the definition can describe. It drops a
// trailing slash, as the API does. It sets the type of a body with any +json type, or
// without a type, to application/json: the definition allows such bodies only in its
// descriptions, because its media types cannot express them. The body of a storage
// request may have any type except JSON, so its type becomes application/octet-stream.
func (x *Exchange) request(u *url.URL) request {
	r := request{path: strings.TrimSuffix(u.EscapedPath(), "/"), header: x.Header.Clone(), body: x.Body}
	if r.header == nil {
		r.header = http.Header{}
	}
	parts := strings.SplitN(r.path, "/", storageParts)
	stored := len(parts) == storageParts && parts[2] == "storage"
	if stored {
		// OpenAPI has no parameters that span several segments.
		parts[storageParts-1] = strings.ReplaceAll(parts[storageParts-1], "/", ":")
		r.path = strings.Join(parts, "/")
	}
	r.query = x.meaningful(r.path, u.Query())
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	switch {
	case stored:
		r.header.Set("Content-Type", octets)
	case len(x.Body) > 0 && (kind == "" || strings.HasSuffix(kind, "+json")):
		r.header.Set("Content-Type", "application/json")
	}
	return r
}

// meaningful returns the query without the parameters that the API ignores. The
// definition mentions these cases only in its descriptions: page_size and start_key
// without paging, delivery in a request for a document, and numbers and deliveries
// whose value counts as absent. It rounds the fraction of a time, as the API does.
func (x *Exchange) meaningful(path string, query url.Values) url.Values {
	if strings.HasPrefix(path, "/v1/") || query.Has("paginate") && query.Get("paginate") != "true" {
		query.Del("page_size")
		query.Del("start_key")
	}
	if x.Status != http.StatusFound && !strings.HasPrefix(x.Answer.Get("Content-Type"), "audio/") {
		query.Del("delivery")
	}
	for _, name := range []string{"page_size", "start_key", "delivery"} {
		if absent(query.Get(name)) {
			query.Del(name)
		}
	}
	for _, name := range []string{"created_from", "created_to", "modified_from", "modified_to"} {
		text := query.Get(name)
		if absent(text) || text == "NaN" {
			query.Del(name)
		} else if at, err := strconv.ParseFloat(text, 64); err == nil && strings.Trim(text, "-0123456789") != "" {
			query.Set(name, strconv.FormatInt(int64(at), 10))
		}
	}
	return query
}

// absent reports whether a parameter with this value counts as absent.
func absent(value string) bool { return value == "" || value == "undefined" || value == "null" }

// request checks the parameters, the token and the body of a request.
func (d *definition) request(r request, p *path, operation object, at string) error {
	if err := d.secured(r, operation); err != nil {
		return err
	}
	inPath := p.values(strings.Split(r.path, "/"))
	for _, param := range slices.Concat(p.parameters, d.parametersOf(operation, at)) {
		var values []string
		switch param.in {
		case "path":
			text, err := url.PathUnescape(inPath[param.name])
			if err != nil {
				return fmt.Errorf("parameter %s: %w", param.name, err)
			}
			values = []string{text}
		case "query":
			values = r.query[param.name]
		case "header":
			values = r.header.Values(param.name)
		}
		if param.required && len(values) == 0 {
			return fmt.Errorf("parameter %s is missing", param.name)
		}
		if len(values) == 0 {
			continue
		}
		if err := d.text(param.pointer, values[0]); err != nil {
			return fmt.Errorf("parameter %s: %w", param.name, err)
		}
	}
	return d.requestBody(r, operation, at)
}

// announced is the schema of the media types that audio in a request may have.
const announced = "#/components/schemas/Announcement/properties/content_type"

// requestBody checks the body of a request. The API ignores a body where the definition
// has none.
func (d *definition) requestBody(r request, operation object, at string) error {
	if operation["requestBody"] == nil {
		return nil
	}
	body, at := d.follow(operation, at, "requestBody")
	contentType := r.header.Get("Content-Type")
	switch required, _ := body["required"].(bool); {
	case required && contentType == "":
		return errors.New("the body is missing")
	case !required && contentType == "" && len(r.body) == 0:
		return nil
	}
	content, at := d.follow(body, at, "content")
	if essence, _, _ := mime.ParseMediaType(contentType); content["audio/mpeg"] != nil && d.text(announced, essence) == nil {
		return nil
	}
	return d.body(content, at, contentType, r.body)
}

// secured checks that a request has the token that its operation needs.
func (d *definition) secured(r request, operation object) error {
	security, ok := operation["security"].([]any)
	if !ok {
		security, _ = d.root["security"].([]any)
	}
	if len(security) == 0 {
		return nil
	}
	for _, alternative := range security {
		names, _ := alternative.(object)
		for name := range names {
			scheme := d.at(d.root, "components", "securitySchemes", name)
			field, _ := scheme["name"].(string)
			switch {
			case scheme["in"] == "header" && r.header.Get(field) != "",
				scheme["in"] == "query" && r.query.Get(field) != "",
				scheme["scheme"] == "bearer" && strings.HasPrefix(strings.ToLower(r.header.Get("Authorization")), "bearer "):
				return nil
			}
		}
	}
	return errors.New("the request has no token that the operation takes")
}

package main

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sourceURL is where the files of the source can be read, followed by their version and
// path. It follows from the module path, as Go finds the module.
const sourceURL = "https://github.com/callrecordings/api/blob/v"

// documents maps the paths of documents in the source to those in an archive: a README of
// its own, and the whole documentation, because its pages link to each other.
func documents() (map[string]string, error) {
	all := map[string]string{"release/README.md": "README.md", "CHANGELOG.md": "CHANGELOG.md", "LICENSE": "LICENSE"}
	err := fs.WalkDir(os.DirFS("."), "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			all[name] = name
		}
		return err
	})
	return all, err
}

// inlineLink matches a link in Markdown: its target, and its anchor or title.
var inlineLink = regexp.MustCompile(`\]\(([^)\s#]+)([^)]*)\)`)

// bundled returns the text of a document as it is in an archive: relative links lead to
// other files of the archive, or else to the source of this version. name is its path in
// the source, and all are the documents of the archive.
func bundled(name, text, version string, all map[string]string) string {
	return inlineLink.ReplaceAllStringFunc(text, func(link string) string {
		m := inlineLink.FindStringSubmatch(link)
		target := path.Join(path.Dir(name), m[1])
		if strings.Contains(m[1], ":") || path.IsAbs(m[1]) {
			return link
		}
		if there, ok := all[target]; ok {
			relative, err := filepath.Rel(path.Dir(all[name]), there)
			if err != nil {
				return link
			}
			return "](" + filepath.ToSlash(relative) + m[2] + ")"
		}
		_, err := os.Stat(filepath.FromSlash(target))
		inside := func(there string) bool { return strings.HasPrefix(there, target+"/") && all[name] == name }
		if err != nil || slices.ContainsFunc(slices.Collect(maps.Keys(all)), inside) {
			return link // an example rather than a link, or a folder of the archive
		}
		return "](" + sourceURL + version + "/" + target + m[2] + ")"
	})
}

// writeDocuments writes the documents below a folder as they are in an archive, and returns
// them as files of the archive, below top.
func writeDocuments(dir, top, version string) ([]file, error) {
	all, err := documents()
	if err != nil {
		return nil, err
	}
	var files []file
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			return nil, err
		}
		if path.Ext(name) == ".md" {
			text = []byte(bundled(name, string(text), version, all))
		}
		to := filepath.Join(dir, filepath.FromSlash(all[name]))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // for everyone
			return nil, err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil { //nolint:gosec // for everyone
			return nil, err
		}
		files = append(files, file{top + "/" + all[name], to, 0o644})
	}
	return files, nil
}

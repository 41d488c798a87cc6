package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// walker walks a folder and follows its links.
type walker struct {
	Source
	// real holds the real paths of the folders that the walk reads recursively: the
	// root, and the targets of links that lead out of the root.
	real []string
}

func newWalker(s Source) (*walker, error) {
	root, err := realPath(s.Root)
	return &walker{Source: s, real: []string{root}}, err
}

// realPath returns the absolute path of a file, with all links resolved.
func realPath(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(name)
}

// within reports whether the path name equals folder or lies below it.
func within(name, folder string) bool {
	rest, ok := strings.CutPrefix(name, folder)
	return ok && (rest == "" || rest[0] == filepath.Separator || strings.HasSuffix(folder, string(filepath.Separator)))
}

// errCircle means that the target of a link contains a folder of the walk.
var errCircle = errors.New("it leads back to a folder above")

// follow replaces each link among the entries of a folder with its target, and adds
// the name of the link to links. It drops a link if the walk reads its target anyway, so that no
// file is imported twice. A broken link is an error.
func (w *walker) follow(dir string, entries []fs.DirEntry, links map[string]bool) (followed []fs.DirEntry, faults []error) {
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 || ignored(e.Name()) {
			followed = append(followed, e)
			continue
		}
		name := path.Join(dir, e.Name())
		info, err := w.resolve(name)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("follow the link %s: %w", name, cause(err)))
		case info != nil:
			links[e.Name()] = true
			followed = append(followed, fs.FileInfoToDirEntry(info))
		}
	}
	return followed, faults
}

// resolve returns the target of a link, or nil if the walk reads the target anyway.
func (w *walker) resolve(name string) (fs.FileInfo, error) {
	target, err := realPath(w.path(name))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(w.real, func(folder string) bool { return within(target, folder) }) {
		return nil, nil
	}
	info, err := os.Stat(w.path(name))
	if err != nil || !info.IsDir() {
		return info, err
	}
	if slices.ContainsFunc(w.real, func(folder string) bool { return within(folder, target) }) {
		return nil, errCircle
	}
	w.real = append(w.real, target)
	return info, nil
}

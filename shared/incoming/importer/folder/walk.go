package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// file is a regular file as the walk found it.
type file struct {
	// name is relative to the folder, with slashes.
	name     string
	size     int64
	modified time.Time
	kind     kind
	link     bool // a link to a file elsewhere
}

// kind is the kind of a file, by its extension.
type kind int

const (
	other kind = iota
	audioFile
	unnamed // .bin is audio only if an exported document names it
	metadata
	table
	irregular // a device, a socket or a pipe
)

// kinds maps extensions in lower case to kinds, except for those of the accepted
// audio formats. An .mp2 cannot be served, but it is reported as audio.
var kinds = map[string]kind{
	".mp2":  audioFile,
	".bin":  unnamed,
	".json": metadata,
	".csv":  table,
}

func kindOf(name string) kind {
	extension := strings.ToLower(path.Ext(name))
	if slices.Contains(recording.AudioExtensions(), strings.TrimPrefix(extension, ".")) {
		return audioFile
	}
	return kinds[extension]
}

// stemOf returns a name without its extension. Unlike recording.Stem it keeps
// dots before the extension, since an ID may end in dots.
func stemOf(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// group holds the files of a folder that share a stem: audio and its metadata.
type group struct {
	stem string
	// json holds the metadata files, usually one. files holds all others.
	json, files []file
}

// count returns the number of items in the group and the bytes of their audio,
// judged by the names and sizes of the files.
func (g *group) count() (items int, bytes int64) {
	audio := 0
	for _, f := range g.files {
		if f.kind == audioFile || f.kind == unnamed && len(g.json) > 0 {
			audio++
			bytes += f.size
		}
	}
	items = len(g.files)
	if n := len(g.json); n > 0 {
		items += n - 1
		if audio == 0 {
			items++
		}
	}
	return items, bytes
}

// ignored reports whether to ignore a file by its name, because the file is hidden
// or incomplete.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".part")
}

// walk yields the groups of the tree, folder by folder: first the files of a
// folder by stem, then its subfolders. An error means that a folder or file could
// not be examined; importer.ErrStop ends the walk.
func (s Source) walk(ctx context.Context) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		if err := s.checkRoot(); err != nil {
			yield(group{}, err)
			return
		}
		w, err := newWalker(s)
		if err != nil {
			yield(group{}, fmt.Errorf("%w: read the folder %s: %w", importer.ErrStop, s.Root, cause(err)))
			return
		}
		w.folder(ctx, "", yield)
	}
}

// folder yields the groups of a folder and of its subfolders. It returns false if
// the caller wants no more.
func (w *walker) folder(ctx context.Context, dir string, yield func(group, error) bool) bool {
	if ctx.Err() != nil {
		return false
	}
	below, more := w.files(ctx, dir, yield)
	if !more {
		return false
	}
	for _, name := range below {
		if !w.folder(ctx, path.Join(dir, name), yield) {
			return false
		}
	}
	return true
}

// files yields the groups of one folder, and returns its subfolders. It keeps only
// the subfolders in memory, since each of them may be as large as this folder.
func (w *walker) files(ctx context.Context, dir string, yield func(group, error) bool) (below []string, more bool) {
	entries, err := os.ReadDir(w.path(dir))
	switch {
	case errors.Is(err, fs.ErrNotExist) && dir != "": // removed since
	case err != nil && dir == "":
		return nil, yield(group{}, fmt.Errorf("%w: read the folder %s: %w", importer.ErrStop, w.Root, cause(err)))
	case err != nil && !yield(group{}, fmt.Errorf("read the folder %s: %w", dir, cause(err))):
		return nil, false
	}
	links := map[string]bool{}
	entries, faults := w.follow(dir, entries, links)
	for _, fault := range faults {
		if !yield(group{}, fault) {
			return nil, false
		}
	}
	below = byStem(entries)
	for start := 0; start < len(entries); {
		end := start + 1
		for end < len(entries) && stemOf(entries[end].Name()) == stemOf(entries[start].Name()) {
			end++
		}
		g, err := w.group(dir, entries[start:end], links)
		if ctx.Err() != nil || (err != nil || len(g.json)+len(g.files) > 0) && !yield(g, err) {
			return nil, false
		}
		start = end
	}
	return below, true
}

// byStem sorts entries by their stems, and returns the folders among them.
func byStem(entries []fs.DirEntry) (folders []string) {
	for _, e := range entries {
		if e.IsDir() && !ignored(e.Name()) {
			folders = append(folders, e.Name())
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		return cmp.Or(cmp.Compare(stemOf(a.Name()), stemOf(b.Name())), cmp.Compare(a.Name(), b.Name()))
	})
	return folders
}

// group examines the files of one stem. links holds the names of the links among
// them.
func (s Source) group(dir string, entries []fs.DirEntry, links map[string]bool) (group, error) {
	g := group{stem: path.Join(dir, stemOf(entries[0].Name()))}
	for _, e := range entries {
		f := file{name: path.Join(dir, e.Name()), kind: kindOf(e.Name()), link: links[e.Name()]}
		if ignored(e.Name()) || e.IsDir() || f.kind == table {
			continue
		}
		if !e.Type().IsRegular() {
			f.kind = irregular
		}
		info, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed since
			continue
		case err != nil:
			return group{}, fmt.Errorf("examine %s: %w", f.name, cause(err))
		case s.Table.isFile(info):
			continue
		}
		f.size, f.modified = info.Size(), info.ModTime()
		if f.kind == metadata {
			g.json = append(g.json, f)
		} else {
			g.files = append(g.files, f)
		}
	}
	return g, nil
}

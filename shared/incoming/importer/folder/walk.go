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

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/recording"
)

// file is a regular file as it was when the walk came by.
type file struct {
	// name is relative to the folder, with slashes.
	name     string
	size     int64
	modified time.Time
	kind     kind
}

// kind is what a file is by its extension.
type kind int

const (
	other kind = iota
	sound
	unnamed // audio of a type that has no extension; only a document makes it audio
	metadata
	table
)

// kinds by extension, in lower case. Those of the accepted formats of audio are
// not listed here. An .mp2 cannot be served, but it is reported as audio.
var kinds = map[string]kind{
	".mp2":  sound,
	".bin":  unnamed,
	".json": metadata,
	".csv":  table,
}

func kindOf(name string) kind {
	extension := strings.ToLower(path.Ext(name))
	if slices.Contains(recording.AudioExtensions(), strings.TrimPrefix(extension, ".")) {
		return sound
	}
	return kinds[extension]
}

// stemOf is a name without its extension. Dots in front of that are part of it,
// as they may be of an id (recording.Stem takes them away).
func stemOf(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// group is the files of a folder that have one stem: audio and what belongs to
// it.
type group struct {
	stem string
	// json are files of metadata, one as a rule; files all others.
	json, files []file
}

// weigh is how many items a group makes, and their audio, by names and sizes.
func (g *group) weigh() (items int, bytes int64) {
	sounds := 0
	for _, f := range g.files {
		if f.kind == sound || f.kind == unnamed && len(g.json) > 0 {
			sounds++
			bytes += f.size
		}
	}
	items = len(g.files)
	if n := len(g.json); n > 0 {
		items += n - 1
		if sounds == 0 {
			items++
		}
	}
	return items, bytes
}

// ignored reports whether a name is none of a recording: hidden, or not whole
// yet.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".part")
}

// walk yields the groups of the tree, a folder after another: what is in it, by
// stem, then the folders in it. An error is a folder, or a file, that could not
// be looked at; if it wraps importer.ErrStop, nothing follows.
func (s Source) walk(ctx context.Context) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		if err := s.reach(); err != nil {
			yield(group{}, err)
			return
		}
		s.folder(ctx, "", yield)
	}
}

// folder yields the groups of one folder and of those below; false if no more
// are wanted.
func (s Source) folder(ctx context.Context, dir string, yield func(group, error) bool) bool {
	if ctx.Err() != nil {
		return false
	}
	below, more := s.files(ctx, dir, yield)
	if !more {
		return false
	}
	for _, name := range below {
		if !s.folder(ctx, path.Join(dir, name), yield) {
			return false
		}
	}
	return true
}

// files yields the groups of one folder, and names the folders in it. Nothing
// else of it is kept: the level below may have as much.
func (s Source) files(ctx context.Context, dir string, yield func(group, error) bool) (below []string, more bool) {
	entries, err := os.ReadDir(s.path(dir))
	switch {
	case errors.Is(err, fs.ErrNotExist) && dir != "": // removed meanwhile
	case err != nil && dir == "":
		return nil, yield(group{}, fmt.Errorf("%w: read the folder %s: %w", importer.ErrStop, s.Root, cause(err)))
	case err != nil && !yield(group{}, fmt.Errorf("read the folder %s: %w", dir, cause(err))):
		return nil, false
	}
	below = byStem(entries)
	for start := 0; start < len(entries); {
		end := start + 1
		for end < len(entries) && stemOf(entries[end].Name()) == stemOf(entries[start].Name()) {
			end++
		}
		g, err := s.group(dir, entries[start:end])
		if ctx.Err() != nil || (err != nil || len(g.json)+len(g.files) > 0) && !yield(g, err) {
			return nil, false
		}
		start = end
	}
	return below, true
}

// byStem brings entries into the order of their stems, and names the folders
// among them.
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

// group looks at the files of one stem.
func (s Source) group(dir string, entries []fs.DirEntry) (group, error) {
	g := group{stem: path.Join(dir, stemOf(entries[0].Name()))}
	for _, e := range entries {
		f := file{name: path.Join(dir, e.Name()), kind: kindOf(e.Name())}
		if ignored(e.Name()) || !e.Type().IsRegular() || f.kind == table {
			continue
		}
		info, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
			continue
		case err != nil:
			return group{}, fmt.Errorf("look at %s: %w", f.name, cause(err))
		case s.Table.is(info):
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

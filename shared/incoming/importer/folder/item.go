package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"callrecordings/shared/incoming"
	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/incoming/namepattern"
	"callrecordings/shared/recording"
)

const (
	// maxBeside is the most bytes of metadata beside audio, as in an inbox.
	maxBeside = 64 << 10
	// maxExported is the most bytes of an exported document: more than any store
	// takes.
	maxExported = 1 << 20
)

// take adds the items of a group. Its error is one of reading, which may pass.
func (sc *scan) take(ctx context.Context, g *group) error {
	if len(g.json) == 0 {
		sc.takeFiles(g.files, nil, nil)
		return nil
	}
	f := g.json[0]
	raw, err := sc.read(ctx, f)
	if err != nil {
		sc.watch.missed(g)
		return fmt.Errorf("read %s: %w", f.name, cause(err))
	}
	for _, second := range g.json[1:] {
		sc.add(sc.refused(second.name, errTwice))
	}
	d, exported, err := parseExported(raw)
	if exported {
		sc.takeExported(g, f, d, err)
		return nil
	}
	sc.takeBeside(g, f, raw)
	return nil
}

// takeBeside adds the files that metadata lie beside.
func (sc *scan) takeBeside(g *group, f file, raw []byte) {
	call, err := recording.ParseCall(raw)
	switch {
	case err != nil || len(raw) > maxBeside:
		sc.unreadable(g, f, errBadTable)
	case !sc.takeFiles(g.files, call, nil) && sc.watch == nil:
		sc.add(sc.refused(f.name, errNoAudio))
	}
}

// unreadable names metadata that cannot be read, by the audio beside them if
// there is some: that is not taken without them.
func (sc *scan) unreadable(g *group, f file, why error) {
	if !sc.takeFiles(g.files, nil, fmt.Errorf("%w; the metadata beside it cannot be read", why)) {
		sc.add(sc.refused(f.name, why))
	}
}

// read reads a file of metadata, and no more of it than can be taken.
func (s Source) read(ctx context.Context, f file) ([]byte, error) {
	r, err := os.Open(s.path(f.name))
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	return io.ReadAll(&patient{ctx: ctx, Reader: io.LimitReader(r, maxExported+1)})
}

// takeFiles adds items of files, with what is told of them beside, or why they
// cannot be taken for what is. It reports whether there was audio among them.
func (sc *scan) takeFiles(files []file, beside recording.Call, fault error) (sounds bool) {
	taken := map[string]bool{}
	for _, f := range files {
		if f.kind != sound {
			sc.add(sc.refused(f.name, errNotAudio))
			continue
		}
		sounds = true
		if fault != nil {
			sc.add(sc.refused(f.name, fault))
			continue
		}
		it := sc.item(f, beside)
		switch {
		case it.Fault != nil:
		case taken[it.ID+"/"+it.Stem]:
			it = sc.refused(f.name, errSecond)
		default:
			taken[it.ID+"/"+it.Stem] = true
		}
		sc.add(it)
	}
	return sounds
}

// item is a file with what is known of it.
func (sc *scan) item(f file, beside recording.Call) importer.Item {
	row, err := sc.rows.of(f.name)
	if err != nil {
		return sc.refused(f.name, err)
	}
	name, understood := sc.Names.Match(f.name)
	if !understood {
		name = namepattern.Unmatched(f.name)
	}
	id, err := incoming.Agree(sc.Account, beside, row, name.Call)
	switch {
	case errors.Is(err, recording.ErrBadID):
		return sc.refused(f.name, errBadID)
	case err != nil:
		return sc.refused(f.name, fmt.Errorf("%w: %w", importer.ErrRefused, err))
	}
	call := beside.Under(row).Under(name.Call)
	it := importer.Item{
		Name: f.name, Account: sc.Account, ID: id, Started: begun(call, f), Document: call.Document(),
		Audio: recording.Audio{Place: recording.Managed, Size: f.size},
		Ref:   &origin{name: f.name, size: f.size, sized: true},
	}
	if id == "" {
		it.Stem = stemOf(f.name)
	}
	return it
}

// takeExported adds the item of an exported document, or why there is none, and
// names the files beside it that it does not vouch for.
func (sc *scan) takeExported(g *group, f file, d document, fault error) {
	if fault != nil {
		sc.unreadable(g, f, fmt.Errorf("%w: %w", importer.ErrRefused, fault))
		return
	}
	own := g.stem[:strings.LastIndexByte(g.stem, '/')+1] + d.audio.File
	switch {
	case d.audio.File == "":
		own = ""
	case strings.ContainsAny(d.audio.File, `/\`), stemOf(own) != g.stem, kindOf(own) != sound && kindOf(own) != unnamed:
		sc.add(sc.refused(f.name, errOtherFile))
		sc.takeUnvouched(g.files, "", errVouched)
		return
	}
	if there := sc.takeUnvouched(g.files, own, errVouched); !there && own != "" && sc.watch != nil {
		return // it is on its way
	}
	sc.add(d.item(sc.Account, f, own))
}

// takeUnvouched names the files that a document does not vouch for: all but its
// own. It reports whether that is there.
func (sc *scan) takeUnvouched(files []file, own string, why error) (there bool) {
	for _, f := range files {
		switch {
		case f.name == own:
			there = true
		case f.kind == other:
			sc.add(sc.refused(f.name, errNotAudio))
		default:
			sc.add(sc.refused(f.name, why))
		}
	}
	return there
}

package console

import (
	"bytes"
	"io"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

// minifiers take comments, space and long local names out of files, by extension. The
// files in assets are written for people, with types as comments, and are half as long
// without them.
var minifiers = map[string]func(w io.Writer, r io.Reader) error{
	".js":  func(w io.Writer, r io.Reader) error { return new(js.Minifier).Minify(minify.New(), w, r, nil) },
	".css": func(w io.Writer, r io.Reader) error { return new(css.Minifier).Minify(minify.New(), w, r, nil) },
}

// smaller returns a file as it is sent. An error means that a file is not valid
// JavaScript or CSS.
func smaller(extension string, text []byte) ([]byte, error) {
	shorten := minifiers[extension]
	if shorten == nil {
		return text, nil
	}
	var b bytes.Buffer
	if err := shorten(&b, bytes.NewReader(text)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

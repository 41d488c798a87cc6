package sqlite

import "testing"

// page returns a page of 64 bytes with a type, a number of cells and the beginning of their
// content. All other bytes are 1.
func page(kind byte, cells, content int) []byte {
	p := make([]byte, 64)
	for i := range p {
		p[i] = 1
	}
	p[0], p[3], p[4], p[5], p[6] = kind, byte(cells>>8), byte(cells), byte(content>>8), byte(content)
	return p
}

func TestGap(t *testing.T) {
	t.Parallel()
	largest := make([]byte, 1<<16)
	copy(largest, page(10, 0, 0))
	for name, c := range map[string]struct {
		page     []byte
		from, to int
	}{
		"a leaf of a table":          {page(13, 3, 40), 14, 40},
		"a leaf of an index":         {page(10, 1, 64), 10, 64},
		"the interior of a table":    {page(5, 2, 30), 16, 30},
		"the interior of an index":   {page(2, 0, 12), 12, 12},
		"a leaf without cells":       {page(13, 0, 64), 8, 64},
		"the largest page":           {largest, 8, 1 << 16},
		"an overflow page":           {page(0, 3, 40), 0, 0},
		"content behind the page":    {page(13, 3, 65), 0, 0},
		"pointers behind content":    {page(13, 20, 40), 0, 0},
		"content at 65536, too long": {page(13, 3, 0), 0, 0},
		"a short page":               {[]byte{13, 0, 0, 0, 0}, 0, 0},
		"nothing":                    {nil, 0, 0},
	} {
		if from, to := gap(c.page); from != c.from || to != c.to {
			t.Errorf("gap(%s) = %d, %d, want %d, %d", name, from, to, c.from, c.to)
		}
	}
}

// clearGap changes nothing but the unused space.
func FuzzClearGap(f *testing.F) {
	f.Add(page(13, 3, 40))
	f.Add(page(2, 200, 1))
	f.Add([]byte{10})
	f.Fuzz(func(t *testing.T, p []byte) {
		before := append([]byte{}, p...)
		from, to := gap(p)
		changed := clearGap(p)
		for i, b := range p {
			switch inside := i >= from && i < to; {
			case inside && b != 0:
				t.Fatalf("byte %d of the unused space from %d to %d is %d", i, from, to, b)
			case !inside && b != before[i]:
				t.Fatalf("byte %d outside the unused space from %d to %d has changed", i, from, to)
			}
		}
		if changed != (string(before) != string(p)) || clearGap(p) {
			t.Errorf("clearGap = %v for a page that changed: %v", changed, string(before) != string(p))
		}
	})
}

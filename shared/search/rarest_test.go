package search

import (
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A page follows the entries that reach farthest, those of an owner, too. If some end, it
// follows the fewest of them.
func TestRarest(t *testing.T) {
	t.Parallel()
	const newest = recording.Seconds(100_000)
	listOf := func(text string, ended bool, n int, seconds recording.Seconds) *list {
		l := &list{want: want{word, text}, ended: ended}
		for i := range n {
			at := newest - seconds*recording.Seconds(i)/recording.Seconds(max(n-1, 1))
			l.candidates = append(l.candidates, candidate{place: place{at, "202601-a"}})
		}
		return l
	}
	owner := func(ended bool, n int, seconds recording.Seconds) *list { return listOf("owner", ended, n, seconds) }
	renate := func(ended bool, n int, seconds recording.Seconds) *list { return listOf("renate", ended, n, seconds) }
	for name, tt := range map[string]struct {
		lists []*list
		want  int
	}{
		"the owner reaches farther": {[]*list{owner(false, 128, 5000), renate(false, 128, 1000)}, 0},
		"the word reaches farther":  {[]*list{owner(false, 128, 1000), renate(false, 128, 5000)}, 1},
		"... in the other order":    {[]*list{renate(false, 128, 5000), owner(false, 128, 1000)}, 0},
		"the owner's entries end":   {[]*list{renate(false, 128, 1000), owner(true, 128, 1000)}, 1},
		"the word's entries end":    {[]*list{owner(false, 128, 90000), renate(true, 128, 1000)}, 1},
		"the word has no entry":     {[]*list{owner(false, 128, 90000), renate(true, 0, 0)}, 1},
		"both end":                  {[]*list{owner(true, 9, 90000), renate(true, 8, 1000)}, 1},
		"two words":                 {[]*list{listOf("ada", false, 128, 5000), renate(false, 128, 1000)}, 0},
	} {
		m := &matcher{query: store.Query{}}
		if got := m.rarest(tt.lists); got != tt.lists[tt.want] {
			t.Errorf("%s: the page follows %q, want %q", name, got.want.text, tt.lists[tt.want].want.text)
		}
	}
}

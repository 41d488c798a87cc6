package job

import (
	"errors"
	"sync"
)

// workers is the number of items that Each works on at the same time.
const workers = 8

// Each calls one for each item, for some of them at the same time. After an error some of
// them are done. Errors: those of one, joined.
func Each(items []Item, one func(*Item) error) error {
	var working sync.WaitGroup
	next := make(chan *Item)
	failures := make([]error, workers)
	for n := range workers {
		working.Go(func() {
			for item := range next {
				if failures[n] == nil {
					failures[n] = one(item)
				}
			}
		})
	}
	for i := range items {
		next <- &items[i]
	}
	close(next)
	working.Wait()
	return errors.Join(failures...)
}

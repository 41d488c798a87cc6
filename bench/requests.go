package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The instructions of a request are the difference between two runs with these
// numbers of requests, so start-up and the first connection do not count.
const (
	fewRequests  = 10
	mostRequests = 60
)

// requests counts the instructions of one warm request of each case and of its
// floor, from the event's JSON to the answer's. The fake services run in another
// process.
func (b *bench) requests(ctx context.Context) error {
	if err := b.fill(ctx); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, name := range []string{"list", "list with a filter", "get", "get, bare floor", "patch", "redirect"} {
		var figures [2]float64
		for i, way := range []string{"ours", "floor"} {
			var counts [2]float64
			for j, n := range []int{fewRequests, mostRequests} {
				counts[j], err = b.callgrind(ctx, self, "-child", name+"/"+way, "-n", strconv.Itoa(n))
				if err != nil {
					return fmt.Errorf("%s/%s: %w", name, way, err)
				}
			}
			figures[i] = (counts[1] - counts[0]) / (mostRequests - fewRequests)
		}
		b.add("request "+name, "instr", float64(int(figures[0])), float64(int(figures[1])))
	}
	return nil
}

// runChild makes n requests of child, which is "case/way".
func runChild(ctx context.Context, child string, n int) error {
	name, way, _ := strings.Cut(child, "/")
	request, err := requestOf(name, way)
	if err != nil {
		return err
	}
	for range n {
		if err := request(ctx); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The instructions of a request are the difference between two runs with these
// numbers of requests, so start-up and the first connection do not count.
const (
	fewRequests  = 10
	mostRequests = 60
)

// cases lists the requests. A name may end with the floor to compare the request with.
var cases = []string{
	"list", "list" + usualGo, "list with a filter", "csv" + usualGo, "gzip" + usualGo, "get", "get, bare floor", "get" + usualGo,
	"audio" + usualGo, "patch", "redirect",
}

// usualGo is the suffix of a figure's name if its floor is an ordinary implementation.
const usualGo = ", usual Go"

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
	base := func(name string) string { name, _, _ = strings.Cut(name, ", "); return name }
	var children []string
	for _, name := range cases {
		if b.only == "" || b.only == base(name) {
			children = append(children, base(name)+"/ours", name+"/floor")
		}
	}
	slices.Sort(children)
	counts, err := measureEach(slices.Compact(children), func(child string) (float64, error) { return b.request(ctx, self, child) })
	if err != nil {
		return err
	}
	for _, name := range cases {
		if b.only == "" || b.only == base(name) {
			b.add("request "+name, "instr", counts[base(name)+"/ours"], counts[name+"/floor"])
		}
	}
	return nil
}

// request returns the instructions of one request of child, in the form "case/way".
func (b *bench) request(ctx context.Context, self, child string) (float64, error) {
	var counts [2]float64
	for i, n := range []int{fewRequests, mostRequests} {
		var err error
		if counts[i], err = b.callgrind(ctx, self, "-child", child, "-n", strconv.Itoa(n)); err != nil {
			return 0, err
		}
	}
	return float64(int((counts[1] - counts[0]) / (mostRequests - fewRequests))), nil
}

// runChild makes n requests of child, in the form "case/way".
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

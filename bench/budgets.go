package main

import "strconv"

// budget is a limit on a figure: on the figure itself, or on its ratio to the
// floor.
type budget struct {
	name  string
	ratio float64 // 0: no limit
	most  float64 // 0: no limit
}

// budgets are those of the design. Sizes are in bytes, a MB is 2^20 of them.
var budgets = []budget{
	{name: "start list", most: 3_400_000, ratio: 1.15},
	{name: "start get", ratio: 1.15},
	{name: "start patch", ratio: 1.15},
	{name: "start delete", ratio: 1.15},
	{name: "start fallback", ratio: 1.15},
	{name: "size list", most: 8 << 20},
	{name: "size get", most: 9 << 20},
	{name: "memory list", most: 16 << 10},
	{name: "request list", ratio: 0.65},
	{name: "request get", ratio: 1.2},
	{name: "page of 50, units, large account", ratio: 1},
	{name: "page of 50, calls, large account", ratio: 1, most: 1},
}

// keeps reports whether r is within the budget.
func (b budget) keeps(r row) bool {
	return (b.ratio == 0 || r.ours <= b.ratio*r.floor) && (b.most == 0 || r.ours <= b.most)
}

// String says what the budget allows.
func (b budget) String() string {
	text := ""
	if b.ratio > 0 {
		text = "≤ " + strconv.FormatFloat(b.ratio, 'f', -1, 64) + " ×"
	}
	if b.most > 0 {
		if text != "" {
			text += ", "
		}
		text += "≤ " + strconv.FormatFloat(b.most, 'f', -1, 64)
	}
	return text
}

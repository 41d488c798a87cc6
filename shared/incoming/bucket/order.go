package bucket

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// job is an arrival of a batch, and the message that reported it.
type job struct {
	notice
	message int
	round   int // see inTurn
}

// inTurn orders the arrivals of a batch so that no account holds back another: in
// each round, every account gets one arrival. Small objects come before large
// ones, in each account and in each round, because the time that they leave over
// goes to the rest of the batch.
func inTurn(jobs []job) []job {
	jobs = slices.Clone(jobs)
	slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Compare(a.size, b.size) })
	next := make(map[string]int) // the next round of each account
	for i := range jobs {
		account := accountOf(jobs[i].Key)
		jobs[i].round = next[account]
		next[account]++
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Compare(a.round, b.round) })
	return jobs
}

// leastShare is the minimum time for reading the audio of an arrival. Almost all
// arrivals need less.
const leastShare = time.Second

// until returns the deadline for reading the audio of an arrival, so that later
// arrivals get as much time. left is the number of remaining arrivals, including
// this one. until returns the zero time if the context has no deadline.
func until(ctx context.Context, left int) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Time{}
	}
	remaining := time.Until(deadline) - reserve
	share := max(remaining/time.Duration(left), leastShare)
	return deadline.Add(share - remaining - reserve)
}

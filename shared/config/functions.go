package config

import "slices"

// Functions is a set of programs. It is a number and not a slice, so that the table is
// complete when the program is built: every start would otherwise allocate its slices.
type Functions uint32

// The programs as sets of one, in the order of programs.
const (
	forList Functions = 1 << iota
	forGet
	forCreate
	forPatch
	forDelete
	forReceive
	forAccess
	forChanges
	forShare
	forRetention
	forFallback
	forConsole
	forPurge
	forIngest
	forPublish
	forKeys
	forExpire
	forReconcile
	forJobs
	forWork
	forDeliver
	forIndex
	forLocal
	forTool
)

// programs has the program of each bit of Functions.
var programs = [...]Function{List, Get, Create, Patch, Delete, Receive, Access, Changes, Share, Retention, Fallback, Console, Purge, Ingest, Publish, Keys, Expire, Reconcile, Jobs, Work, Deliver, Index, Local, Tool}

// Groups of programs that read the same settings.
const (
	data    = forList | forShare | forGet | forCreate | forPatch | forDelete | forReceive | forAccess | forRetention | forFallback | forPurge | forIngest | forKeys | forExpire | forReconcile | forJobs | forWork | forChanges | forPublish | forDeliver | forIndex
	audio   = forGet | forShare | forCreate | forDelete | forReceive | forPurge | forIngest | forExpire | forReconcile | forJobs | forWork
	play    = forGet | forShare | forLocal
	upload  = forCreate | forLocal
	names   = forIngest | forReconcile | forReceive | forLocal | forTool
	serving = forList | forGet | forCreate | forPatch | forDelete | forReceive | forAccess | forShare | forRetention | forFallback | forJobs | forChanges
	tokens  = forList | forShare | forGet | forCreate | forPatch | forDelete | forAccess | forRetention | forFallback | forJobs | forChanges
	ruled   = forList | forShare | forGet | forCreate | forPatch | forDelete | forAccess | forRetention | forJobs | forChanges
	queued  = forJobs | forWork
	sending = queued | forPublish
	cursors = forList | forAccess | forChanges
	sealed  = cursors | forWork
	events  = forPublish
	clients = data // that call AWS services
	// metered write metrics. The console does not, because CloudWatch charges for each, and
	// the metrics of the gateway and of Lambda are enough for it. For the same reason, deliver
	// only counts the webhooks that it parks.
	metered = serving | forPurge | forIngest | forPublish | forKeys | forExpire | forReconcile | forWork | forIndex | forDeliver
	lambdas = metered | forConsole
)

// Has reports whether f is in the set.
func (s Functions) Has(f Function) bool {
	i := slices.Index(programs[:], f)
	return i >= 0 && s&(1<<i) != 0
}

// list returns the programs of the set, in the order of programs.
func (s Functions) list() []Function {
	var all []Function
	for i, f := range programs {
		if s&(1<<i) != 0 {
			all = append(all, f)
		}
	}
	return all
}

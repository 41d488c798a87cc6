package namepattern

// Known are the layouts that are understood when nobody says anything else, in
// the order in which they are tried.
const Known = kazoo + freepbx + freeswitch + labelled

const (
	// kazoo is the field list of docs/connect-kazoo-s3.md, Kazoo's own for S3 and
	// for HTTP (kazoo.md 7.6), and what a recorder's url gets (kazoo.md 7.7; 5.0
	// writes the dot twice).
	kazoo = "{id}/{labels}/{name}.{ext}" +
		" [{*}/]{id}_{name}.{ext}" +
		" {account_id}/[{owner_id}/]{id}/{name}.{ext}" +
		" call_recording_{call_id}[.].{ext}"
	// freepbx names recordings by kind, both sides, time and channel.
	freepbx = " [{**}/]{direction}-{callee}-{caller}-{start:%Y%m%d-%H%M%S}-{call_id}.{ext}"
	// freeswitch is what its sample dialplan and FusionPBX write.
	freeswitch = " [{**}/]{start:%Y-%m-%d-%H-%M-%S}_{callee}_{caller}.{ext}" +
		" [{**}/]{caller}.{start:%Y-%m-%d-%H-%M-%S}.{ext}" +
		" [{**}/]archive/{start:%Y/%b/%d}/{call_id}.{ext}"
	// labelled is any name that says what it has.
	labelled = " [{**}/]{labels}.{ext}"
)

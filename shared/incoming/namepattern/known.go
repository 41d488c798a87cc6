package namepattern

// Known holds the default patterns, in the order they are tried.
const Known = kazoo + freepbx + freeswitch + labeled

const (
	// kazoo is the field list of docs/how-to/connect-kazoo-s3.md, Kazoo's own field
	// lists for S3 and HTTP (kazoo.md 7.6), and the name that is appended to a
	// recorder's url (kazoo.md 7.7; 5.0 writes the dot twice).
	kazoo = "{id}/{labels}/{name}.{ext}" +
		" [{*}/]{id}_{name}.{ext}" +
		" {account_id}/[{owner_id}/]{id}/{name}.{ext}" +
		" call_recording_{call_id}[.].{ext}"
	// freepbx names recordings by direction, both numbers, time and channel.
	freepbx = " [{**}/]{direction}-{callee}-{caller}-{start:%Y%m%d-%H%M%S}-{call_id}.{ext}"
	// freeswitch covers FreeSWITCH's sample dialplan and FusionPBX.
	freeswitch = " [{**}/]{start:%Y-%m-%d-%H-%M-%S}_{callee}_{caller}.{ext}" +
		" [{**}/]{caller}.{start:%Y-%m-%d-%H-%M-%S}.{ext}" +
		" [{**}/]archive/{start:%Y/%b/%d}/{call_id}.{ext}"
	// labeled matches any name that labels its values.
	labeled = " [{**}/]{labels}.{ext}"
)

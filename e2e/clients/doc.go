// Package clients tests the server with clients that operators use: wget, ffprobe,
// aria2c, the AWS CLI, s3cmd and rclone. It has the build tag e2e and needs all of them on
// the PATH (tools/venv installs s3cmd) and a running make run:
//
//	URL        the API's address; the S3 server is at the next port
//	DATA_DIR   data folder of make run, with the demo recordings
//
// make run must have MEDIA_DELIVERY=redirect, so that only a client with an
// Authorization header gets audio from the API itself.
package clients

package connections

const (
	// MaxAPI is how many connections the port of the API has open, if the process may have
	// enough open files.
	MaxAPI = 4096
	// MaxS3 is the same for the port of the S3 server.
	MaxS3 = 1024
	// reserve is the number of open files that no connection gets: for the database, the
	// webhooks, and the work in the background.
	reserve = 256
	// eachAPI and eachS3 are how many open files one connection takes at most, with what its
	// request opens: a file, or both ends of a connection to the S3 server, and its file.
	eachAPI, eachS3 = 4, 2
)

// Most returns how many connections the ports of the API and of the S3 server may have open in
// this process: as many as its limit of open files allows, and at most MaxAPI and MaxS3.
func Most() (api, s3 int) { return mostOf(openFiles()) }

// mostOf is Most for a limit of open files; 0 is none. The S3 server gets a quarter of them.
func mostOf(files uint64) (api, s3 int) {
	const enough = reserve + MaxAPI*eachAPI + 4*MaxS3*eachS3
	if files == 0 || files > enough {
		return MaxAPI, MaxS3
	}
	free := int(files - min(reserve, files/2))
	s3 = max(1, min(MaxS3, free/4/eachS3))
	return max(1, min(MaxAPI, (free-s3*eachS3)/eachAPI)), s3
}

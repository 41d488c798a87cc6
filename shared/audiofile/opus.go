package audiofile

// opusSamples adds up the samples of the packets that end on a page.
func opusSamples(sizes, payload []byte) int64 {
	var n int64
	begin, end := 0, 0
	for _, size := range sizes {
		end += int(size)
		if size == 255 {
			continue // the packet continues
		}
		if end <= len(payload) {
			n += packetSamples(payload[begin:end])
		}
		begin = end
	}
	return n
}

// packetSamples returns the number of samples of an Opus packet at 48 kHz, from
// its first two bytes (RFC 6716, 3.1 and 3.2).
func packetSamples(p []byte) int64 {
	if len(p) == 0 {
		return 0
	}
	var frame int64
	switch config := p[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [4]int64{480, 960, 1920, 2880}[config%4]
	case config < 16: // hybrid: 10, 20 ms
		frame = [2]int64{480, 960}[config%2]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = [4]int64{120, 240, 480, 960}[config%4]
	}
	switch p[0] & 3 {
	case 0:
		return frame
	case 3:
		if len(p) < 2 {
			return 0
		}
		return frame * int64(p[1]&63)
	}
	return 2 * frame
}

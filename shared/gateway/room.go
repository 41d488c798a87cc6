package gateway

import "sync"

// The local server sends large bodies often. If each had new memory, clearing and
// collecting it would take more time than sending it. So memory is used again; the
// garbage collector frees what stays unused.
const (
	// roomStep is the difference in bytes between two sizes of memory that is kept.
	roomStep = 512 << 10
	// rooms is the number of these sizes.
	rooms = MaxResponse / roomStep
)

// roomPools has unused memory by its size in steps, minus one.
var roomPools [rooms]sync.Pool

// newRoom returns memory for n bytes, with any content.
func newRoom(n int64) []byte {
	i := int((n - 1) / roomStep)
	if n < roomStep || i >= rooms {
		return make([]byte, n)
	}
	if kept, ok := roomPools[i].Get().(*[]byte); ok {
		return (*kept)[:n]
	}
	return make([]byte, (i+1)*roomStep)[:n]
}

// keepRoom makes the memory of newRoom available again.
func keepRoom(room []byte) {
	room = room[:cap(room)]
	if i := len(room)/roomStep - 1; i >= 0 && i < rooms && len(room)%roomStep == 0 {
		roomPools[i].Put(&room)
	}
}

package cursor_test

import (
	"fmt"

	"github.com/callrecordings/api/shared/cursor"
)

// A cursor opens only for the query that it was sealed for.
func ExampleSealer() {
	s, err := cursor.New("a secret of at least 32 characters", "")
	if err != nil {
		panic(err)
	}
	next := s.Seal([]byte("account A, newest first"), []byte("63900000000/202603-aa"))
	position, err := s.Open([]byte("account A, newest first"), next)
	fmt.Printf("%s %v\n", position, err)
	_, err = s.Open([]byte("account B, newest first"), next)
	fmt.Println(err)
	// Output:
	// 63900000000/202603-aa <nil>
	// invalid cursor
}

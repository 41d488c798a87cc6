package sweep

import "sync"

// treeLocks makes removals in accounts of the same tree wait for each other. Each removal checks the
// settings of the accounts above, and DynamoDB cancels a transaction that meets another one on the
// same entry. The retries would take more time than to wait.
type treeLocks struct {
	mu    sync.Mutex
	locks map[string]*sync.Mutex // by the account at the top
}

// alone calls remove while no other removal is in progress in the tree below an account. It returns
// the error of remove.
func (t *treeLocks) alone(top string, remove func() error) error {
	t.mu.Lock()
	lock := t.locks[top]
	if lock == nil {
		lock = new(sync.Mutex)
		t.locks[top] = lock
	}
	t.mu.Unlock()
	lock.Lock()
	defer lock.Unlock()
	return remove()
}

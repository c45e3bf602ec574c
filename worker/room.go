package worker

import (
	"slices"
	"sync"
)

// room bounds the requests that are under way at a provider. Who waits is let in in
// turn, transactional messages first: bulk ones leave an eighth of the places free
// for them, so that they need not wait for an answer.
type room struct {
	mu         sync.Mutex
	size, out  int
	urgent     []chan struct{}
	bulk       []chan struct{}
	wasCrowded bool
}

func newRoom(size int) *room { return &room{size: size} }

// kept is how many places of a room are kept for transactional messages. Where
// there is only one, all share it.
func kept(size int) int {
	if size == 1 {
		return 0
	}
	return max(1, size/8)
}

// enter waits for a place; it is false if stop is closed first.
func (r *room) enter(stop <-chan struct{}, urgent bool) bool {
	line, turn := &r.bulk, chan struct{}(nil)
	if urgent {
		line = &r.urgent
	}
	r.mu.Lock()
	entered := len(*line) == 0 && r.free(urgent)
	if entered {
		r.out++
	} else {
		r.wasCrowded = true
		turn = make(chan struct{})
		*line = append(*line, turn)
	}
	r.mu.Unlock()
	if entered {
		return true
	}
	select {
	case <-turn:
		return true
	case <-stop:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(*line, turn); i >= 0 {
		*line = slices.Delete(*line, i, i+1)
		return false
	}
	r.out-- // it was let in meanwhile
	r.admit()
	return false
}

func (r *room) free(urgent bool) bool {
	if urgent {
		return r.out < r.size
	}
	return r.out < r.size-kept(r.size)
}

// admit lets in who waits, as far as there is room.
func (r *room) admit() {
	for len(r.urgent) > 0 && r.free(true) {
		r.let(&r.urgent)
	}
	for len(r.bulk) > 0 && r.free(false) {
		r.let(&r.bulk)
	}
}

func (r *room) let(line *[]chan struct{}) {
	close((*line)[0])
	*line = (*line)[1:]
	r.out++
}

func (r *room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out--
	r.admit()
}

// resize changes how many places there are. Who has one beyond that keeps it.
func (r *room) resize(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size = size
	r.admit()
}

// forBulk is how many places bulk messages may have.
func (r *room) forBulk() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size - kept(r.size)
}

// all is how many places there are.
func (r *room) all() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size
}

// crowded reports whether anybody had to wait since it was last asked.
func (r *room) crowded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.wasCrowded
	r.wasCrowded = len(r.urgent)+len(r.bulk) > 0
	return was
}

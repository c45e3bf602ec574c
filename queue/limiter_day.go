package queue

import (
	"cmp"
	"container/heap"
	"slices"
)

// recipientDay is a sorted set: recipients by the time of their latest slot.
type recipientDay struct {
	latest map[string]float64
	// order has each recipient at its latest time, and stale entries beside.
	order dayHeap
}

type dayEntry struct {
	at        float64
	recipient string
}

// dayHeap has the oldest entry on top.
type dayHeap []dayEntry

func (h dayHeap) Len() int           { return len(h) }
func (h dayHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h dayHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dayHeap) Push(x any)        { *h = append(*h, x.(dayEntry)) }
func (h *dayHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func (d *recipientDay) count() int { return len(d.latest) }

func (d *recipientDay) at(recipient string) (float64, bool) {
	at, ok := d.latest[recipient]
	return at, ok
}

func (d *recipientDay) set(recipient string, at float64) {
	if d.latest == nil {
		d.latest = map[string]float64{}
	}
	d.latest[recipient] = at
	heap.Push(&d.order, dayEntry{at, recipient})
	if len(d.order) > 2*len(d.latest)+64 {
		d.rebuild()
	}
}

// rebuild drops the stale entries.
func (d *recipientDay) rebuild() {
	d.order = d.order[:0]
	for recipient, at := range d.latest {
		d.order = append(d.order, dayEntry{at, recipient})
	}
	slices.SortFunc(d.order, func(a, b dayEntry) int { return cmp.Compare(a.at, b.at) }) // sorted is a heap
}

// trim forgets whose latest slot was at cutoff or before.
func (d *recipientDay) trim(cutoff float64) {
	for len(d.order) > 0 && (d.order[0].at <= cutoff || d.stale()) {
		top := heap.Pop(&d.order).(dayEntry)
		if at, ok := d.latest[top.recipient]; ok && at == top.at && at <= cutoff {
			delete(d.latest, top.recipient)
		}
	}
}

// stale reports whether the entry on top was replaced by a later one.
func (d *recipientDay) stale() bool {
	at, ok := d.latest[d.order[0].recipient]
	return !ok || at != d.order[0].at
}

// oldest is the i-th smallest time, from 0. It sorts unless i is 0, which is
// what a full day asks for; others only come up after the limit was lowered.
func (d *recipientDay) oldest(i int) float64 {
	if i > 0 {
		d.rebuild()
		return d.order[i].at
	}
	for d.stale() {
		heap.Pop(&d.order)
	}
	return d.order[0].at
}

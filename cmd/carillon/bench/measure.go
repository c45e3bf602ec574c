package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"carillon/queue"
)

// memoryInterval is how often memory is looked at.
const memoryInterval = 50 * time.Millisecond

// memory watches the process and Redis.
type memory struct {
	cancel         context.CancelFunc
	wg             sync.WaitGroup
	process, redis int64
}

func watchMemory(q *queue.Queue) *memory {
	ctx, cancel := context.WithCancel(context.Background())
	m := &memory{cancel: cancel}
	m.wg.Go(func() {
		for {
			m.process = max(m.process, residentBytes())
			if used, err := q.Memory(ctx); err == nil {
				m.redis = max(m.redis, used)
			}
			if system.Sleep(ctx, memoryInterval) != nil {
				return
			}
		}
	})
	return m
}

func (m *memory) stop() (process, redis int64) {
	m.cancel()
	m.wg.Wait()
	return m.process, m.redis
}

// residentBytes is this process's resident memory as Linux counts it.
func residentBytes() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func writeCSV(path string, n int) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	_, _ = w.WriteString("email,first_name,last_name,coupon\n")
	for i := range n {
		_, _ = fmt.Fprintf(w, "person%d@example.com,N%d,L%d,C%d\n", i, i, i, i)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticksPerSecond is the unit of processor times in /proc: USER_HZ is 100 on every
// Linux that Go runs on (man 5 proc).
const ticksPerSecond = 100

// peakResidentBytes is the most resident memory that this process ever had, as
// Linux counts it; 0 elsewhere.
func peakResidentBytes() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

// processTimes are the processor times of a process.
type processTimes struct {
	parent int
	// own and children, which are those that have ended, are in seconds.
	own, children float64
}

// parseStat reads /proc/<pid>/stat (man 5 proc). The name in it may hold anything.
func parseStat(text string) (t processTimes, ok bool) {
	end := strings.LastIndexByte(text, ')')
	if end < 0 {
		return t, false
	}
	fields := strings.Fields(text[end+1:]) // from the third on: state, ppid, …
	if len(fields) < 15 {
		return t, false
	}
	var numbers [5]float64
	for i, at := range []int{1, 11, 12, 13, 14} {
		n, err := strconv.ParseFloat(fields[at], 64)
		if err != nil {
			return t, false
		}
		numbers[i] = n
	}
	return processTimes{
		parent: int(numbers[0]), own: (numbers[1] + numbers[2]) / ticksPerSecond, children: (numbers[3] + numbers[4]) / ticksPerSecond,
	}, true
}

// ownSeconds is the processor time of this process, without its children.
func ownSeconds() float64 {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	t, _ := parseStat(string(text))
	return t.own
}

// treeSeconds is the processor time of a process and all that it started, also
// what has ended since; 0 where it is not known.
func treeSeconds(pid int) float64 {
	if pid == 0 {
		return 0
	}
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	processes := map[int]processTimes{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if t, ok := parseStat(string(text)); ok && err == nil {
			processes[id] = t
		}
	}
	var total float64
	for id, t := range processes {
		for up, steps := id, 0; up > 0 && steps < len(processes); up, steps = processes[up].parent, steps+1 {
			if up == pid {
				total += t.own + t.children
				break
			}
		}
	}
	return total
}

// machineSeconds is the processor time that anybody has used on this machine; 0
// where it is not known.
func machineSeconds() float64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var total float64
	for i, field := range strings.Fields(first) {
		// cpu user nice system idle iowait irq softirq; what follows is the time of
		// others (steal) or in user already (guest).
		if i == 0 || i == 4 || i == 5 || i > 7 {
			continue
		}
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0
		}
		total += n
	}
	return total / ticksPerSecond
}

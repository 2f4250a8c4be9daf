// Bench compares the binding with what a Go service has without it: a map of maps with a mutex.
//
//	go run ./bench [--tiny] [--json FILE]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ullage.example/ullage"
)

const (
	fieldsPerGroup = 10
	batch          = 64
	valueBytes     = 32
)

// The names of group and field number i, as services write them.
func group(i int) string { return "user:" + strconv.Itoa(i) }
func field(i int) string { return "setting." + strconv.Itoa(i) }

func value(i int) []byte {
	bytes := make([]byte, valueBytes)
	copy(bytes, strconv.Itoa(i))
	return bytes
}

// A map of maps, as most services have it.
type native struct {
	mutex sync.RWMutex
	data  map[string]map[string][]byte
}

func newNative(entries int) *native {
	n := &native{data: map[string]map[string][]byte{}}
	for g := range entries / fieldsPerGroup {
		fields := make(map[string][]byte, fieldsPerGroup)
		for f := range fieldsPerGroup {
			fields[field(f)] = value(g)
		}
		n.data[group(g)] = fields
	}
	return n
}
func (n *native) get(g, f string) []byte {
	n.mutex.RLock()
	defer n.mutex.RUnlock()
	return n.data[g][f]
}

func newCache(entries int) *ullage.Cache[string, string, []byte] {
	cache, err := ullage.New[string, string, []byte](ullage.Options{MemoryLimit: uint64(entries)*110 + 16<<20})
	if err != nil {
		fail(err)
	}
	items := make([]ullage.Item[string, string, []byte], fieldsPerGroup)
	for g := range entries / fieldsPerGroup {
		for f := range fieldsPerGroup {
			items[f] = ullage.Item[string, string, []byte]{Group: group(g), Field: field(f), Value: value(g)}
		}
		if _, err := cache.SetMany(items); err != nil {
			fail(err)
		}
	}
	stats, err := cache.Stats()
	if err != nil || stats.Entries != uint64(entries) {
		fail(fmt.Errorf("%d of %d entries are there: %v", stats.Entries, entries, err))
	}
	return cache
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func resident() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		fail(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		fail(err)
	}
	return pages * float64(os.Getpagesize())
}

// What one process of the memory comparison says: resident bytes, and seconds of a collection.
func measureMemory(what string, entries int) {
	var keep any
	before := resident()
	if what == "native" {
		keep = newNative(entries)
	} else {
		keep = newCache(entries)
	}
	runtime.GC()
	var times []float64
	for range 5 {
		began := time.Now()
		runtime.GC()
		times = append(times, time.Since(began).Seconds())
	}
	slices.Sort(times)
	fmt.Println(resident()-before, times[len(times)/2])
	runtime.KeepAlive(keep)
}

func memoryOf(what string, entries int) (bytes, seconds float64) {
	program, err := os.Executable()
	if err != nil {
		fail(err)
	}
	said, err := exec.Command(program, "--measure", what, "--entries", strconv.Itoa(entries)).Output()
	if err != nil {
		fail(err)
	}
	if _, err := fmt.Sscan(string(said), &bytes, &seconds); err != nil {
		fail(err)
	}
	return bytes, seconds
}

type figure struct {
	Figure   string `json:"figure"`
	Bar      string `json:"bar"`
	Result   string `json:"result"`
	Passed   *bool  `json:"passed"`
	Peer     string `json:"peer"`
	Workload string `json:"workload"`
}

var (
	figures []figure
	tiny    = flag.Bool("tiny", false, "a run of seconds that measures nothing real")
)

func report(what, bar, result string, met bool, workload string) {
	passed := &met
	if *tiny {
		passed = nil
	}
	figures = append(figures, figure{what, bar, result, passed, "map[string]map[string][]byte, sync.RWMutex", workload})
	fmt.Printf("%s: %s (bar %s) %v\n", what, result, bar, met)
}

// Seconds that two goroutines take for so many keys each.
func timeOf(keys [][2]string, run func(keys [][2]string)) float64 {
	began := time.Now()
	var both sync.WaitGroup
	for half := range 2 {
		both.Add(1)
		go func() {
			defer both.Done()
			run(keys[half*len(keys)/2 : (half+1)*len(keys)/2])
		}()
	}
	both.Wait()
	return time.Since(began).Seconds()
}

func median(samples []float64) (mid, low, high float64) {
	slices.Sort(samples)
	n := len(samples)
	return samples[n/2], samples[n/4], samples[n-1-n/4]
}

func measureSpeed(entries, reads, rounds int) {
	plain, cache := newNative(entries), newCache(entries)
	defer cache.Close()
	random := rand.New(rand.NewPCG(1, 2))
	var single, batched []float64
	for range rounds {
		keys := make([][2]string, reads)
		for i := range keys {
			keys[i] = [2]string{group(random.IntN(entries / fieldsPerGroup)), field(random.IntN(fieldsPerGroup))}
		}
		theirs := timeOf(keys, func(keys [][2]string) {
			for _, key := range keys {
				if plain.get(key[0], key[1]) == nil {
					fail(fmt.Errorf("%v is not there", key))
				}
			}
		})
		ours := timeOf(keys, func(keys [][2]string) {
			for _, key := range keys {
				if _, ok, err := cache.Get(key[0], key[1]); !ok || err != nil {
					fail(fmt.Errorf("%v is not there: %v", key, err))
				}
			}
		})
		many := timeOf(keys, func(keys [][2]string) {
			asked := make([]ullage.Key[string, string], batch)
			var values [][]byte
			var found []bool
			var err error
			for ; len(keys) >= batch; keys = keys[batch:] {
				for i := range asked {
					asked[i] = ullage.Key[string, string]{Group: keys[i][0], Field: keys[i][1]}
				}
				if values, found, err = cache.GetMany(asked, values, found); err != nil || !found[0] {
					fail(fmt.Errorf("%v is not there: %v", keys[0], err))
				}
			}
		})
		single = append(single, theirs/ours)
		batched = append(batched, theirs/many)
	}
	workload := fmt.Sprintf("%d entries, %d fields a group, values of %d B, uniform reads by 2 goroutines", entries,
		fieldsPerGroup, valueBytes)
	mid, low, high := median(single)
	report("Go: single get, speed over a map of maps", ">= 0.5 x", fmt.Sprintf("%.2f x [%.2f, %.2f]", mid, low, high),
		mid >= 0.5, workload)
	mid, low, high = median(batched)
	report(fmt.Sprintf("Go: get in batches of %d, speed over a map of maps", batch), ">= 2 x",
		fmt.Sprintf("%.2f x [%.2f, %.2f]", mid, low, high), mid >= 2, workload)
}

func main() {
	path := flag.String("json", "", "where to write the results")
	measure := flag.String("measure", "", "for a process of its own: native or ullage")
	entries := flag.Int("entries", 10_000_000, "for that")
	flag.Parse()
	if *measure != "" {
		measureMemory(*measure, *entries)
		return
	}
	reads, rounds, fast := 400_000, 15, 1_000_000
	if *tiny {
		*entries, reads, rounds, fast = 10_000, 1000, 3, 10_000
	}
	nativeBytes, nativeSeconds := memoryOf("native", *entries)
	ourBytes, ourSeconds := memoryOf("ullage", *entries)
	workload := fmt.Sprintf("%d entries, %d fields a group, values of %d B", *entries, fieldsPerGroup, valueBytes)
	report("Go: time of a garbage collection, over a map of maps", "<= 0.02 x",
		fmt.Sprintf("%.4f x (%.2f ms over %.0f ms)", ourSeconds/nativeSeconds, 1e3*ourSeconds, 1e3*nativeSeconds),
		ourSeconds <= 0.02*nativeSeconds, workload)
	report("Go: resident memory, over a map of maps", "<= 0.4 x",
		fmt.Sprintf("%.3f x (%.0f over %.0f MiB)", ourBytes/nativeBytes, ourBytes/(1<<20), nativeBytes/(1<<20)),
		ourBytes <= 0.4*nativeBytes, workload)
	measureSpeed(fast, reads, rounds)

	if *path == "" {
		return
	}
	env := func(name, otherwise string) string {
		if set := os.Getenv(name); set != "" {
			return set
		}
		return otherwise
	}
	text, err := json.MarshalIndent(map[string]any{"name": "go", "commit": env("ULLAGE_COMMIT", "unknown"),
		"command": env("ULLAGE_COMMAND", "./dev bench go"), "tiny": *tiny, "figures": figures}, "", "  ")
	if err == nil {
		err = os.WriteFile(*path, append(text, '\n'), 0o644)
	}
	if err != nil {
		fail(err)
	}
}

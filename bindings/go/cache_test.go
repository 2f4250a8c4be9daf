package ullage_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ullage.example/ullage"
)

func open[G, F, V any](t testing.TB, options ullage.Options) *ullage.Cache[G, F, V] {
	t.Helper()
	if options.MemoryLimit == 0 {
		options.MemoryLimit = 8 << 20
	}
	cache, err := ullage.New[G, F, V](options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	return cache
}

type userID struct{ number uint32 }

func (u userID) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "u%d", u.number), nil }
func (u *userID) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "u%d", &u.number)
	return err
}

func TestTypesGoThereAndBack(t *testing.T) {
	users := open[userID, int, time.Time](t, ullage.Options{})
	now := time.Now().UTC().Round(0)
	if _, err := users.Set(userID{42}, -7, now); err != nil {
		t.Fatal(err)
	}
	if seen, ok, err := users.Get(userID{42}, -7); err != nil || !ok || !seen.Equal(now) {
		t.Fatal(seen, ok, err)
	}
	for group := range users.Groups() {
		if group != (userID{42}) {
			t.Fatal(group)
		}
	}
	flags := open[uint8, bool, float64](t, ullage.Options{})
	if _, err := flags.Set(255, true, 1.5); err != nil {
		t.Fatal(err)
	}
	if seen, ok, err := flags.Get(255, true); err != nil || !ok || seen != 1.5 {
		t.Fatal(seen, ok, err)
	}
	if _, err := ullage.New[string, string, map[int]int](ullage.Options{}); !errors.Is(err, ullage.ErrInvalidArgument) {
		t.Fatal(err)
	}
}

func TestBytesOfAnotherTypeAreAnError(t *testing.T) {
	cache := open[string, string, int32](t, ullage.Options{})
	if err := cache.JSONPut("g", "", []byte(`{"a": "no number"}`), 0); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := cache.Get("g", "/a"); ok || !errors.Is(err, ullage.ErrBadEncoding) {
		t.Fatal(ok, err)
	}
	// What cannot be read is loaded anew.
	seven := func(context.Context) (int32, error) { return 7, nil }
	if value, ok, err := cache.GetOrLoad(context.Background(), "g", "/a", seven, ullage.LoadOptions{}); value != 7 || !ok || err != nil {
		t.Fatal(value, ok, err)
	}
}

func TestLargeValues(t *testing.T) {
	cache := open[string, string, []byte](t, ullage.Options{})
	for _, size := range []int{0, 1, 511, 512, 513, 100_000, 1 << 20} {
		value := bytes.Repeat([]byte{'v'}, size)
		if _, err := cache.Set("g", "f", value); err != nil {
			t.Fatal(size, err)
		}
		if seen, ok, err := cache.Get("g", "f"); err != nil || !ok || !bytes.Equal(seen, value) {
			t.Fatal(size, len(seen), ok, err)
		}
		values, found, err := cache.GetMany([]ullage.Key[string, string]{{"g", "f"}, {"g", "-"}}, nil, nil)
		if err != nil || !found[0] || found[1] || !bytes.Equal(values[0], value) {
			t.Fatal(size, found, err)
		}
	}
}

func TestBatchesOfAnySize(t *testing.T) {
	cache := open[int, int, int](t, ullage.Options{})
	var items []ullage.Item[int, int, int]
	var keys []ullage.Key[int, int]
	for i := range ullage.MaxBatch {
		items = append(items, ullage.Item[int, int, int]{Group: i % 10, Field: i, Value: -i})
		keys = append(keys, ullage.Key[int, int]{Group: i % 10, Field: i})
	}
	if written, err := cache.SetMany(items); written != len(items) || err != nil {
		t.Fatal(written, err)
	}
	values, found, err := cache.GetMany(keys, make([]int, 0, len(keys)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		if !found[i] || values[i] != -i {
			t.Fatal(i, values[i], found[i])
		}
	}
	if _, _, err := cache.GetMany(append(keys, keys[0]), nil, nil); !errors.Is(err, ullage.ErrBatchTooLarge) {
		t.Fatal(err)
	}
	if _, err := cache.SetMany(append(items, items[0])); !errors.Is(err, ullage.ErrBatchTooLarge) {
		t.Fatal(err)
	}
}

func TestLoopsEndWhenTheirBodyDoes(t *testing.T) {
	cache := open[string, int, int](t, ullage.Options{})
	for i := range 2000 {
		if _, err := cache.Set("g", i, i); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[int]bool{}
	for field, value := range cache.All("g") {
		if field != value {
			t.Fatal(field, value)
		}
		seen[field] = true
		if _, err := cache.Erase("g", field); err != nil { // the body may change the group
			t.Fatal(err)
		}
	}
	if len(seen) != 2000 {
		t.Fatal(len(seen))
	}
	for i := range 100 {
		cache.Set("g", i, i)
	}
	count := 0
	for range cache.All("g") {
		if count++; count == 5 {
			break
		}
	}
	if count != 5 {
		t.Fatal(count)
	}
}

func TestOneFlightForAll(t *testing.T) {
	cache := open[string, string, string](t, ullage.Options{})
	var loads atomic.Int32
	release := make(chan struct{})
	load := func(context.Context) (string, error) {
		loads.Add(1)
		<-release
		return "loaded", nil
	}
	var all sync.WaitGroup
	for range 20 {
		all.Add(1)
		go func() {
			defer all.Done()
			value, ok, err := cache.GetOrLoad(context.Background(), "g", "f", load, ullage.LoadOptions{})
			if value != "loaded" || !ok || err != nil {
				t.Error(value, ok, err)
			}
		}()
	}
	for loads.Load() == 0 {
		runtime.Gosched()
	}
	close(release)
	all.Wait()
	if loads.Load() != 1 {
		t.Fatal("loaded", loads.Load(), "times")
	}
}

func TestLoadsEndWithTheirContext(t *testing.T) {
	cache := open[string, string, string](t, ullage.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	began, ended := make(chan struct{}), make(chan error, 1)
	go func() { <-began; cancel() }()
	_, _, err := cache.GetOrLoad(ctx, "g", "f", func(loading context.Context) (string, error) {
		close(began)
		<-loading.Done() // nobody waits any more
		ended <- loading.Err()
		return "", loading.Err()
	}, ullage.LoadOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	// A context that has ended already asks nobody.
	_, _, err = cache.GetOrLoad(ctx, "g", "f", func(context.Context) (string, error) {
		t.Error("asked")
		return "", nil
	}, ullage.LoadOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// Who comes while a load that nobody waits for any more still ends loads for itself.
func TestALoadThatWasGivenUpIsNobodyElses(t *testing.T) {
	cache := open[string, string, string](t, ullage.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	began, release := make(chan struct{}), make(chan struct{})
	go func() { <-began; cancel() }()
	_, _, err := cache.GetOrLoad(ctx, "g", "f", func(loading context.Context) (string, error) {
		close(began)
		<-loading.Done()
		<-release
		return "", loading.Err()
	}, ullage.LoadOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	go func() { release <- struct{}{} }()
	value, ok, err := cache.GetOrLoad(context.Background(), "g", "f",
		func(context.Context) (string, error) { return "mine", nil }, ullage.LoadOptions{})
	if value != "mine" || !ok || err != nil {
		t.Fatal(value, ok, err)
	}
}

func TestLoadersMayFailAndPanic(t *testing.T) {
	cache := open[string, string, string](t, ullage.Options{})
	broken := errors.New("no database")
	_, ok, err := cache.GetOrLoad(context.Background(), "g", "f",
		func(context.Context) (string, error) { return "", broken }, ullage.LoadOptions{})
	if ok || !errors.Is(err, broken) || !errors.Is(err, ullage.ErrLoadFailed) {
		t.Fatal(ok, err)
	}
	_, ok, err = cache.GetOrLoad(context.Background(), "g", "f",
		func(context.Context) (string, error) { panic("oh") }, ullage.LoadOptions{})
	if ok || !errors.Is(err, ullage.ErrLoadFailed) || !strings.Contains(err.Error(), "oh") {
		t.Fatal(ok, err)
	}
	_, ok, err = cache.GetOrLoad(context.Background(), "g", "f",
		func(context.Context) (string, error) { return "", ullage.ErrNone }, ullage.LoadOptions{})
	if ok || err != nil {
		t.Fatal(ok, err)
	}
}

// A loader may use the cache, but for what it loads.
func TestLoadersUseTheCache(t *testing.T) {
	cache := open[string, string, string](t, ullage.Options{})
	value, ok, err := cache.GetOrLoad(context.Background(), "g", "f", func(ctx context.Context) (string, error) {
		inner, _, err := cache.GetOrLoad(ctx, "g", "other",
			func(context.Context) (string, error) { return "inner", nil }, ullage.LoadOptions{})
		return inner + " and outer", err
	}, ullage.LoadOptions{})
	if value != "inner and outer" || !ok || err != nil {
		t.Fatal(value, ok, err)
	}
}

func TestRemovalsAreHeardOf(t *testing.T) {
	heard := make(chan ullage.Removal, 10)
	cache := open[string, string, string](t, ullage.Options{Manual: true, RemovalValues: true,
		OnRemoval: func(removal ullage.Removal) { heard <- removal }})
	cache.Set("g", "f", "value")
	cache.Erase("g", "f")
	if _, err := cache.Tick(100); err != nil {
		t.Fatal(err)
	}
	removal := <-heard
	if removal.Group != "g" || removal.Field != "f" || string(removal.Value) != "value" || removal.Cause != ullage.Erased {
		t.Fatal(removal)
	}
}

func TestCloseWhileOthersCall(t *testing.T) {
	cache := open[int, int, []byte](t, ullage.Options{})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; ; i++ {
				_, err := cache.Set(worker, i%100, []byte("value"))
				if err == nil {
					_, _, err = cache.Get(worker, i%100)
				}
				if err == nil {
					_, _, err = cache.GetMany([]ullage.Key[int, int]{{worker, 1}, {worker, 2}}, nil, nil)
				}
				if err == nil && i%10 == 0 {
					err = cache.AllErr(worker, func(int, []byte) bool { return true })
				}
				if err != nil {
					if !errors.Is(err, ullage.ErrClosed) {
						t.Error(err)
					}
					return
				}
				if worker == 0 && i == 500 {
					cache.Close()
				}
			}
		}()
	}
	all.Wait()
	cache.Close()
	if _, err := cache.Metrics(); !errors.Is(err, ullage.ErrClosed) {
		t.Fatal(err)
	}
	_, _, err := cache.GetOrLoad(context.Background(), 1, 1, func(context.Context) ([]byte, error) { return nil, nil },
		ullage.LoadOptions{})
	if !errors.Is(err, ullage.ErrClosed) {
		t.Fatal(err)
	}
}

// Many caches that nobody closes: were their memory not given back, address space and limits would end.
func TestWhoForgetsToCloseLeaksNothing(t *testing.T) {
	for range 200 {
		cache, err := ullage.New[string, string, string](ullage.Options{MemoryLimit: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		cache.Set("g", "f", "v")
		runtime.GC()
	}
}

func TestHandlerServesMetricsAndProfile(t *testing.T) {
	cache := open[string, string, string](t, ullage.Options{})
	cache.Set("user:1", "theme", "dark")
	server := httptest.NewServer(cache.Handler())
	defer server.Close()
	get := func(path string) (int, []byte) {
		answer, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, body
	}
	if status, body := get("/metrics"); status != 200 || !strings.Contains(string(body), "ullage_cache_entries{cache=\"cache\"} 1\n") {
		t.Fatal(status, string(body))
	}
	status, body := get("/debug/pprof/data")
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if status != 200 || err != nil {
		t.Fatal(status, err)
	}
	if profile, err := io.ReadAll(unzipped); err != nil || !bytes.Contains(profile, []byte("theme")) {
		t.Fatal(err)
	}
	cache.Close()
	if status, _ := get("/metrics"); status != 503 {
		t.Fatal(status)
	}
}

func TestLimits(t *testing.T) {
	if _, err := ullage.New[string, string, string](ullage.Options{MemoryLimit: 1}); !errors.Is(err, ullage.ErrLimitTooSmall) {
		t.Fatal(err)
	}
	clock := ullage.NewManualClock(time.Hour)
	cache := open[string, int, string](t, ullage.Options{Manual: true, Clock: clock,
		Group: ullage.GroupLimits{MaxFields: 10, IdleTTL: time.Minute}, MaxMemoryLimit: 32 << 20})
	for i := range 100 {
		cache.Set("g", i, "v")
	}
	if size, err := cache.GroupSize("g"); size != 10 || err != nil {
		t.Fatal(size, err)
	}
	if err := cache.SetMemoryLimit(16 << 20); err != nil {
		t.Fatal(err)
	}
	if stats, err := cache.Stats(); stats.MemoryLimit != 16<<20 || err != nil {
		t.Fatal(stats, err)
	}
	clock.Advance(2 * time.Minute)
	if ok, err := cache.ContainsGroup("g"); ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := cache.Set("g", 1, "v", ullage.TTL(time.Microsecond)); err != nil {
		t.Fatal("the shortest time to live is a millisecond", err)
	}
	if _, err := cache.Set("g", 1, "v", ullage.TTL(-time.Microsecond)); !errors.Is(err, ullage.ErrTTLOutOfRange) {
		t.Fatal("what has ended already is not forever", err)
	}
}

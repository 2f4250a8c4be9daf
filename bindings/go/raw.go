package ullage

/*
#cgo pkg-config: ullage-c
#cgo noescape ull_get_into
#cgo nocallback ull_get_into
#cgo noescape ull_set
#cgo nocallback ull_set
#cgo noescape ul_get_packed
#cgo nocallback ul_get_packed
#include <stdlib.h>
#include <ullage/c.h>

extern void ullageGoRemoval(uintptr_t user, ul_removal *removal);
static void ull_on_removal(void *user, const ul_removal *removal) {
	ullageGoRemoval((uintptr_t)user, (ul_removal *)removal);
}
extern void ullageGoLoad(uintptr_t user, ul_loaded *loaded);
static void ull_load(void *user, ul_bytes group, ul_bytes field, ul_loaded *loaded) {
	(void)group;
	(void)field;
	ullageGoLoad((uintptr_t)user, loaded);
}

static ul_bytes ull_bytes(const char *data, size_t size) {
	ul_bytes bytes = {data, size};
	return bytes;
}

// The size of the value, -1 if there is none, or a failure's status - 1.
static int64_t ull_get_into(ul_cache *cache, const char *group, size_t group_size, const char *field,
                            size_t field_size, char *buffer, size_t capacity) {
	size_t size = 0;
	ul_status status = ul_get_into(cache, ull_bytes(group, group_size), ull_bytes(field, field_size),
	                               buffer, capacity, &size, NULL);
	if (status == UL_OK) return (int64_t)size;
	return status == UL_NOT_FOUND ? -1 : (int64_t)status - 1;
}

static ul_status ull_set(ul_cache *cache, const char *group, size_t group_size, const char *field,
                         size_t field_size, const char *value, size_t value_size, int64_t ttl_ms,
                         int32_t keep_ttl, int32_t condition, int32_t *outcome, ul_error *error) {
	ul_set_options options = UL_SET_OPTIONS_INIT;
	options.ttl_ms = ttl_ms;
	options.keep_ttl = keep_ttl;
	options.condition = condition;
	return ul_set(cache, ull_bytes(group, group_size), ull_bytes(field, field_size),
	              ull_bytes(value, value_size), &options, outcome, error);
}

static void ull_init_options(ul_options *options, uintptr_t removal) {
	ul_options init = UL_OPTIONS_INIT;
	*options = init;
	if (removal) {
		options->on_removal = ull_on_removal;
		options->on_removal_user = (void *)removal;
	}
}
static void ull_init_limits(ul_class_limits *limits) {
	ul_class_limits init = UL_CLASS_LIMITS_INIT;
	*limits = init;
}
static void ull_init_stats(ul_stats *stats) {
	ul_stats init = UL_STATS_INIT;
	*stats = init;
}
static ul_status ull_get_or_load(ul_cache *cache, const char *group, size_t group_size,
                                 const char *field, size_t field_size, uintptr_t user,
                                 int64_t ttl_ms, int64_t negative_ttl_ms, ul_value **value,
                                 ul_error *error) {
	ul_load_options options = UL_LOAD_OPTIONS_INIT;
	options.ttl_ms = ttl_ms;
	options.negative_ttl_ms = negative_ttl_ms;
	return ul_get_or_load(cache, ull_bytes(group, group_size), ull_bytes(field, field_size),
	                      ull_load, (void *)user, &options, value, error);
}
*/
import "C"

import (
	"runtime"
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A handle of the C interface. Calls enter and leave it, so that Close may wait for those under way.
type handle struct {
	cache    *C.ul_cache
	listener cgo.Handle // 0: none
	closed   atomic.Bool
	// How many calls are under way, spread so that they do not meet.
	calls [stripes]stripe
}

const stripes = 16

type stripe struct {
	count atomic.Int64
	_     [56]byte
}

// enter answers where the call is counted, nil once the cache is closed.
func (h *handle) enter() *stripe {
	var here byte // goroutines have stacks of their own
	at := uintptr(unsafe.Pointer(&here)) >> 11
	s := &h.calls[(at^at>>7)%stripes]
	s.count.Add(1)
	if h.closed.Load() {
		s.count.Add(-1)
		return nil
	}
	return s
}
func (s *stripe) leave() { s.count.Add(-1) }

func (h *handle) close() {
	if h.closed.Swap(true) {
		return
	}
	for i := range h.calls {
		for h.calls[i].count.Load() != 0 {
			runtime.Gosched()
		}
	}
	C.ul_cache_free(h.cache)
	h.cache = nil
	if h.listener != 0 {
		h.listener.Delete()
	}
}

// Scratch memory of one call.
type scratch struct {
	names   []byte
	value   []byte
	sizes   []C.uint32_t
	outcome C.int32_t
	error   C.ul_error
}

var scratches = sync.Pool{New: func() any {
	return &scratch{names: make([]byte, 0, 256), value: make([]byte, 512)}
}}

func pointer(bytes []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes))) }
func bytesOf(bytes []byte) C.ul_bytes {
	return C.ul_bytes{data: pointer(bytes), size: C.size_t(len(bytes))}
}

// take copies what the library handed out, and frees it.
func take(value *C.ul_value) []byte {
	bytes := C.ul_value_bytes(value)
	copied := C.GoBytes(unsafe.Pointer(bytes.data), C.int(bytes.size))
	C.ul_value_free(value)
	return copied
}

func open(options Options) (*handle, error) {
	h := &handle{}
	if options.OnRemoval != nil {
		h.listener = cgo.NewHandle(options.OnRemoval)
	}
	var given C.ul_options
	C.ull_init_options(&given, C.uintptr_t(h.listener))
	given.memory_limit = C.uint64_t(options.MemoryLimit)
	given.max_memory_limit = C.uint64_t(options.MaxMemoryLimit)
	given.max_entries = C.uint64_t(options.MaxEntries)
	given.max_value_bytes = C.uint64_t(options.MaxValueBytes)
	given.group_max_fields = C.uint64_t(options.Group.MaxFields)
	given.group_max_bytes = C.uint64_t(options.Group.MaxBytes)
	given.group_idle_ttl_ms = milliseconds(options.Group.IdleTTL)
	given.lru = flag(options.LRU)
	given.manual_maintenance = flag(options.Manual)
	given.removal_values = flag(options.RemovalValues)
	if options.Clock != nil {
		given.clock = options.Clock.clock
	}
	var failure C.ul_error
	status := C.ul_cache_open(&given, &h.cache, &failure)
	runtime.KeepAlive(options.Clock)
	if err := errorOf(status, &failure); err != nil {
		if h.listener != 0 {
			h.listener.Delete()
		}
		return nil, err
	}
	return h, nil
}

// getInto copies the value to the scratch; the answer lies there.
func (h *handle) getInto(s *scratch, group, field []byte) ([]byte, bool, error) {
	entered := h.enter()
	if entered == nil {
		return nil, false, ErrClosed
	}
	for {
		size := int64(C.ull_get_into(h.cache, pointer(group), C.size_t(len(group)), pointer(field),
			C.size_t(len(field)), pointer(s.value), C.size_t(cap(s.value))))
		if size < 0 {
			entered.leave()
			if size == -1 {
				return nil, false, nil
			}
			return nil, false, errorOf(C.ul_status(size+1), &C.ul_error{})
		}
		if size <= int64(cap(s.value)) {
			entered.leave()
			return s.value[:size], true, nil
		}
		s.value = make([]byte, size) // it may have grown again by then
	}
}

func (h *handle) set(s *scratch, group, field, value []byte, options []SetOption) (SetOutcome, error) {
	chosen := chosenOf(options)
	entered := h.enter()
	if entered == nil {
		return Unchanged, ErrClosed
	}
	defer entered.leave()
	status := C.ull_set(h.cache, pointer(group), C.size_t(len(group)), pointer(field),
		C.size_t(len(field)), pointer(value), C.size_t(len(value)), milliseconds(chosen.ttl),
		flag(chosen.keepTTL), chosen.condition, &s.outcome, &s.error)
	if status < 0 {
		return Unchanged, errorOf(status, &s.error)
	}
	if status == C.UL_UNCHANGED {
		return Unchanged, nil
	}
	return SetOutcome(s.outcome), nil
}

func (h *handle) classLimits(pattern string, limits ClassLimits, s *scratch) C.ul_status {
	var given C.ul_class_limits
	C.ull_init_limits(&given)
	given.min_bytes = C.uint64_t(limits.Min)
	given.low_bytes = C.uint64_t(limits.Low)
	given.high_bytes = C.uint64_t(limits.High)
	given.max_bytes = C.uint64_t(limits.Max)
	given.group_max_fields = C.uint64_t(limits.Group.MaxFields)
	given.group_max_bytes = C.uint64_t(limits.Group.MaxBytes)
	given.group_idle_ttl_ms = milliseconds(limits.Group.IdleTTL)
	given.ttl_ms = milliseconds(limits.TTL)
	given.weight = C.uint32_t(limits.Weight)
	return C.ul_define_class(h.cache, bytesOf([]byte(pattern)), &given, &s.error)
}

func (h *handle) stats(s *scratch) (Stats, error) {
	entered := h.enter()
	if entered == nil {
		return Stats{}, ErrClosed
	}
	defer entered.leave()
	var read C.ul_stats
	C.ull_init_stats(&read)
	if err := errorOf(C.ul_get_stats(h.cache, &read, &s.error), &s.error); err != nil {
		return Stats{}, err
	}
	stats := Stats{Entries: uint64(read.entries), Groups: uint64(read.groups), Hits: uint64(read.hits),
		Misses: uint64(read.misses), Inserts: uint64(read.inserts), MemoryLimit: uint64(read.memory_limit),
		ChargedBytes: uint64(read.charged_bytes), PayloadBytes: uint64(read.payload_bytes),
		RemovalEventsLost: uint64(read.removal_events_lost)}
	for i, count := range read.removals {
		stats.Removals[i] = uint64(count)
	}
	return stats, nil
}

// load runs a flight: the loader is called in it, or another thread's flight is waited for.
func (h *handle) load(group, field []byte, loader cgo.Handle, options LoadOptions) ([]byte, bool, error) {
	entered := h.enter()
	if entered == nil {
		return nil, false, ErrClosed
	}
	defer entered.leave()
	var value *C.ul_value
	var failure C.ul_error
	status := C.ull_get_or_load(h.cache, pointer(group), C.size_t(len(group)), pointer(field),
		C.size_t(len(field)), C.uintptr_t(loader), milliseconds(options.TTL),
		milliseconds(options.NegativeTTL), &value, &failure)
	if status != C.UL_OK {
		return nil, false, errorOf(status, &failure)
	}
	return take(value), true, nil
}

func (h *handle) setPacked(s *scratch, count int, options []SetOption) (int, C.ul_status) {
	chosen := chosenOf(options)
	var given C.ul_set_options
	given.struct_size = C.size_t(unsafe.Sizeof(given))
	given.ttl_ms = milliseconds(chosen.ttl)
	given.keep_ttl = flag(chosen.keepTTL)
	given.condition = chosen.condition
	var written C.size_t
	status := C.ul_set_packed(h.cache, pointer(s.names), &s.sizes[0], C.size_t(count), &given, &written,
		&s.error)
	return int(written), status
}

// Package ullage is a two-level cache, group -> field -> value, that cannot outgrow its memory limit.
// Its data lies outside Go's heap: the garbage collector does not see it, however large it is.
//
//	cache, err := ullage.New[string, string, string](ullage.Options{MemoryLimit: 64 << 20})
//	if err != nil { ... }
//	defer cache.Close()
//	cache.Set("user:42", "theme", "dark", ullage.TTL(10*time.Minute))
//	theme, ok, err := cache.Get("user:42", "theme")
//
// A cache is not a database: any entry may vanish once it is full. All methods may be called from any
// number of goroutines at once, Close included: what comes after it answers ErrClosed.
//
// Each call crosses from Go to C, which costs some 40 ns: GetMany and SetMany cross once for all.
package ullage

/*
#include <ullage/c.h>
*/
import "C"

import (
	"runtime"
	"time"
)

// Options of a cache. The zero value is a cache of 64 MiB.
type Options struct {
	MemoryLimit    uint64        // what the cache may add to the process, in bytes; 0: 64 MiB
	MaxMemoryLimit uint64        // how far SetMemoryLimit may go; 0: MemoryLimit
	MaxEntries     uint64        // 0: none
	MaxValueBytes  uint64        // 0: 1 MiB
	Group          GroupLimits   // of every group without limits of its own
	LRU            bool          // least recently used, instead of the adaptive ranking
	Manual         bool          // no thread of its own: the owner calls Tick
	Clock          *ManualClock  // for tests; nil: the system's
	OnRemoval      func(Removal) // on the cache's own thread, or in Tick; it may use the cache but not close it
	RemovalValues  bool          // removals bring their values along
}

// GroupLimits are the limits of one group; zero is none.
type GroupLimits struct {
	MaxFields uint64
	MaxBytes  uint64
	IdleTTL   time.Duration
}

// ClassLimits are the limits of all groups of a pattern together, in bytes; zero is none.
type ClassLimits struct {
	Min, Low, High, Max uint64
	Group               GroupLimits
	TTL                 time.Duration // of entries written without one
	Weight              uint32
}

// Cause is why an entry went.
type Cause int32

// The causes.
const (
	Evicted Cause = iota
	Expired
	Replaced
	Erased
	OverLimit
)

var causeNames = [...]string{"evicted", "expired", "replaced", "erased", "limit"}

func (c Cause) String() string { return causeNames[c] }

// Removal is an entry that went, by its bytes.
type Removal struct {
	Group, Field string
	Value        []byte // nil unless Options.RemovalValues
	ValueBytes   uint64
	Cause        Cause
	LostBefore   uint64 // removals that were lost since the one before
}

// ManualClock stands still until told otherwise. A test gives it to Options.
type ManualClock struct{ clock *C.ul_clock }

// NewManualClock makes one.
func NewManualClock(start time.Duration) *ManualClock {
	clock := &ManualClock{C.ul_clock_manual(C.int64_t(start.Milliseconds()))}
	runtime.AddCleanup(clock, func(c *C.ul_clock) { C.ul_clock_free(c) }, clock.clock)
	return clock
}

// Advance moves it on.
func (c *ManualClock) Advance(by time.Duration) {
	C.ul_clock_advance(c.clock, C.int64_t(by.Milliseconds()))
	runtime.KeepAlive(c)
}

// Codecs say what the types of a cache become as bytes.
type Codecs[G, F, V any] struct {
	Group Codec[G]
	Field Codec[F]
	Value Codec[V]
}

// Cache is a cache of values V by groups G and fields F.
type Cache[G, F, V any] struct {
	*handle
	codecs  Codecs[G, F, V]
	flights flights[V]
}

// New opens a cache whose types have a codec by default (CodecOf).
func New[G, F, V any](options Options) (*Cache[G, F, V], error) {
	var codecs Codecs[G, F, V]
	var err error
	if codecs.Group, err = CodecOf[G](); err != nil {
		return nil, err
	}
	if codecs.Field, err = CodecOf[F](); err != nil {
		return nil, err
	}
	if codecs.Value, err = CodecOf[V](); err != nil {
		return nil, err
	}
	return NewWithCodecs(options, codecs)
}

// NewWithCodecs opens a cache. Errors: ErrLimitTooSmall, ErrLimitTooLarge, ErrInvalidArgument.
func NewWithCodecs[G, F, V any](options Options, codecs Codecs[G, F, V]) (*Cache[G, F, V], error) {
	if codecs.Group == nil || codecs.Field == nil || codecs.Value == nil {
		return nil, &Error{Code: ErrInvalidArgument.Code, Message: "a codec is nil"}
	}
	opened, err := open(options)
	if err != nil {
		return nil, err
	}
	cache := &Cache[G, F, V]{handle: opened, codecs: codecs}
	// Who forgets to close it gets its memory back all the same, at some time.
	runtime.AddCleanup(cache, func(h *handle) { h.close() }, opened)
	return cache, nil
}

func milliseconds(d time.Duration) C.int64_t {
	// Below one millisecond is not none: the shortest there is.
	if d > 0 && d < time.Millisecond {
		return 1
	}
	if d < 0 && d > -time.Millisecond {
		return -1
	}
	return C.int64_t(d.Milliseconds())
}

func flag(is bool) C.int32_t {
	if is {
		return 1
	}
	return 0
}

// Close gives all memory back, after the calls that are under way. The cache answers ErrClosed then.
func (c *Cache[G, F, V]) Close() { c.handle.close() }

// --- one entry ---------------------------------------------------------------------------------

// SetOption is what a write may say.
type SetOption func(*setOptions)
type setOptions struct {
	ttl       time.Duration
	keepTTL   bool
	condition C.int32_t
}

func chosenOf(options []SetOption) (chosen setOptions) {
	for _, option := range options {
		option(&chosen)
	}
	return chosen
}

// TTL gives the entry a time to live.
func TTL(ttl time.Duration) SetOption { return func(o *setOptions) { o.ttl = ttl } }

// KeepTTL leaves the time to live that a present entry has.
func KeepTTL() SetOption { return func(o *setOptions) { o.keepTTL = true } }

// IfAbsent writes only if there is no such entry.
func IfAbsent() SetOption { return func(o *setOptions) { o.condition = C.UL_IF_ABSENT } }

// IfPresent writes only if there is one.
func IfPresent() SetOption { return func(o *setOptions) { o.condition = C.UL_IF_PRESENT } }

// SetOutcome is what a write did.
type SetOutcome int

// The outcomes of a write.
const (
	Inserted SetOutcome = iota
	Overwritten
	Unchanged // the condition did not hold
)

// Get answers the value and whether there is one.
// Errors: ErrClosed, ErrBadEncoding (bytes that are no V), and those of the codecs.
func (c *Cache[G, F, V]) Get(group G, field F) (value V, ok bool, err error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	names, split, err := c.names(s, group, field)
	if err != nil {
		return value, false, err
	}
	bytes, ok, err := c.getInto(s, names[:split], names[split:])
	if !ok || err != nil {
		return value, false, err
	}
	value, err = c.codecs.Value.Decode(bytes)
	return value, err == nil, err
}

// Set writes an entry. A full cache makes room by evicting others first.
// Errors: ErrNameTooLong, ErrValueTooLong, ErrTTLOutOfRange, ErrNoRoom, ErrClosed.
func (c *Cache[G, F, V]) Set(group G, field F, value V, options ...SetOption) (SetOutcome, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	names, split, err := c.names(s, group, field)
	if err != nil {
		return Unchanged, err
	}
	end := len(names)
	if s.names, err = c.codecs.Value.Append(names, value); err != nil {
		return Unchanged, err
	}
	return c.set(s, s.names[:split], s.names[split:end], s.names[end:], options)
}

// Contains says whether there is such an entry.
func (c *Cache[G, F, V]) Contains(group G, field F) (bool, error) {
	return c.onEntry(group, field, func(h *handle, g, f C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_contains(h.cache, g, f, e)
	})
}

// Erase removes an entry and says whether there was one.
func (c *Cache[G, F, V]) Erase(group G, field F) (bool, error) {
	return c.onEntry(group, field, func(h *handle, g, f C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_erase(h.cache, g, f, e)
	})
}

// CompareAndSet writes desired only if the present value's bytes are those of expected.
func (c *Cache[G, F, V]) CompareAndSet(group G, field F, expected, desired V) (bool, error) {
	before, err := c.codecs.Value.Append(nil, expected)
	if err != nil {
		return false, err
	}
	after, err := c.codecs.Value.Append(nil, desired)
	if err != nil {
		return false, err
	}
	return c.onEntry(group, field, func(h *handle, g, f C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_compare_and_set(h.cache, g, f, bytesOf(before), bytesOf(after), nil, e)
	})
}

// Increment adds to a decimal integer, from 0 if there is none, and answers the sum.
// Errors: ErrNotANumber, ErrOutOfRange.
func (c *Cache[G, F, V]) Increment(group G, field F, by int64) (sum int64, err error) {
	var result C.int64_t
	_, err = c.onEntry(group, field, func(h *handle, g, f C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_increment(h.cache, g, f, C.int64_t(by), &result, e)
	})
	return int64(result), err
}

// Expire gives an entry a time to live from now; 0 takes it away. It says whether there is one.
func (c *Cache[G, F, V]) Expire(group G, field F, ttl time.Duration) (bool, error) {
	return c.onEntry(group, field, func(h *handle, g, f C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_expire(h.cache, g, f, milliseconds(ttl), e)
	})
}

// Forever is the time to live of what does not expire by itself.
const Forever = time.Duration(-1)

// TTLOf answers what is left of an entry's time to live, or Forever.
func (c *Cache[G, F, V]) TTLOf(group G, field F) (left time.Duration, ok bool, err error) {
	var ms C.int64_t
	ok, err = c.onEntry(group, field, func(h *handle, g, f C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_ttl(h.cache, g, f, &ms, e)
	})
	return durationOf(ms), ok, err
}

func durationOf(ms C.int64_t) time.Duration {
	if ms < 0 {
		return Forever
	}
	return time.Duration(ms) * time.Millisecond
}

// onEntry runs a call on one entry; the answer is whether its status is UL_OK.
func (c *Cache[G, F, V]) onEntry(group G, field F,
	call func(*handle, C.ul_bytes, C.ul_bytes, *C.ul_error) C.ul_status) (bool, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	names, split, err := c.names(s, group, field)
	if err != nil {
		return false, err
	}
	entered := c.enter()
	if entered == nil {
		return false, ErrClosed
	}
	defer entered.leave()
	status := call(c.handle, bytesOf(names[:split]), bytesOf(names[split:]), &s.error)
	runtime.KeepAlive(c)
	return status == C.UL_OK, errorOf(status, &s.error)
}

// onGroup is the same for one group.
func (c *Cache[G, F, V]) onGroup(group G,
	call func(*handle, C.ul_bytes, *C.ul_error) C.ul_status) (bool, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	var err error
	if s.names, err = c.codecs.Group.Append(s.names[:0], group); err != nil {
		return false, err
	}
	return c.onName(s, s.names, call)
}

func (c *Cache[G, F, V]) onName(s *scratch, name []byte,
	call func(*handle, C.ul_bytes, *C.ul_error) C.ul_status) (bool, error) {
	entered := c.enter()
	if entered == nil {
		return false, ErrClosed
	}
	defer entered.leave()
	status := call(c.handle, bytesOf(name), &s.error)
	runtime.KeepAlive(c)
	return status == C.UL_OK, errorOf(status, &s.error)
}

// names puts both names into the scratch; the group's end before split.
func (c *Cache[G, F, V]) names(s *scratch, group G, field F) (names []byte, split int, err error) {
	if s.names, err = c.codecs.Group.Append(s.names[:0], group); err != nil {
		return nil, 0, err
	}
	split = len(s.names)
	s.names, err = c.codecs.Field.Append(s.names, field)
	return s.names, split, err
}

package ullage

/*
#include <ullage/c.h>
*/
import "C"

import "runtime"

// Key names an entry of a batch.
type Key[G, F any] struct {
	Group G
	Field F
}

// Item is an entry to write.
type Item[G, F, V any] struct {
	Group G
	Field F
	Value V
}

// MaxBatch is how many entries one call takes.
const MaxBatch = 4096

// GetMany reads many entries with one crossing: values and found have one answer for each key, in
// their order, and are used where they are large enough. Waits for memory overlap. Not atomic as a
// whole. Errors: ErrBatchTooLarge, ErrBadEncoding, ErrClosed.
func (c *Cache[G, F, V]) GetMany(keys []Key[G, F], values []V, found []bool) ([]V, []bool, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.names, s.sizes = s.names[:0], s.sizes[:0]
	var err error
	for _, key := range keys {
		before := len(s.names)
		if s.names, err = c.codecs.Group.Append(s.names, key.Group); err != nil {
			return nil, nil, err
		}
		split := len(s.names)
		if s.names, err = c.codecs.Field.Append(s.names, key.Field); err != nil {
			return nil, nil, err
		}
		s.sizes = append(s.sizes, C.uint32_t(split-before), C.uint32_t(len(s.names)-split))
	}
	values, found = resized(values, len(keys)), resized(found, len(keys))
	if len(keys) == 0 {
		return values, found, nil
	}
	named := len(s.sizes)
	s.sizes = append(s.sizes, make([]C.uint32_t, len(keys))...)
	sizes := s.sizes[named:]

	entered := c.enter()
	if entered == nil {
		return nil, nil, ErrClosed
	}
	defer entered.leave()
	for {
		var needed C.size_t
		status := C.ul_get_packed(c.cache, pointer(s.names), &s.sizes[0], C.size_t(len(keys)),
			pointer(s.value), C.size_t(len(s.value)), &sizes[0], &needed, &s.error)
		if status < 0 {
			return nil, nil, errorOf(status, &s.error)
		}
		if int(needed) <= len(s.value) {
			break
		}
		s.value = make([]byte, needed+needed/4) // values may grow until the next try
	}
	runtime.KeepAlive(c)
	rest := s.value
	for i, size := range sizes {
		var none V
		values[i], found[i] = none, size != C.UL_ABSENT
		if !found[i] {
			continue
		}
		if values[i], err = c.codecs.Value.Decode(rest[:size]); err != nil {
			return nil, nil, err
		}
		rest = rest[size:]
	}
	return values, found, nil
}

func resized[T any](some []T, size int) []T {
	if cap(some) < size {
		return make([]T, size)
	}
	return some[:size]
}

// SetMany writes in order with one crossing, and stops at the first failure; written says how many
// were written before it. Of the options each entry gets the same.
func (c *Cache[G, F, V]) SetMany(items []Item[G, F, V], options ...SetOption) (written int, err error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.names, s.sizes = s.names[:0], s.sizes[:0]
	for _, item := range items {
		at := len(s.names)
		if s.names, err = c.codecs.Group.Append(s.names, item.Group); err != nil {
			return 0, err
		}
		fieldAt := len(s.names)
		if s.names, err = c.codecs.Field.Append(s.names, item.Field); err != nil {
			return 0, err
		}
		valueAt := len(s.names)
		if s.names, err = c.codecs.Value.Append(s.names, item.Value); err != nil {
			return 0, err
		}
		s.sizes = append(s.sizes, C.uint32_t(fieldAt-at), C.uint32_t(valueAt-fieldAt),
			C.uint32_t(len(s.names)-valueAt))
	}
	entered := c.enter()
	if entered == nil {
		return 0, ErrClosed
	}
	defer entered.leave()
	if len(items) == 0 {
		return 0, nil
	}
	done, status := c.setPacked(s, len(items), options)
	runtime.KeepAlive(c)
	return done, errorOf(status, &s.error)
}

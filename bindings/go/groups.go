package ullage

/*
#include <ullage/c.h>
*/
import "C"

import (
	"encoding/binary"
	"iter"
	"time"
)

// EraseGroup removes a group, at once for readers whatever its size; says whether there was one.
func (c *Cache[G, F, V]) EraseGroup(group G) (bool, error) {
	return c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_erase_group(h.cache, g, e)
	})
}

// ContainsGroup says whether there is such a group.
func (c *Cache[G, F, V]) ContainsGroup(group G) (bool, error) {
	return c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_contains_group(h.cache, g, e)
	})
}

// GroupSize answers how many fields a group has; 0 if there is none.
func (c *Cache[G, F, V]) GroupSize(group G) (uint64, error) {
	var fields C.uint64_t
	_, err := c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_group_size(h.cache, g, &fields, e)
	})
	return uint64(fields), err
}

// RenameGroup gives a group another name in one step. A target that exists is replaced only if asked.
// Errors: ErrMissing, ErrExists.
func (c *Cache[G, F, V]) RenameGroup(from, to G, replace bool) error {
	target, err := c.codecs.Group.Append(nil, to)
	if err != nil {
		return err
	}
	_, err = c.onGroup(from, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_rename_group(h.cache, g, bytesOf(target), flag(replace), e)
	})
	return err
}

// ExpireGroup gives a group a time to live from now; 0 takes it away.
func (c *Cache[G, F, V]) ExpireGroup(group G, ttl time.Duration) (bool, error) {
	return c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_expire_group(h.cache, g, milliseconds(ttl), e)
	})
}

// GroupTTL answers what is left of a group's time to live, or Forever.
func (c *Cache[G, F, V]) GroupTTL(group G) (left time.Duration, ok bool, err error) {
	var ms C.int64_t
	ok, err = c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_group_ttl(h.cache, g, &ms, e)
	})
	return durationOf(ms), ok, err
}

// SetGroupLimits gives one group limits of its own; says whether it exists.
func (c *Cache[G, F, V]) SetGroupLimits(group G, limits GroupLimits) (bool, error) {
	return c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_set_group_limits(h.cache, g, C.uint64_t(limits.MaxFields), C.uint64_t(limits.MaxBytes),
			milliseconds(limits.IdleTTL), e)
	})
}

// How many entries come with one crossing.
const scanned = 256

// All goes over the entries of a group in no order. What is there from the beginning to the end is
// seen, some of it maybe twice; others may change the group meanwhile, the body of the loop too.
// After an error it ends; Err of the last value passed in says which, where asked for by AllErr.
func (c *Cache[G, F, V]) All(group G) iter.Seq2[F, V] {
	return func(yield func(F, V) bool) {
		_ = c.AllErr(group, yield)
	}
}

// AllErr is All with a callback, and says what went wrong: ErrClosed, ErrBadEncoding.
func (c *Cache[G, F, V]) AllErr(group G, yield func(F, V) bool) error {
	name, err := c.codecs.Group.Append(nil, group)
	if err != nil {
		return err
	}
	s := &scratch{}
	var cursor C.uint64_t
	for {
		var packed *C.ul_value
		_, err := c.onName(s, name, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
			return C.ul_scan_packed(h.cache, g, &cursor, scanned, &packed, e)
		})
		if err != nil {
			return err
		}
		for rest := take(packed); len(rest) > 0; {
			fieldEnd := 8 + int(binary.NativeEndian.Uint32(rest))
			valueEnd := fieldEnd + int(binary.NativeEndian.Uint32(rest[4:]))
			field, err := c.codecs.Field.Decode(rest[8:fieldEnd])
			if err != nil {
				return err
			}
			value, err := c.codecs.Value.Decode(rest[fieldEnd:valueEnd])
			if err != nil {
				return err
			}
			if !yield(field, value) {
				return nil
			}
			rest = rest[valueEnd:]
		}
		if cursor == 0 {
			return nil
		}
	}
}

// Groups goes over the groups and how many fields each has, as All does over entries.
func (c *Cache[G, F, V]) Groups() iter.Seq2[G, uint64] {
	return func(yield func(G, uint64) bool) {
		_ = c.GroupsErr(yield)
	}
}

// GroupsErr is Groups with a callback, and says what went wrong.
func (c *Cache[G, F, V]) GroupsErr(yield func(G, uint64) bool) error {
	s := &scratch{}
	var cursor C.uint64_t
	for {
		var packed *C.ul_value
		_, err := c.onName(s, nil, func(h *handle, _ C.ul_bytes, e *C.ul_error) C.ul_status {
			return C.ul_scan_groups_packed(h.cache, &cursor, scanned, &packed, e)
		})
		if err != nil {
			return err
		}
		for rest := take(packed); len(rest) > 0; {
			end := 12 + int(binary.NativeEndian.Uint32(rest))
			group, err := c.codecs.Group.Decode(rest[12:end])
			if err != nil {
				return err
			}
			if !yield(group, binary.NativeEndian.Uint64(rest[4:])) {
				return nil
			}
			rest = rest[end:]
		}
		if cursor == 0 {
			return nil
		}
	}
}

// Clear removes everything.
func (c *Cache[G, F, V]) Clear() error {
	return c.onCache(func(h *handle, s *scratch) C.ul_status { return C.ul_clear(h.cache, &s.error) })
}

func (c *Cache[G, F, V]) onCache(call func(*handle, *scratch) C.ul_status) error {
	s := &scratch{}
	_, err := c.onName(s, nil, func(h *handle, _ C.ul_bytes, _ *C.ul_error) C.ul_status { return call(h, s) })
	return err
}

// SetMemoryLimit changes the limit, up to Options.MaxMemoryLimit. Downwards it evicts in this call.
func (c *Cache[G, F, V]) SetMemoryLimit(bytes uint64) error {
	return c.onCache(func(h *handle, s *scratch) C.ul_status {
		return C.ul_set_memory_limit(h.cache, C.uint64_t(bytes), &s.error)
	})
}

// DefineClass gives all groups of a pattern ("session:*") limits together.
func (c *Cache[G, F, V]) DefineClass(pattern string, limits ClassLimits) error {
	return c.onCache(func(h *handle, s *scratch) C.ul_status { return h.classLimits(pattern, limits, s) })
}

// RemoveClass says whether there was such a class.
func (c *Cache[G, F, V]) RemoveClass(pattern string) (bool, error) {
	s := &scratch{}
	return c.onName(s, []byte(pattern), func(h *handle, p C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_remove_class(h.cache, p, e)
	})
}

// Tick does up to so many steps of maintenance; fewer done means that nothing is left.
func (c *Cache[G, F, V]) Tick(budget int) (done int, err error) {
	var steps C.size_t
	err = c.onCache(func(h *handle, s *scratch) C.ul_status {
		return C.ul_tick(h.cache, C.size_t(budget), &steps, &s.error)
	})
	return int(steps), err
}

// Validate walks everything and proves that the books balance: for tests and doubt.
func (c *Cache[G, F, V]) Validate() error {
	return c.onCache(func(h *handle, s *scratch) C.ul_status { return C.ul_validate(h.cache, &s.error) })
}

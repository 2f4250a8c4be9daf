package ullage

/*
#include <ullage/c.h>
*/
import "C"

import "time"

// JSONPut puts a JSON document into a group, or the part that a JSON Pointer names ("" is all of it).
// Each leaf is an entry of its own. Errors: ErrBadJSON (with line and column), ErrBadPointer,
// ErrMissing, ErrWrongType, ErrWrongKind, ErrTooDeep, ErrTooManyLeaves, ErrPathTooLong.
func (c *Cache[G, F, V]) JSONPut(group G, pointer string, json []byte, ttl time.Duration) error {
	_, err := c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_json_put(h.cache, g, bytesOf([]byte(pointer)), bytesOf(json), milliseconds(ttl), e)
	})
	return err
}

// JSONGet answers the text of a document or a part of it, nil if there is none, and whether it has
// lost nothing.
func (c *Cache[G, F, V]) JSONGet(group G, pointer string) (json []byte, complete bool, err error) {
	var text *C.ul_value
	var whole C.int32_t
	ok, err := c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_json_get(h.cache, g, bytesOf([]byte(pointer)), &text, &whole, e)
	})
	if !ok || err != nil {
		return nil, false, err
	}
	return take(text), whole != 0, nil
}

// JSONErase removes a part of a document and answers how many leaves went; ok: there was one.
func (c *Cache[G, F, V]) JSONErase(group G, pointer string) (leaves uint64, ok bool, err error) {
	var erased C.uint64_t
	ok, err = c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_json_erase(h.cache, g, bytesOf([]byte(pointer)), &erased, e)
	})
	return uint64(erased), ok, err
}

// JSONMerge merges a JSON Merge Patch (RFC 7396).
func (c *Cache[G, F, V]) JSONMerge(group G, patch []byte) error {
	_, err := c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_json_merge(h.cache, g, bytesOf(patch), e)
	})
	return err
}

// JSONPatch applies a JSON Patch (RFC 6902), all of it or nothing.
func (c *Cache[G, F, V]) JSONPatch(group G, patch []byte) error {
	_, err := c.onGroup(group, func(h *handle, g C.ul_bytes, e *C.ul_error) C.ul_status {
		return C.ul_json_patch(h.cache, g, bytesOf(patch), e)
	})
	return err
}

package ullage

/*
#include <ullage/c.h>
*/
import "C"

import (
	"net/http"
)

// Stats are counters of a cache.
type Stats struct {
	Entries, Groups   uint64
	Hits, Misses      uint64
	Inserts           uint64
	MemoryLimit       uint64
	ChargedBytes      uint64    // what the cache takes of its limit
	PayloadBytes      uint64    // of names and values
	Removals          [5]uint64 // by Cause
	RemovalEventsLost uint64
}

// Stats reads them.
func (c *Cache[G, F, V]) Stats() (Stats, error) {
	return c.handle.stats(&scratch{})
}

// Metrics are the figures of the cache for Prometheus, as text.
func (c *Cache[G, F, V]) Metrics() ([]byte, error) {
	var text *C.ul_value
	err := c.onCache(func(h *handle, s *scratch) C.ul_status { return C.ul_metrics(h.cache, &text, &s.error) })
	if err != nil {
		return nil, err
	}
	return take(text), nil
}

// DataProfile says who owns the bytes, for `go tool pprof`.
func (c *Cache[G, F, V]) DataProfile() ([]byte, error) {
	var profile *C.ul_value
	err := c.onCache(func(h *handle, s *scratch) C.ul_status {
		return C.ul_data_profile(h.cache, &profile, &s.error)
	})
	if err != nil {
		return nil, err
	}
	return take(profile), nil
}

// Handler serves /metrics and /debug/pprof/data below where it is mounted. Names of entries are data:
// let nobody reach the profile who may not see them.
func (c *Cache[G, F, V]) Handler() http.Handler {
	mux := http.NewServeMux()
	serve := func(path, kind string, make func() ([]byte, error)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			body, err := make()
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", kind)
			w.Write(body) //nolint:errcheck // nobody is left to tell
		})
	}
	serve("/metrics", "text/plain; version=0.0.4; charset=utf-8", c.Metrics)
	serve("/debug/pprof/data", "application/octet-stream", c.DataProfile)
	return mux
}

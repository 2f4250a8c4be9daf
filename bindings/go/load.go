package ullage

import (
	"context"
	"errors"
	"fmt"
	"runtime/cgo"
	"sync"
	"time"
)

// LoadOptions say how GetOrLoad treats what the loader answers.
type LoadOptions struct {
	TTL         time.Duration // of what is loaded; 0: none
	NegativeTTL time.Duration // how long "there is none" is remembered; 0: not at all
}

// ErrNone is what a loader answers when there is no such thing.
var ErrNone = errors.New("ullage: there is none")

// rawLoader answers bytes, nil if there is none.
type rawLoader func() (bytes *[]byte, ttl time.Duration, err error)

// One loading of one entry, which many may wait for.
type flight[V any] struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int // guarded by flights.mutex
	before  *flight[V]
	value   V
	ok      bool
	err     error
}

type flights[V any] struct {
	mutex  sync.Mutex
	flying map[string]*flight[V]
}

// GetOrLoad answers the value, or what the loader answers, stored. While one loads an entry the others
// that ask for it wait for that flight; a Set or Erase meanwhile wins over what was loaded. A caller
// whose context ends stops waiting; the loader's context ends once nobody waits any more.
// A loader may use the cache, but must not close it, nor ask for the entry that it loads.
// It says ErrNone if there is none: ok is false then. Its other errors are passed on to all
// who wait, and errors.Is finds them.
func (c *Cache[G, F, V]) GetOrLoad(ctx context.Context, group G, field F,
	loader func(ctx context.Context) (V, error), options LoadOptions) (value V, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return value, false, err
	}
	if value, ok, err = c.Get(group, field); ok || (err != nil && !errors.Is(err, ErrBadEncoding)) {
		return value, ok, err
	}
	if err != nil { // bytes of another type are loaded anew
		if _, err := c.Erase(group, field); err != nil {
			return value, false, err
		}
	}
	groupName, err := c.codecs.Group.Append(nil, group)
	if err != nil {
		return value, false, err
	}
	fieldName, err := c.codecs.Field.Append(nil, field)
	if err != nil {
		return value, false, err
	}

	one := c.join(ctx, groupName, fieldName, loader, options)
	select {
	case <-one.done:
		return one.value, one.ok, one.err
	case <-ctx.Done():
		c.flights.mutex.Lock()
		if one.waiting--; one.waiting == 0 {
			one.cancel()
		}
		c.flights.mutex.Unlock()
		return value, false, ctx.Err()
	}
}

// join waits for a flight that is under way, or begins one.
func (c *Cache[G, F, V]) join(ctx context.Context, group, field []byte,
	loader func(ctx context.Context) (V, error), options LoadOptions) *flight[V] {
	name := fmt.Sprintf("%d:%s%s", len(group), group, field)
	c.flights.mutex.Lock()
	defer c.flights.mutex.Unlock()
	if one, flying := c.flights.flying[name]; flying && one.waiting > 0 {
		one.waiting++
		return one
	}
	// Its values, but not its end: others may wait for longer.
	loading, cancel := context.WithCancel(context.WithoutCancel(ctx))
	one := &flight[V]{done: make(chan struct{}), cancel: cancel, waiting: 1, before: c.flights.flying[name]}
	if c.flights.flying == nil {
		c.flights.flying = map[string]*flight[V]{}
	}
	c.flights.flying[name] = one
	go func() {
		defer cancel()
		if one.before != nil {
			// One that nobody waits for any more: its end is not ours.
			<-one.before.done
			one.before = nil
		}
		c.fly(loading, one, group, field, loader, options)
		c.flights.mutex.Lock()
		if c.flights.flying[name] == one {
			delete(c.flights.flying, name)
		}
		c.flights.mutex.Unlock()
		close(one.done)
	}()
	return one
}

func (c *Cache[G, F, V]) fly(ctx context.Context, one *flight[V], group, field []byte,
	loader func(ctx context.Context) (V, error), options LoadOptions) {
	var failure error
	raw := rawLoader(func() (bytes *[]byte, ttl time.Duration, err error) {
		// A panic must not cross C.
		defer func() {
			if thrown := recover(); thrown != nil {
				failure = fmt.Errorf("the loader panicked: %v", thrown)
				err = failure
			}
		}()
		loaded, err := loader(ctx)
		if errors.Is(err, ErrNone) {
			return nil, 0, nil
		}
		if err != nil {
			failure = err
			return nil, 0, err
		}
		encoded, err := c.codecs.Value.Append([]byte{}, loaded)
		if err != nil {
			failure = err
			return nil, 0, err
		}
		return &encoded, 0, nil
	})
	handle := cgo.NewHandle(raw)
	defer handle.Delete()
	bytes, ok, err := c.handle.load(group, field, handle, options)
	switch {
	case err != nil && failure != nil:
		one.err = fmt.Errorf("%w: %w", &Error{Code: ErrLoadFailed.Code, Message: failure.Error()}, failure)
	case err != nil:
		one.err = err
	case ok:
		one.value, one.err = c.codecs.Value.Decode(bytes)
		one.ok = one.err == nil
	}
}

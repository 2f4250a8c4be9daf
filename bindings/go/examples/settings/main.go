// Settings is a service that keeps what users set: user -> key -> value. It was a map of maps, which
// nothing bounded; it had grown to 4 GB, paused for the garbage collector, and was killed for it. Here is
// the same on Ullage: -memory bounds it, and /debug/pprof/data says whose bytes they are.
//
//	go run ./examples/settings -memory 268435456
//	curl -X PUT -d dark localhost:8080/users/42/settings/theme
//	curl localhost:8080/users/42/settings
//	go tool pprof -top localhost:8080/debug/pprof/data
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"time"

	"ullage.example/ullage"
)

// Settings of users. What was `map[string]map[string][]byte` with a mutex is one field here.
type service struct {
	settings *ullage.Cache[string, string, []byte]
}

const (
	valueMax   = 64 << 10
	idleFor    = 30 * time.Minute
	fieldsMax  = 1000
	adminPaths = "/debug/pprof/data"
)

func newService(memory uint64) (*service, error) {
	settings, err := ullage.New[string, string, []byte](ullage.Options{
		MemoryLimit:   memory,
		MaxValueBytes: valueMax,
		// One user fills its own group, not the cache, and leaves nothing behind.
		Group: ullage.GroupLimits{MaxFields: fieldsMax, IdleTTL: idleFor},
	})
	if err != nil {
		return nil, err
	}
	return &service{settings}, nil
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{user}/settings", s.list)
	mux.HandleFunc("DELETE /users/{user}/settings", s.dropUser)
	mux.HandleFunc("GET /users/{user}/settings/{key}", s.get)
	mux.HandleFunc("PUT /users/{user}/settings/{key}", s.put)
	mux.HandleFunc("DELETE /users/{user}/settings/{key}", s.drop)
	observed := s.settings.Handler()
	mux.Handle("GET /metrics", observed)
	mux.Handle("GET "+adminPaths, observed)
	return mux
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, ullage.ErrNameTooLong), errors.Is(err, ullage.ErrValueTooLong):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, ullage.ErrNoRoom), errors.Is(err, ullage.ErrClosed):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}

func (s *service) get(w http.ResponseWriter, r *http.Request) {
	value, ok, err := s.settings.Get(r.PathValue("user"), r.PathValue("key"))
	switch {
	case err != nil:
		refuse(w, err)
	case !ok:
		http.NotFound(w, r)
	default:
		w.Write(value)
	}
}

func (s *service) put(w http.ResponseWriter, r *http.Request) {
	value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, valueMax+1))
	if err != nil {
		http.Error(w, "the value is too long", http.StatusRequestEntityTooLarge)
		return
	}
	if _, err := s.settings.Set(r.PathValue("user"), r.PathValue("key"), value); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *service) drop(w http.ResponseWriter, r *http.Request) {
	ok, err := s.settings.Erase(r.PathValue("user"), r.PathValue("key"))
	s.dropped(w, r, ok, err)
}

func (s *service) dropUser(w http.ResponseWriter, r *http.Request) {
	ok, err := s.settings.EraseGroup(r.PathValue("user"))
	s.dropped(w, r, ok, err)
}

func (s *service) dropped(w http.ResponseWriter, r *http.Request, ok bool, err error) {
	switch {
	case err != nil:
		refuse(w, err)
	case !ok:
		http.NotFound(w, r)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *service) list(w http.ResponseWriter, r *http.Request) {
	all := map[string]string{}
	err := s.settings.AllErr(r.PathValue("user"), func(key string, value []byte) bool {
		all[key] = string(value)
		return true
	})
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(all)
}

func main() {
	address := flag.String("address", "127.0.0.1:8080", "where to listen")
	memory := flag.Uint64("memory", 64<<20, "what the settings may take, in bytes")
	flag.Parse()
	service, err := newService(*memory)
	if err != nil {
		log.Fatal(err)
	}
	defer service.settings.Close()
	log.Printf("serving on http://%s", *address)
	log.Fatal(http.ListenAndServe(*address, service.handler()))
}

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func ask(t *testing.T, server *httptest.Server, method, path, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func start(t *testing.T) (*service, *httptest.Server) {
	t.Helper()
	service, err := newService(16 << 20)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service.handler())
	t.Cleanup(service.settings.Close)
	t.Cleanup(server.Close)
	return service, server
}

func TestSettings(t *testing.T) {
	_, server := start(t)
	for _, step := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"PUT", "/users/42/settings/theme", "dark", 204, ""},
		{"GET", "/users/42/settings/theme", "", 200, "dark"},
		{"GET", "/users/42/settings/none", "", 404, "404 page not found\n"},
		{"GET", "/users/42/settings", "", 200, "{\"theme\":\"dark\"}\n"},
		{"DELETE", "/users/42/settings/theme", "", 204, ""},
		{"DELETE", "/users/42/settings", "", 404, "404 page not found\n"},
		{"PUT", "/users/42/settings/" + strings.Repeat("k", 2000), "v", 413, ""},
		{"PUT", "/users/42/settings/big", strings.Repeat("v", valueMax+1), 413, ""},
	} {
		status, answer := ask(t, server, step.method, step.path, step.body)
		if status != step.status || (step.status != 413 && answer != step.answer) {
			t.Errorf("%s %.40s: %d %q, not %d %q", step.method, step.path, status, answer, step.status, step.answer)
		}
	}
	if status, text := ask(t, server, "GET", "/metrics", ""); status != 200 || !strings.Contains(text, "ullage_cache_charged_bytes") {
		t.Error(status, text)
	}
}

// What killed the map of maps: users that come once and leave everything behind.
func TestNoLoadGrowsItPastItsLimit(t *testing.T) {
	service, _ := start(t)
	value := []byte(strings.Repeat("v", 1000))
	before := resident(t)
	for user := range 100_000 {
		if _, err := service.settings.Set(fmt.Sprint(user), "avatar", value); err != nil {
			t.Fatal(err)
		}
	}
	if grown := resident(t) - before; grown > 32<<20 {
		t.Fatalf("grown by %d bytes, of 100 MB written into 16", grown)
	}
}

func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

package ullage_test

import (
	"context"
	"fmt"
	"time"

	"ullage.example/ullage"
)

func Example() {
	cache, err := ullage.New[string, string, string](ullage.Options{MemoryLimit: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer cache.Close()

	cache.Set("user:42", "theme", "dark", ullage.TTL(10*time.Minute))
	if theme, ok, _ := cache.Get("user:42", "theme"); ok {
		fmt.Println("theme", theme)
	}
	language, _, _ := cache.GetOrLoad(context.Background(), "user:42", "language",
		func(context.Context) (string, error) { return "en", nil }, ullage.LoadOptions{TTL: time.Hour})
	fmt.Println("language", language)
	cache.EraseGroup("user:42")
	_, ok, _ := cache.Get("user:42", "theme")
	fmt.Println(ok)
	// Output:
	// theme dark
	// language en
	// false
}

func ExampleCache_GetMany() {
	cache, _ := ullage.New[int, string, int](ullage.Options{MemoryLimit: 8 << 20})
	defer cache.Close()
	cache.Set(1, "visits", 10)
	cache.Set(2, "visits", 20)

	values, found, _ := cache.GetMany([]ullage.Key[int, string]{{1, "visits"}, {2, "visits"}, {3, "visits"}}, nil, nil)
	fmt.Println(values, found)
	// Output: [10 20 0] [true true false]
}

func ExampleCache_JSONGet() {
	cache, _ := ullage.New[string, string, string](ullage.Options{MemoryLimit: 8 << 20})
	defer cache.Close()
	cache.JSONPut("user:42", "", []byte(`{"name": "Ada", "cards": [{"last4": "1234"}]}`), 0)
	last4, _, _ := cache.JSONGet("user:42", "/cards/0/last4")
	fmt.Println(string(last4))
	// Output: "1234"
}

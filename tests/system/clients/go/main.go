// What a service does with go-redis: run against a server on the port given.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

func check(condition bool, what string) {
	if !condition {
		fmt.Fprintln(os.Stderr, "go-redis: "+what)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	for _, protocol := range []int{2, 3} {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + os.Args[1], Protocol: protocol})
		check(client.FlushAll(ctx).Err() == nil, "flushall")
		check(client.HSet(ctx, "user:1", "theme", "dark", "lang", "en").Val() == 2, "hset")
		check(client.HGetAll(ctx, "user:1").Val()["lang"] == "en", "hgetall")
		check(errors.Is(client.Get(ctx, "none").Err(), redis.Nil), "get of nothing")
		check(client.Expire(ctx, "user:1", time.Minute).Val(), "expire")

		pipe := client.Pipeline()
		var last *redis.StringCmd
		for i := 0; i < 2000; i++ {
			pipe.HSet(ctx, fmt.Sprintf("user:%d", i), "n", i)
			last = pipe.HGet(ctx, fmt.Sprintf("user:%d", i), "n")
		}
		_, err := pipe.Exec(ctx)
		check(err == nil && last.Val() == "1999", "a pipeline")

		count := 0
		keys := client.Scan(ctx, 0, "user:*", 200).Iterator()
		for keys.Next(ctx) {
			count++
		}
		check(count == 2000, "scan")

		err = client.Watch(ctx, func(tx *redis.Tx) error {
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, "a", 1, 0)
				p.Incr(ctx, "a")
				return nil
			})
			return err
		}, "a")
		check(err == nil && client.Get(ctx, "a").Val() == "2", "a transaction")

		listener := client.Subscribe(ctx, "news")
		_, err = listener.Receive(ctx)
		check(err == nil, "subscribe")
		client.Publish(ctx, "news", "hello")
		message, err := listener.ReceiveMessage(ctx)
		check(err == nil && message.Payload == "hello", "a message")
		listener.Close()

		// Copies, told of by another connection, which listens.
		ear := client.Subscribe(ctx, "__redis__:invalidate")
		_, err = ear.Receive(ctx)
		check(err == nil, "subscribe to invalidations")
		id := int64(0)
		for _, line := range strings.Split(client.ClientList(ctx).Val(), "\n") {
			if strings.Contains(line, " sub=1 ") {
				fmt.Sscanf(line, "id=%d", &id)
			}
		}
		reader := client.Conn()
		err = reader.Process(ctx, redis.NewCmd(ctx, "CLIENT", "TRACKING", "ON", "REDIRECT", id))
		check(err == nil, "tracking")
		reader.HGet(ctx, "user:1", "n")
		client.HSet(ctx, "user:1", "n", "changed")
		if protocol == 2 {
			told, err := ear.ReceiveMessage(ctx)
			check(err == nil && len(told.PayloadSlice) == 1 && told.PayloadSlice[0] == "user:1",
				"a key that was read and changed")
		}
		reader.Process(ctx, redis.NewCmd(ctx, "CLIENT", "TRACKING", "OFF"))
		reader.Close()
		ear.Close()

		err = client.Get(ctx, "user:1").Err()
		check(err != nil && strings.Contains(err.Error(), "WRONGTYPE"), "WRONGTYPE")
		client.Close()
	}
	fmt.Println("ok")
}

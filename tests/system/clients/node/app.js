// What a service does with ioredis: run against a server on the port given.
"use strict";
const Redis = require("ioredis");
const port = Number(process.argv[2]);

function check(condition, what) {
  if (!condition) throw new Error("ioredis: " + what);
}

async function main() {
  const client = new Redis({ port });
  await client.flushall();
  await client.hset("user:1", { theme: "dark", lang: "en" });
  const all = await client.hgetall("user:1");
  check(all.theme === "dark" && all.lang === "en", "hgetall");

  const pipeline = client.pipeline();
  for (let i = 0; i < 2000; i++) pipeline.hset("user:" + i, "n", i).hget("user:" + i, "n");
  const replies = await pipeline.exec();
  check(replies.every(([error]) => error === null), "a pipeline");
  check(replies[3999][1] === "1999", "the end of a pipeline");

  const seen = new Set();
  for await (const keys of client.scanStream({ match: "user:*", count: 200 }))
    keys.forEach((key) => seen.add(key));
  check(seen.size === 2000, "scan");

  const results = await client.multi().set("a", 1).incr("a").get("a").exec();
  check(results[2][1] === "2", "a transaction");

  const listener = new Redis({ port });
  const heard = new Promise((resolve) => listener.on("message", (_, text) => resolve(text)));
  await listener.subscribe("news");
  await client.publish("news", "hello");
  check((await heard) === "hello", "a message");

  // Copies, told of by another connection: RESP2 has no room for what nobody asked for.
  const ear = new Redis({ port });
  const id = await ear.client("ID");
  const told = new Promise((resolve) => ear.on("message", (_, keys) => resolve(keys)));
  await ear.subscribe("__redis__:invalidate");
  check((await client.client("TRACKING", "ON", "REDIRECT", id)) === "OK", "tracking");
  await client.hget("user:1", "n");
  const writer = new Redis({ port });
  await writer.hset("user:1", "n", "changed");
  writer.disconnect();
  check(String(await told) === "user:1", "a key that was read and changed");
  await client.client("TRACKING", "OFF");
  ear.disconnect();

  let refused = "";
  await client.get("user:1").catch((error) => (refused = error.message));
  check(refused.includes("WRONGTYPE"), "WRONGTYPE");
  client.disconnect();
  listener.disconnect();
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

// What a service does with Jedis: run against a server on the port given.

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.HashSet;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.Transaction;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.csc.CacheConfig;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.resps.ScanResult;

public class App {
  static void check(boolean condition, String what) {
    if (!condition) {
      System.err.println("Jedis: " + what);
      System.exit(1);
    }
  }

  static void commands(Jedis client) throws Exception {
    client.flushAll();
    check(client.hset("user:1", Map.of("theme", "dark", "lang", "en")) == 2, "hset");
    check(client.hgetAll("user:1").get("lang").equals("en"), "hgetAll");
    check(client.get("none") == null, "get of nothing");
    check(client.expire("user:1", 60) == 1, "expire");
    check(client.hexpire("user:1", 60, "theme").equals(List.of(1L)), "hexpire");

    Pipeline pipeline = client.pipelined();
    Response<String> last = null;
    for (int i = 0; i < 2000; ++i) {
      pipeline.hset("user:" + i, "n", Integer.toString(i));
      last = pipeline.hget("user:" + i, "n");
    }
    pipeline.sync();
    check(last.get().equals("1999"), "a pipeline");

    Set<String> keys = new HashSet<>();
    String cursor = ScanParams.SCAN_POINTER_START;
    do {
      ScanResult<String> some = client.scan(cursor, new ScanParams().match("user:*").count(200));
      keys.addAll(some.getResult());
      cursor = some.getCursor();
    } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
    check(keys.size() == 2000, "scan");

    client.watch("a");
    Transaction transaction = client.multi();
    transaction.set("a", "1");
    Response<Long> two = transaction.incr("a");
    check(transaction.exec().size() == 2 && two.get() == 2, "a transaction");

    try {
      client.get("user:1");
      check(false, "WRONGTYPE");
    } catch (JedisDataException wrong) {
      check(wrong.getMessage().startsWith("WRONGTYPE"), "WRONGTYPE");
    }
  }

  static void channels(HostAndPort server, DefaultJedisClientConfig config) throws Exception {
    try (Jedis speaker = new Jedis(server, config); Jedis ear = new Jedis(server, config)) {
      ear.subscribe(new JedisPubSub() {
        @Override
        public void onSubscribe(String channel, int count) {
          speaker.publish("news", "hello");
        }
        @Override
        public void onMessage(String channel, String message) {
          check(message.equals("hello"), "a message");
          unsubscribe();
        }
      }, "news");
    }
  }

  static void tracking(HostAndPort server, DefaultJedisClientConfig config) throws Exception {
    try (UnifiedJedis reader = new UnifiedJedis(server, config, CacheConfig.builder().build());
         Jedis writer = new Jedis(server, config)) {
      writer.hset("tracked", "f", "1");
      check(reader.hget("tracked", "f").equals("1"), "a read");
      check(reader.hget("tracked", "f").equals("1"), "a read of the copy");
      check(reader.getCache().getStats().getHitCount() == 1, "the copy was used");
      writer.hset("tracked", "f", "2");
      // The message is on its way: some command after it finds it.
      for (int i = 0; i < 10_000 && !reader.hget("tracked", "f").equals("2"); ++i) {
        reader.ping();
      }
      check(reader.hget("tracked", "f").equals("2"), "the copy went when it changed");
    }
  }

  public static void main(String[] arguments) throws Exception {
    HostAndPort server = new HostAndPort("127.0.0.1", Integer.parseInt(arguments[0]));
    for (RedisProtocol protocol : RedisProtocol.values()) {
      DefaultJedisClientConfig config =
          DefaultJedisClientConfig.builder().protocol(protocol).build();
      try (Jedis client = new Jedis(server, config)) {
        commands(client);
      }
      channels(server, config);
      if (protocol == RedisProtocol.RESP3) {
        tracking(server, config);
      }
    }
    System.out.println("ok");
  }
}

// For tests: commands on a cache of their own, without a server; time stands still unless told.
#pragma once

#include <ullage/cache.h>

#include "command/dispatcher.h"
#include "command/host.h"
#include "resp/reply.h"
#include "resp/request_parser.h"
#include "resp/string_output_testing.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

/// A client that nobody else has.
class LoneClient final : public Client {
 public:
  LoneClient() : Client(1, "127.0.0.1:50000", "127.0.0.1:7379", 1'700'000'000'000) {}
  void close() noexcept override { closed = true; }
  void push(std::shared_ptr<const std::string> bytes) override { pushed += *bytes; }

  bool closed = false;
  std::string pushed;
};

/// A process that knows nothing of itself.
class BareHost final : public Host {
 public:
  [[nodiscard]] std::vector<Fact> facts(std::string_view /*section*/) const override { return {}; }
  [[nodiscard]] std::vector<SettingValue> settings(std::string_view pattern) const override {
    if (pattern != "maxmemory") return {};
    return {{"maxmemory", maxmemory}};
  }
  std::optional<SettingProblem> set_settings(std::span<const SettingValue> values) override {
    maxmemory = values.back().value;
    return std::nullopt;
  }
  std::optional<std::string> set_class(std::string_view /*pattern*/,
                                       std::span<const ClassLimit> /*limits*/) override {
    return "classes are the server's";
  }
  Result<bool> remove_class(std::string_view /*pattern*/) override { return false; }
  [[nodiscard]] bool has_setting(std::string_view name) const override {
    return name == "maxmemory";
  }
  std::string rewrite_settings() override { return "The server is running without a config file"; }
  [[nodiscard]] std::string acl_path() const override { return {}; }
  std::string write_acl(std::string_view /*text*/) override { return "there is no file"; }
  [[nodiscard]] std::string doctor() const override { return "warning: \"b:secret\" grows.\n"; }
  void resume() override {}
  void reset_statistics() override {}
  void shut_down() override { stopped = true; }

  std::string maxmemory = "67108864";
  bool stopped = false;
};

/// The reply to an inline line, as it goes over the wire.
inline std::string ask_line(Dispatcher& dispatcher, Session& session, std::string_view line,
                            resp::Protocol protocol) {
  resp::RequestParser parser;
  resp::RequestBatch batch;
  const std::string bytes = std::string(line) + "\n";
  static_cast<void>(parser.next(bytes, {}, batch));
  resp::StringOutput out;
  resp::Reply reply(out, protocol);
  dispatcher.run(session, batch[0], reply);
  return std::string(out.view());
}

class House {
 public:
  House() {
    session.client = client;
    clients.add(client);
    removal_news.set_services(&services);
  }
  ~House() { removal_news.set_services(nullptr); }

  std::string ask(std::string_view line) { return ask(line, session.protocol); }
  std::string ask(std::string_view line, resp::Protocol protocol) {
    return ask_line(dispatcher, session, line, protocol);
  }
  /// The replies to lines that come together, as a pipeline.
  std::string ask_together(const std::vector<std::string>& lines) {
    resp::RequestParser parser;
    resp::RequestBatch batch;
    std::string bytes;
    for (const std::string& line : lines)
      bytes += line + "\n";
    for (std::size_t at = 0; at < bytes.size();)
      at += parser.next(std::string_view(bytes).substr(at), {}, batch).consumed;
    resp::StringOutput out;
    resp::Reply reply(out, session.protocol);
    dispatcher.run(session, batch, 0, reply, std::size_t{1} << 20);
    return std::string(out.view());
  }

  void pause_ends() { services.pause.end(); }

  std::shared_ptr<ManualClock> time = std::make_shared<ManualClock>(1'700'000'000'000);
  std::shared_ptr<CommandClock> clock = std::make_shared<CommandClock>(time);
  RemovalNews removal_news;
  Cache cache = [this] {
    Options options;
    options.memory_limit = k_memory_limit_min_bytes;
    options.maintenance = Maintenance::manual;
    options.clock = clock;
    options.random_seed = 1;
    removal_news.listen(options);
    return Cache::open(std::move(options)).value();
  }();
  KeyLocks locks;
  Watches watches;
  Clients clients;
  ByteBudget held{1 << 20};
  Tracking tracking{1 << 20, clients};
  Table table;
  Acl acl{table};
  BareHost host;
  Services services{cache,    *clock,       locks, watches, clients, held,
                    tracking, removal_news, table, acl,     host};
  Dispatcher dispatcher{services};
  std::shared_ptr<LoneClient> client = std::make_shared<LoneClient>();
  Session session;
};

}  // namespace ullage::command

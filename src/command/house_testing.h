// For tests: commands on a cache of their own, without a server; time stands still unless told.
#pragma once

#include <ullage/cache.h>

#include "command/dispatcher.h"
#include "resp/reply.h"
#include "resp/request_parser.h"
#include "resp/string_output_testing.h"

#include <memory>
#include <string>
#include <string_view>

namespace ullage::command {

class House {
 public:
  /// The reply to an inline line, as it goes over the wire.
  std::string ask(std::string_view line, resp::Protocol protocol = resp::Protocol::resp2) {
    resp::RequestParser parser;
    resp::RequestBatch batch;
    const std::string bytes = std::string(line) + "\n";
    static_cast<void>(parser.next(bytes, {}, batch));
    resp::StringOutput out;
    resp::Reply reply(out, protocol);
    dispatcher.run(session, batch[0], reply);
    return std::string(out.view());
  }

  std::shared_ptr<ManualClock> time = std::make_shared<ManualClock>(1'700'000'000'000);
  std::shared_ptr<CommandClock> clock = std::make_shared<CommandClock>(time);
  Cache cache = [this] {
    Options options;
    options.memory_limit = k_memory_limit_min_bytes;
    options.maintenance = Maintenance::manual;
    options.clock = clock;
    options.random_seed = 1;
    return Cache::open(std::move(options)).value();
  }();
  KeyLocks locks;
  Watches watches;
  Services services{cache, *clock, locks, watches};
  Dispatcher dispatcher{services};
  Session session;
};

}  // namespace ullage::command

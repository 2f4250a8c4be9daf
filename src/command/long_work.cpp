#include "command/long_work.h"

#include "command/call.h"

namespace ullage::command {

bool LongWork::step(Services& services, Session& session, resp::Reply& reply) {
  services.counters.long_rounds.fetch_add(1, std::memory_order_relaxed);
  const CommandClock::Stop moment(services.clock);
  Call call(services, session, found_, request_.args(), reply);
  const bool done = step_(call);
  if (!reply.output().failed()) return done;
  reply.output().truncate(0);
  call.too_large_reply();
  return true;
}

}  // namespace ullage::command

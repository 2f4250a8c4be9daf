// The server as a whole: its cache, its threads, where clients come in. START HERE.
//
//   auto server = Server::start(settings, log);   // listens when it returns
//   server.value()->run();                        // until SIGTERM or SIGINT
//
// Threads: the one that calls run() takes clients and signals; each I/O thread serves its own
// clients from then on, on the cache that all share.
#pragma once

#include <ullage/cache.h>
#include <ullage/result.h>

#include "command/dispatcher.h"
#include "server/budget.h"
#include "server/buffer_pool.h"
#include "server/counters.h"
#include "server/host.h"
#include "server/io_thread.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/signals.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ullage::server {

class Server {
 public:
  /// Errors say what to do. `log` outlives the server.
  static Result<std::unique_ptr<Server>> start(const Settings& settings, Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves until a signal, or until stop(). Clients get the replies that are under way.
  void run();
  /// From any thread.
  void stop();

  /// The port that TCP clients come in at; 0: none.
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] const Budget& budget() const noexcept { return budget_; }

 private:
  Server(const Settings& settings, Log& log, const Budget& budget,
         std::unique_ptr<BlockedSignals> blocked, std::shared_ptr<command::CommandClock> clock,
         std::unique_ptr<command::RemovalNews> removal_news, Cache cache);
  Result<void> listen();
  /// The users of the ACL file, and the password of the settings.
  Result<void> load_users();
  void accept(Arrival arrival);
  ServerHost::Actions actions();
  /// What may change while the server runs, to where it is looked at.
  void set_live(const Settings& settings);
  /// Settings that have changed while the server runs.
  void apply(const Settings& settings);

  std::unique_ptr<BlockedSignals> blocked_signals_;
  Settings settings_;  // belongs to the thread that runs run()
  Log& log_;
  Budget budget_;
  std::shared_ptr<command::CommandClock> clock_;
  std::unique_ptr<command::RemovalNews> removal_news_;
  Cache cache_;
  command::KeyLocks locks_;
  command::Watches watches_;
  command::Clients clients_;
  command::ByteBudget held_;
  command::Tracking tracking_;
  command::Table table_;
  command::Acl acl_{table_};
  BufferPool pool_;
  Counters counters_;
  ServerHost host_;
  command::Services services_;
  command::Dispatcher dispatcher_;
  Shared shared_;

  Poller poller_;
  Mailbox mailbox_;
  Signals signals_;
  std::vector<Listener> listeners_;
  std::vector<std::unique_ptr<IoThread>> io_threads_;
  std::vector<std::thread> threads_;
  std::uint64_t next_client_ = 1;
  bool stopping_ = false;
};

}  // namespace ullage::server

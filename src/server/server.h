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
#include "server/admin.h"
#include "server/budget.h"
#include "server/buffer_pool.h"
#include "server/connection_memory.h"
#include "server/counters.h"
#include "server/governor_task.h"
#include "server/host.h"
#include "server/io_thread.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/lookout.h"
#include "server/server_pages.h"
#include "server/service_manager.h"
#include "server/settings.h"
#include "server/signals.h"
#include "server/tls.h"

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ullage::server {

class Server {
 public:
  /// Errors say what to do. `log` outlives the server.
  /// Sockets that the service manager has passed take the place of those of the settings.
  static Result<std::unique_ptr<Server>> start(const Settings& settings, Log& log,
                                               std::vector<PassedSocket> passed = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves until a signal, or until stop(). Clients get the replies that are under way.
  void run();
  /// From any thread.
  void stop();

  /// Where clients come in: "127.0.0.1:7379", "/run/ullage.sock".
  [[nodiscard]] std::vector<std::string> listener_names() const;
  [[nodiscard]] Budget budget() const { return current_budget(); }

 private:
  Server(const Settings& settings, Log& log, const Budget& budget,
         std::unique_ptr<BlockedSignals> blocked, std::shared_ptr<command::CommandClock> clock,
         std::unique_ptr<command::RemovalNews> removal_news, Cache cache);
  Result<void> listen(std::vector<PassedSocket> passed);
  Result<void> listen_for_admin();
  Listener::Accept accept_for(Admin::Scope scope);
  void drain();
  Result<void> watch_listeners();
  Result<void> adopt(std::vector<PassedSocket> passed);
  /// The users of the ACL file, and the password of the settings.
  Result<void> load_users();
  void accept(Arrival arrival);
  void accept_secure(Arrival arrival);
  /// SIGHUP: what lies in files is read anew.
  void reload();
  ServerHost::Actions actions();
  /// What may change while the server runs, to where it is looked at.
  void set_live(const Settings& settings);
  /// Settings that have changed while the server runs; what is wrong with them, if they must not.
  /// Called from any thread, by one at a time.
  Problem apply(const Settings& before, const Settings& after);
  /// Lets the cache grow or shrink so that the whole stays within another limit.
  Problem resize(std::size_t limit_bytes);
  [[nodiscard]] Budget current_budget() const;
  [[nodiscard]] RoundTimes::Sum round_times() const;
  /// What is done between rounds.
  void look_after();
  void tick_pools(std::int64_t now_ms);
  [[nodiscard]] Readings read();
  void ask_doctor(std::int64_t now_ms);
  /// How long the thread that takes clients may wait for events.
  [[nodiscard]] int poll_timeout_ms() const;

  std::unique_ptr<BlockedSignals> blocked_signals_;
  Settings settings_;  // belongs to the thread that runs run()
  Log& log_;
  mutable std::mutex budget_mutex_;
  Budget budget_;  // guarded by budget_mutex_
  const bool uses_tls_;
  const std::uint64_t max_clients_;
  const std::size_t cache_growth_bytes_;
  Tls tls_;
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
  ConnectionPool connection_pool_{{.name = "connections"}};
  Counters counters_;
  ServerHost host_;
  command::Services services_;
  command::Dispatcher dispatcher_;
  Shared shared_;

  Poller poller_;
  Mailbox mailbox_;
  Signals signals_;
  Lookout lookout_{
      {.cache = cache_, .held = held_, .clock = *clock_, .log = log_, .readings = [this] {
         return read();
       }}};
  GovernorTask governor_{{.cache = cache_,
                          .clock = *clock_,
                          .log = log_,
                          .trace = services_.trace,
                          .container = [] { return observe::container_memory(); },
                          .purge =
                              [this] {
                                connection_pool_.trim();
                                observe::release_free_memory();
                              }},
                         budget_.arena_bytes};
  std::int64_t next_doctor_ms_ = 0;
  std::int64_t next_pool_tick_ms_ = 0;
  mutable std::mutex doctor_mutex_;
  std::string doctor_text_;  // guarded by doctor_mutex_: commands on other threads show it
  ServerPages pages_{services_,
                     MetricsPage({.services = services_,
                                  .counters = counters_,
                                  .pool = pool_,
                                  .pools = [this] { return std::vector{connection_pool_.stats()}; },
                                  .governor = governor_,
                                  .lookout = lookout_,
                                  .budget = [this] { return current_budget(); },
                                  .round_times = [this] { return round_times(); },
                                  .groups_max = settings_.metrics_groups})};
  Admin admin_{poller_, *clock_, pages_};
  const Listener::Accept accept_ = [this](Arrival arrival) { accept(std::move(arrival)); };
  const Listener::Accept accept_tls_ = [this](Arrival a) { accept_secure(std::move(a)); };
  std::vector<Listener> listeners_;
  std::vector<Listener> admin_listeners_;
  bool passed_ = false;  // whether the service manager has passed them
  std::vector<std::unique_ptr<IoThread>> io_threads_;
  std::vector<std::thread> threads_;
  std::uint64_t next_client_ = 1;
  bool stopping_ = false;
};

}  // namespace ullage::server

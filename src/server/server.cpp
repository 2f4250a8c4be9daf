#include "server/server.h"

#include <ullage/observe/heap_profile.h>

#include "server/doctor.h"
#include "server/sizes.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <iterator>
#include <utility>

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

namespace ullage::server {

namespace {

/// What one client may leave unread before it is not read any more.
constexpr std::size_t k_output_share_of_buffers = 8;

/// How many times what the cache may take at the start it may take later: address space alone.
constexpr std::size_t k_growth_max = 8;

std::size_t cache_growth_bytes(const Budget& budget) noexcept {
  return std::min(budget.arena_bytes * k_growth_max, k_memory_limit_max_bytes);
}

/// As much of the heap as the threads need, and no more, where the allocator is glibc's: each of
/// its arenas keeps what its thread once freed. The program's own (jemalloc) is told so as it
/// starts.
void confine_heap() noexcept {
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

// A certificate is given for sockets that are passed, too.
bool uses_tls(const Settings& settings) noexcept {
  return settings.tls_port != 0 || !settings.tls_cert_file.empty();
}

Options cache_options(const Settings& settings, const Budget& budget,
                      const std::shared_ptr<command::CommandClock>& clock,
                      command::RemovalNews& removal_news) {
  Options options;
  options.memory_limit = budget.arena_bytes;
  options.max_memory_limit = cache_growth_bytes(budget);
  options.max_classes = settings.max_classes;
  options.max_value_bytes =
      std::min(settings.max_value, budget.arena_bytes / k_value_share_of_limit);
  options.clock = clock;
  removal_news.listen(options);
  if (settings.preset == Preset::config_cache) options.group = GroupLimits::config_cache();
  return options;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Settings& settings, Log& log,
                                              std::vector<PassedSocket> passed) {
  confine_heap();
  try {
    const unsigned threads =
        settings.io_threads != 0
            ? settings.io_threads
            : io_threads_for(std::thread::hardware_concurrency(), settings.memory_limit);
    Settings resolved = settings;
    resolved.io_threads = threads;
    auto budget =
        divide_limit({.limit_bytes = settings.memory_limit,
                      .resident_bytes = program_bytes(),
                      .threads = threads,
                      .max_clients = settings.max_clients,
                      .value_max_bytes = std::min(settings.max_value,
                                                  settings.memory_limit / k_value_share_of_limit),
                      .uses_tls = uses_tls(settings)});
    if (!budget) return budget.error();
    auto blocked = std::make_unique<BlockedSignals>();
    auto clock = std::make_shared<command::CommandClock>();
    auto removal_news = std::make_unique<command::RemovalNews>();
    auto cache = Cache::open(cache_options(resolved, *budget, clock, *removal_news));
    if (!cache) return cache.error();
    std::unique_ptr<Server> server(new Server(resolved, log, *budget, std::move(blocked),
                                              std::move(clock), std::move(removal_news),
                                              std::move(*cache)));
    if (const auto defined = server->cache_.define_classes(resolved.classes); !defined)
      return Error{defined.error().code, "classes: " + defined.error().message};
    if (const auto loaded = server->load_users(); !loaded) return loaded.error();
    if (uses_tls(settings)) {
      if (const auto loaded = server->tls_.load(settings); !loaded) return loaded.error();
    }
    if (const auto listening = server->listen(std::move(passed)); !listening)
      return listening.error();
    return server;
  } catch (const std::exception& failure) {
    return Error{Errc::system, failure.what()};
  }
}

Server::Server(const Settings& settings, Log& log, const Budget& budget,
               std::unique_ptr<BlockedSignals> blocked,
               std::shared_ptr<command::CommandClock> clock,
               std::unique_ptr<command::RemovalNews> removal_news, Cache cache)
    : blocked_signals_(std::move(blocked)),
      settings_(settings),
      log_(log),
      budget_(budget),
      uses_tls_(uses_tls(settings)),
      max_clients_(budget.max_clients),
      cache_growth_bytes_(cache_growth_bytes(budget)),
      clock_(std::move(clock)),
      removal_news_(std::move(removal_news)),
      cache_(std::move(cache)),
      held_(budget.held_bytes),
      tracking_(budget.tracking_bytes, clients_),
      pool_(budget.buffers_bytes),
      host_(settings, pool_, counters_, *clock_, actions()),
      services_{cache_,    *clock_,        locks_, watches_, clients_, held_,
                tracking_, *removal_news_, table_, acl_,     host_},
      dispatcher_(services_),
      shared_{.dispatcher = dispatcher_,
              .services = services_,
              .pool = pool_,
              .connection_pool = connection_pool_,
              .counters = counters_,
              .parser_limits = {},
              .output_high_bytes =
                  pool_.capacity_bytes() / k_output_share_of_buffers - ReplyBuffer::k_own_bytes,
              .posted_high_bytes = budget.posted_bytes / settings.io_threads,
              .stall_timeout_ms = settings.stall_timeout * 1000},
      mailbox_(poller_),
      signals_(poller_, [this](int signal) {
        if (signal == SIGHUP) return reload();
        log_.info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
        stopping_ = true;
      }) {
  services_.limits.value_max_bytes = settings.max_value;
  services_.limits.debug_enabled = settings.enable_debug;
  removal_news_->set_services(&services_);
  admin_.set_token(settings.admin_token);
  lookout_.set(settings);
  governor_.set(budget.arena_bytes, settings.governor);
  set_live(settings);
  // Where nothing can be sampled, /debug/pprof/heap says so.
  static_cast<void>(observe::set_heap_sampling(settings.heap_sample));
  shared_.parser_limits.args_max = budget.args_max;
  shared_.parser_limits.bulk_max_bytes = settings.max_value;
  shared_.parser_limits.request_max_bytes =
      std::min(resp::k_request_max_bytes, pool_.capacity_bytes());
  for (unsigned i = 0; i < settings_.io_threads; ++i)
    io_threads_.push_back(std::make_unique<IoThread>(shared_));
  for (const auto& io_thread : io_threads_)
    shared_.threads.push_back(io_thread.get());
  for (const auto& io_thread : io_threads_) {
    std::thread& thread = threads_.emplace_back([&run = *io_thread] { run.run(); });
    // What top, gdb and traces call it; 15 characters at most.
    ::pthread_setname_np(thread.native_handle(),
                         ("ullage-io-" + std::to_string(threads_.size() - 1)).c_str());
  }
}

Server::~Server() {
  for (const auto& io_thread : io_threads_)
    io_thread->stop(static_cast<int>(settings_.drain_timeout));
  for (std::thread& thread : threads_)
    thread.join();
  removal_news_->set_services(nullptr);
}

namespace {
void set_default_password(command::Acl& acl, const std::string& password) {
  const std::vector<std::string> rules =
      password.empty() ? std::vector<std::string>{"nopass"}
                       : std::vector<std::string>{"resetpass", ">" + password};
  static_cast<void>(acl.change("default", rules));
}
}  // namespace

namespace {
/// Opens what the address is, and puts it to those that there are.
Result<void> listen_on(std::vector<Listener>& listeners, const std::string& address,
                       std::uint16_t port, const Listener::Accept& accept) {
  auto opened = Listener::open_tcp(address, port, accept);
  if (!opened) return opened.error();
  std::move(opened->begin(), opened->end(), std::back_inserter(listeners));
  return {};
}
}  // namespace

Result<void> Server::load_users() {
  if (!settings_.acl_file.empty()) {
    std::ifstream file(settings_.acl_file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    if (!file)
      return Error{Errc::system, "cannot read " + settings_.acl_file + ", the file of --acl-file"};
    if (const auto problem = acl_.load(text))
      return Error{Errc::invalid_argument, settings_.acl_file + ":" + *problem};
  }
  if (!settings_.password.empty()) set_default_password(acl_, settings_.password);
  return {};
}

Result<void> Server::adopt(std::vector<PassedSocket> passed) {
  const bool has_debug = std::ranges::find(passed, "debug", &PassedSocket::name) != passed.end();
  if (!has_debug && (settings_.debug_port != 0 || !settings_.debug_socket.empty())) {
    return Error{Errc::invalid_argument,
                 "the service manager has passed the sockets, and none for debugging: give it one "
                 "named debug instead of --debug-port or --debug-socket"};
  }
  for (PassedSocket& one : passed) {
    const bool secure = one.name == "tls";
    if (secure && !uses_tls_) {
      return Error{Errc::invalid_argument,
                   "the service manager has passed a socket for TLS: give --tls-cert-file and "
                   "--tls-key-file"};
    }
    const bool is_debug = one.name == "debug";
    const bool is_admin = is_debug || one.name == "admin";
    const auto scope = has_debug && !is_debug ? Admin::Scope::probes : Admin::Scope::all;
    auto adopted = Listener::adopt(std::move(one.socket), secure     ? accept_tls_
                                                          : is_admin ? accept_for(scope)
                                                                     : accept_);
    if (!adopted) return adopted.error();
    (is_admin ? admin_listeners_ : listeners_).push_back(std::move(*adopted));
  }
  return {};
}

Result<void> Server::listen_for_admin() {
  const bool has_debug = settings_.debug_port != 0 || !settings_.debug_socket.empty();
  if (settings_.admin_port != 0) {
    const auto opened = listen_on(admin_listeners_, settings_.admin_bind, settings_.admin_port,
                                  accept_for(has_debug ? Admin::Scope::probes : Admin::Scope::all));
    if (!opened) {
      return Error{opened.error().code,
                   opened.error().message + " (this is the admin port: --admin-port, 0 for none)"};
    }
  }
  if (settings_.debug_port != 0) {
    const auto opened = listen_on(admin_listeners_, settings_.debug_bind, settings_.debug_port,
                                  accept_for(Admin::Scope::all));
    if (!opened) {
      return Error{opened.error().code,
                   opened.error().message + " (this is the debug port: --debug-port, 0 for none)"};
    }
  }
  if (!settings_.debug_socket.empty()) {
    auto opened = Listener::open_unix(settings_.debug_socket, accept_for(Admin::Scope::all));
    if (!opened) return opened.error();
    admin_listeners_.push_back(std::move(*opened));
  }
  return {};
}

Listener::Accept Server::accept_for(Admin::Scope scope) {
  return [this, scope](Arrival arrival) {
    admin_.accept(std::move(arrival.channel),
                  {.scope = scope, .is_local = arrival.is_local, .is_unix = arrival.is_unix});
  };
}

Result<void> Server::listen(std::vector<PassedSocket> passed) {
  passed_ = !passed.empty();
  if (passed_) {
    if (auto adopted = adopt(std::move(passed)); !adopted) return adopted;
    return watch_listeners();
  }
  // First, so that no client comes in before all is open.
  if (auto opened = listen_for_admin(); !opened) return opened;
  for (const std::string& address : settings_.bind) {
    if (settings_.port != 0) {
      if (auto opened = listen_on(listeners_, address, settings_.port, accept_); !opened)
        return opened;
    }
    if (settings_.tls_port != 0) {
      if (auto opened = listen_on(listeners_, address, settings_.tls_port, accept_tls_); !opened)
        return opened;
    }
  }
  if (!settings_.unix_socket.empty()) {
    auto opened = Listener::open_unix(settings_.unix_socket, accept_);
    if (!opened) return opened.error();
    listeners_.push_back(std::move(*opened));
  }
  if (settings_.port == 0 && settings_.tls_port == 0 && settings_.unix_socket.empty())
    return Error{Errc::invalid_argument,
                 "nothing to listen on: give --port, --tls-port or --unix-socket"};
  return watch_listeners();
}

Result<void> Server::watch_listeners() {
  for (std::vector<Listener>* const some : {&listeners_, &admin_listeners_}) {
    for (Listener& listener : *some) {
      if (!poller_.add(listener.descriptor(), EPOLLIN, listener))
        return Error{Errc::system, "cannot listen on " + listener.name()};
    }
  }
  return {};
}

void Server::accept(Arrival arrival) {
  counters_.connections_received.fetch_add(1, std::memory_order_relaxed);
  std::string_view refusal;
  if (counters_.connections_open.load(std::memory_order_relaxed) >= max_clients_) {
    refusal = "-ERR max number of clients reached\r\n";
  } else if (governor_.refuses_clients()) {
    refusal = "-ERR the container is short of memory: no new clients are served now\r\n";
  } else if (settings_.protected_mode && !acl_.find("default")->needs_password() &&
             !arrival.is_local) {
    refusal =
        "-DENIED The server runs in protected mode, because no password is set: only clients on "
        "its own machine are served. Set a password (--password), or switch the protection off "
        "(--protected-mode no) where no stranger can come in.\r\n";
  }
  if (!refusal.empty()) {
    counters_.connections_rejected.fetch_add(1, std::memory_order_relaxed);
    // Under TLS nobody could read it before shaking hands.
    if (!arrival.channel.is_secure()) static_cast<void>(arrival.channel.write(refusal));
    return;
  }
  counters_.connections_open.fetch_add(1, std::memory_order_relaxed);
  const auto idlest = std::min_element(
      io_threads_.begin(), io_threads_.end(),
      [](const auto& a, const auto& b) { return a->connections() < b->connections(); });
  (*idlest)->adopt(std::move(arrival), next_client_++);
}

ServerHost::Actions Server::actions() {
  return {.shut_down = [this] { stop(); },
          .resume =
              [this] {
                for (const auto& io_thread : io_threads_)
                  io_thread->resume();
              },
          .apply = [this](const Settings& before,
                          const Settings& after) { return apply(before, after); },
          .budget = [this] { return current_budget(); },
          .doctor =
              [this] {
                const std::lock_guard lock(doctor_mutex_);
                return doctor_text_;
              }};
}

void Server::set_live(const Settings& settings) {
  services_.key_events.want(settings.notify_keyspace_events);
  removal_news_->wanted();
  services_.slow_log.set_threshold_us(settings.slow_log_us);
  services_.slow_log.set_length_max(settings.slow_log_length);
  services_.latency.set_threshold_ms(settings.latency_ms);
  shared_.idle_timeout_s.store(settings.timeout, std::memory_order_relaxed);
}

Problem Server::apply(const Settings& before, const Settings& after) {
  // What can fail comes first, so that nothing has changed if it does.
  Tls::Context context;
  if (uses_tls_ && Tls::is_about(before, after)) {
    auto made = Tls::prepare(after);
    if (!made) return made.error().message;
    context = std::move(*made);
  }
  if (const Problem problem = resize(after.memory_limit)) return problem;
  if (before.classes != after.classes) {
    const auto defined = cache_.define_classes(after.classes);
    if (!defined) {
      static_cast<void>(resize(before.memory_limit));  // as it was
      return defined.error().message;
    }
  }
  if (context) tls_.use(std::move(context));
  // What ACL SETUSER said of the default user stays, unless this says otherwise.
  if (before.password != after.password) set_default_password(acl_, after.password);
  set_live(after);
  // Another distance drops what was sampled.
  if (before.heap_sample != after.heap_sample)
    static_cast<void>(observe::set_heap_sampling(after.heap_sample));
  mailbox_.post([this, after] {
    settings_ = after;
    lookout_.set(after);
    governor_.set(current_budget().arena_bytes, after.governor);
  });
  for (const auto& io_thread : io_threads_)
    io_thread->resume();
  return std::nullopt;
}

Problem Server::resize(std::size_t limit_bytes) {
  // Emptying the cache takes its time: nobody who wants to know the budget waits for it.
  const Budget before = current_budget();
  if (limit_bytes == before.limit_bytes) return std::nullopt;
  // All but the cache keeps the size that it has had from the start.
  const std::size_t others = before.limit_bytes - before.arena_bytes;
  if (limit_bytes < others + k_memory_limit_min_bytes) {
    return "at least " + size_text(others + k_memory_limit_min_bytes) +
           ", since buffers and code keep the size they were started with";
  }
  // No more than the container has room for now: the governor lets it grow when there is.
  const std::size_t cache_bytes = limit_bytes - others;
  if (cache_bytes > cache_growth_bytes_)
    return "at most " + size_text(cache_growth_bytes_ + others) + " without a restart";
  const bool is_short = governor_.governed_bytes() < before.arena_bytes;
  const auto done = cache_.set_memory_limit(
      is_short ? std::min(cache_bytes, governor_.governed_bytes()) : cache_bytes);
  if (!done) return done.error().message;
  log_.info("memory limit changed", {{"from", before.limit_bytes}, {"to", limit_bytes}});
  const std::lock_guard lock(budget_mutex_);
  budget_.limit_bytes = limit_bytes;
  budget_.arena_bytes = limit_bytes - others;
  return std::nullopt;
}

Budget Server::current_budget() const {
  const std::lock_guard lock(budget_mutex_);
  return budget_;
}

RoundTimes::Sum Server::round_times() const {
  RoundTimes::Sum sum;
  for (const auto& io_thread : io_threads_)
    io_thread->round_times().add_to(sum);
  return sum;
}

void Server::look_after() {
  governor_.step();
  tick_pools(clock_->running_ms());
  if (lookout_.step()) next_doctor_ms_ = 0;
  ask_doctor(clock_->running_ms());
}

void Server::tick_pools(std::int64_t now_ms) {
  constexpr std::int64_t k_again_ms = 10'000;
  if (now_ms < next_pool_tick_ms_) return;
  next_pool_tick_ms_ = now_ms + k_again_ms;
  connection_pool_.tick();
}

Readings Server::read() {
  const Stats stats = cache_.stats();
  std::uint64_t longest_ns = 0;
  for (const auto& io_thread : io_threads_)
    longest_ns = std::max(longest_ns, io_thread->round_times().take_longest_ns());
  return {.now_ms = clock_->running_ms(),
          .resident_bytes = resident_bytes(),
          .limit_bytes = current_budget().limit_bytes,
          .cache_bytes = stats.charged_bytes,
          .cache_limit_bytes = stats.memory_limit,
          .evictions = stats.removed(RemovalCause::evicted) + stats.removed(RemovalCause::limit),
          .longest_round_ns = longest_ns};
}

void Server::ask_doctor(std::int64_t now_ms) {
  constexpr std::int64_t k_again_ms = 10'000;
  if (now_ms < next_doctor_ms_) return;
  next_doctor_ms_ = now_ms + k_again_ms;
  std::string text = doctor_text(diagnose(doctor_facts(pages_.sources())));
  const std::lock_guard lock(doctor_mutex_);
  doctor_text_ = std::move(text);
}

int Server::poll_timeout_ms() const {
  const auto own_ms = static_cast<int>(std::min(lookout_.wait_ms(), governor_.wait_ms()));
  const int admin_ms = admin_.poll_timeout_ms();
  return admin_ms < 0 ? own_ms : std::min(admin_ms, own_ms);
}

void Server::reload() {
  if (uses_tls_) {
    const auto loaded = tls_.load(settings_);
    loaded ? log_.info("certificate read anew")
           : log_.error("the certificate stays the one that it was",
                        {{"problem", loaded.error().message}});
  }
}

void Server::accept_secure(Arrival arrival) {
  TlsSession session = tls_.open(arrival.channel.descriptor());
  if (session == nullptr) return;
  arrival.channel.secure(std::move(session));
  accept(std::move(arrival));
}

void Server::run() {
  while (!stopping_) {
    poller_.run_once(poll_timeout_ms());
    admin_.after_round();
    look_after();
  }
  for (const Listener& listener : listeners_)
    poller_.remove(listener.descriptor());
  for (const std::string* const path : {&settings_.unix_socket, &settings_.debug_socket}) {
    if (!passed_ && !path->empty()) ::unlink(path->c_str());
  }
  listeners_.clear();
  drain();
}

// Clients get what is under way, and probes hear that no more come in.
void Server::drain() {
  constexpr int k_look_again_ms = 20;
  admin_.set_ready(false);
  for (const auto& io_thread : io_threads_)
    io_thread->stop(static_cast<int>(settings_.drain_timeout));
  const auto all_ended = [this] {
    return std::all_of(io_threads_.begin(), io_threads_.end(),
                       [](const auto& thread) { return thread->has_ended(); });
  };
  while (!all_ended()) {
    poller_.run_once(admin_.poll_timeout_ms() == 0 ? 0 : k_look_again_ms);
    admin_.after_round();
  }
}

void Server::stop() {
  mailbox_.post([this] { stopping_ = true; });
}

std::vector<std::string> Server::listener_names() const {
  std::vector<std::string> names;
  for (const std::vector<Listener>* const some : {&listeners_, &admin_listeners_}) {
    for (const Listener& listener : *some)
      names.push_back(listener.name());
  }
  return names;
}

}  // namespace ullage::server

#include "server/host.h"

#include "command/glob.h"
#include "command/limits.h"
#include "server/class_text.h"
#include "server/replace_file.h"
#include "server/sizes.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace ullage::server {

namespace {

/// Settings of Redis that clients and tools read, and that cannot be otherwise here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> k_given{{
    {"appendonly", "no"},
    {"databases", "16"},
    {"maxmemory-policy", "allkeys-lfu"},
    {"save", ""},
    {"lazyfree-lazy-user-del", "yes"},
}};
static_assert(command::k_databases == 16);

std::string seconds_text(const timeval& time) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%06lld", static_cast<long long>(time.tv_sec),
                static_cast<long long>(time.tv_usec));
  return text;
}

std::string number(std::uint64_t value) {
  return std::to_string(value);
}
std::string number(const std::atomic<std::uint64_t>& value) {
  return std::to_string(value.load(std::memory_order_relaxed));
}

/// The peak of resident memory, as the kernel has it.
std::size_t resident_peak_bytes() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

std::string human(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2fM", static_cast<double>(bytes) / 1048576.0);
  return text;
}

std::vector<command::Fact> cpu_facts() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {{"used_cpu_sys", seconds_text(usage.ru_stime)},
          {"used_cpu_user", seconds_text(usage.ru_utime)}};
}

}  // namespace

ServerHost::ServerHost(const Settings& settings, const BufferPool& pool, Counters& counters,
                       const command::CommandClock& clock, Actions actions)
    : settings_(settings),
      pool_(pool),
      counters_(counters),
      clock_(clock),
      started_ms_(clock.running_ms()),
      actions_(std::move(actions)) {}

std::vector<command::Fact> ServerHost::facts(std::string_view section) const {
  if (section == "server") return server_facts();
  if (section == "clients") return client_facts();
  if (section == "memory") return memory_facts();
  if (section == "stats") return connection_facts();
  if (section == "cpu") return cpu_facts();
  return {};
}

std::vector<command::Fact> ServerHost::server_facts() const {
  const std::scoped_lock lock(mutex_);
  const auto uptime = static_cast<std::uint64_t>((clock_.running_ms() - started_ms_) / 1000);
  return {{"redis_version", std::string(command::k_redis_version)},
          {"redis_mode", "standalone"},
          {"server_name", "ullage"},
          {"ullage_version", ULLAGE_VERSION},
          {"arch_bits", "64"},
          {"multiplexing_api", "epoll"},
          {"process_id", number(static_cast<std::uint64_t>(::getpid()))},
          {"tcp_port", number(settings_.port)},
          {"uptime_in_seconds", number(uptime)},
          {"uptime_in_days", number(uptime / 86400)},
          {"io_threads_active", number(settings_.io_threads)}};
}

std::vector<command::Fact> ServerHost::client_facts() const {
  return {{"connected_clients", number(counters_.connections_open)},
          {"maxclients", number(actions_.budget().max_clients)},
          {"blocked_clients", "0"},
          {"request_args_max", number(actions_.budget().args_max)},
          {"client_buffer_bytes", number(pool_.used_bytes())},
          {"client_buffer_peak_bytes", number(pool_.peak_bytes())},
          {"client_buffer_limit_bytes", number(pool_.capacity_bytes())}};
}

std::vector<command::Fact> ServerHost::memory_facts() const {
  const std::size_t resident = resident_bytes();
  const std::size_t peak = resident_peak_bytes();
  const Budget budget = actions_.budget();
  return {{"used_memory", number(resident)},
          {"used_memory_human", human(resident)},
          {"used_memory_rss", number(resident)},
          {"used_memory_rss_human", human(resident)},
          {"used_memory_peak", number(peak)},
          {"used_memory_peak_human", human(peak)},
          {"maxmemory", number(budget.limit_bytes)},
          {"maxmemory_human", human(budget.limit_bytes)},
          {"maxmemory_policy", "allkeys-lfu"},
          {"arena_limit_bytes", number(budget.arena_bytes)},
          {"budget_program_bytes", number(budget.baseline_bytes)},
          {"budget_threads_bytes", number(budget.threads_bytes)},
          {"budget_client_bytes", number(budget.client_bytes)},
          {"budget_connections_bytes", number(budget.connections_bytes)},
          {"budget_buffers_bytes", number(budget.buffers_bytes)}};
}

std::vector<command::Fact> ServerHost::connection_facts() const {
  return {{"total_connections_received", number(counters_.connections_received)},
          {"rejected_connections", number(counters_.connections_rejected)},
          {"total_net_input_bytes", number(counters_.input_bytes)},
          {"total_net_output_bytes", number(counters_.output_bytes)},
          {"clients_closed_for_protocol_errors", number(counters_.closed_protocol_error)},
          {"clients_closed_for_buffers", number(counters_.closed_no_buffer)},
          {"clients_closed_stalled", number(counters_.closed_stalled)},
          {"clients_closed_in_tls_handshake", number(counters_.closed_handshake)}};
}

std::vector<command::Host::SettingValue> ServerHost::settings(std::string_view pattern) const {
  const std::scoped_lock lock(mutex_);
  std::vector<SettingValue> found;
  for (const Setting& setting : setting_table()) {
    // Redis shows the password to those who may see settings; nobody expects more of them.
    if (setting.secret && setting.redis_name.empty()) continue;
    const std::string_view name = setting.redis_name.empty() ? setting.name : setting.redis_name;
    const bool by_our_name = command::glob_matches(pattern, setting.name);
    if (!by_our_name && !command::glob_matches(pattern, name)) continue;
    // By the name that was asked for.
    const bool asked_for_ours = by_our_name && pattern == setting.name;
    found.push_back({std::string(asked_for_ours ? setting.name : name), setting.get(settings_)});
  }
  for (const auto& [name, value] : k_given) {
    if (command::glob_matches(pattern, name))
      found.push_back({std::string(name), std::string(value)});
  }
  return found;
}

bool ServerHost::has_setting(std::string_view name) const {
  return find_setting(name) != nullptr;
}

std::optional<command::Host::SettingProblem> ServerHost::set_settings(
    std::span<const SettingValue> values) {
  const std::scoped_lock lock(mutex_);
  Settings changed = settings_;
  for (const auto& [name, value] : values) {
    const Setting* setting = find_setting(name);
    if (setting == nullptr || !setting->live)
      return SettingProblem{name, "can't set immutable config"};
    if (const auto allowed = setting->set(changed, value))
      return SettingProblem{name, "argument must be " + *allowed};
  }
  if (const Problem problem = actions_.apply(settings_, changed))
    return SettingProblem{values.back().name, *problem};
  settings_ = std::move(changed);
  return std::nullopt;
}

Problem ServerHost::use_classes(std::vector<ClassDefinition> classes) {
  Settings changed = settings_;
  changed.classes = std::move(classes);
  if (Problem problem = actions_.apply(settings_, changed)) return problem;
  settings_ = std::move(changed);
  return std::nullopt;
}

std::optional<std::string> ServerHost::set_class(std::string_view pattern,
                                                 std::span<const ClassLimit> limits) {
  const std::scoped_lock lock(mutex_);
  std::vector<ClassDefinition> classes = settings_.classes;
  auto found = std::ranges::find(classes, pattern, &ClassDefinition::pattern);
  if (found == classes.end()) found = classes.insert(found, {std::string(pattern), {}});
  for (const auto& [name, value] : limits) {
    if (auto wrong = set_class_limit(found->limits, name, value)) return wrong;
  }
  return use_classes(std::move(classes));
}

Result<bool> ServerHost::remove_class(std::string_view pattern) {
  const std::scoped_lock lock(mutex_);
  std::vector<ClassDefinition> classes = settings_.classes;
  if (std::erase_if(classes, [&](const auto& one) { return one.pattern == pattern; }) == 0)
    return false;
  if (Problem problem = use_classes(std::move(classes)))
    return Error{Errc::invalid_argument, std::move(*problem)};
  return true;
}

std::string ServerHost::rewrite_settings() {
  const std::scoped_lock lock(mutex_);
  if (settings_.config_file.empty()) return "The server is running without a config file";
  return rewrite_settings_file(settings_, settings_.config_file).value_or("");
}

std::string ServerHost::acl_path() const {
  const std::scoped_lock lock(mutex_);
  return settings_.acl_file;
}

std::string ServerHost::write_acl(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  return replace_file(settings_.acl_file, text).value_or("");
}

void ServerHost::reset_statistics() {
  for (auto* counter :
       {&counters_.connections_received, &counters_.connections_rejected,
        &counters_.closed_protocol_error, &counters_.closed_no_buffer, &counters_.closed_stalled,
        &counters_.closed_handshake, &counters_.input_bytes, &counters_.output_bytes})
    counter->store(0, std::memory_order_relaxed);
}

}  // namespace ullage::server

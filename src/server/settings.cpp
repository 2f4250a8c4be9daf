#include "server/settings.h"

#include <ullage/observe/container.h>
#include <ullage/observe/governor.h>
#include <ullage/observe/heap_profile.h>

#include "command/key_events.h"
#include "server/class_text.h"
#include "server/sizes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace ullage::server {

namespace {

using Text = std::string_view;
using Failure = std::optional<std::string>;

// --- values ---

template <auto Member>
Failure set_text(Settings& settings, Text text) {
  settings.*Member = std::string(text);
  return std::nullopt;
}
template <auto Member>
std::string get_text(const Settings& settings) {
  return settings.*Member;
}

Failure set_bind(Settings& settings, Text text) {
  std::vector<std::string> addresses;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" ,"), text.size());
    if (end != 0) addresses.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  settings.bind = std::move(addresses);
  return std::nullopt;
}
std::string get_bind(const Settings& settings) {
  std::string text;
  for (const std::string& address : settings.bind)
    text += (text.empty() ? "" : " ") + address;
  return text;
}

Failure set_classes(Settings& settings, Text text) {
  std::string problem;
  auto classes = parse_classes(text, problem);
  if (!classes) return "a list of classes (" + problem + ")";
  settings.classes = std::move(*classes);
  return std::nullopt;
}
std::string get_classes(const Settings& settings) {
  return classes_text(settings.classes);
}

Failure set_events(Settings& settings, Text text) {
  command::KeyEvents events;
  if (!events.want(text)) return "made of the letters A, K, E, g, $, h, x, e, l, s, z, t, d, m, n";
  settings.notify_keyspace_events = events.wanted();
  return std::nullopt;
}

template <auto Member, std::int64_t least, std::int64_t most>
Failure set_number(Settings& settings, Text text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most)
    return "a number from " + std::to_string(least) + " to " + std::to_string(most);
  settings.*Member = static_cast<std::remove_reference_t<decltype(settings.*Member)>>(number);
  return std::nullopt;
}
template <auto Member>
std::string get_number(const Settings& settings) {
  return std::to_string(settings.*Member);
}

template <auto Member, std::size_t least, std::size_t most>
Failure set_size(Settings& settings, Text text) {
  const auto bytes = parse_size(text);
  if (!bytes || *bytes < least || *bytes > most)
    return "a size from " + size_text(least) + " to " + size_text(most);
  settings.*Member = *bytes;
  return std::nullopt;
}
// In bytes, as clients that ask for it expect.
template <auto Member>
std::string get_size(const Settings& settings) {
  return std::to_string(settings.*Member);
}

constexpr std::size_t k_memory_limit_least = 16 * k_mib;

/// "auto" is what the container allows at this moment.
Failure set_memory_limit(Settings& settings, Text text) {
  constexpr unsigned k_of_container_percent = 75;
  constexpr unsigned k_of_machine_percent = 50;
  if (text != "auto") {
    if (!set_size<&Settings::memory_limit, k_memory_limit_least, k_memory_limit_max_bytes>(settings,
                                                                                           text))
      return std::nullopt;
    return "auto, or a size from " + size_text(k_memory_limit_least) + " to " +
           size_text(k_memory_limit_max_bytes);
  }
  const observe::ContainerMemory container = observe::container_memory();
  const std::size_t share = observe::container_share_bytes(
      container, container.is_bounded() ? k_of_container_percent : k_of_machine_percent);
  // Whole mebibytes, as people would choose.
  const std::size_t bytes = std::min(share, k_memory_limit_max_bytes) / k_mib * k_mib;
  if (bytes < k_memory_limit_least) {
    return "a size: of the memory that there is here, auto takes " + size_text(bytes) +
           ", and the least is " + size_text(k_memory_limit_least);
  }
  settings.memory_limit = bytes;
  return std::nullopt;
}

Failure set_heap_sample(Settings& settings, Text text) {
  const auto bytes = parse_size(text);
  constexpr std::size_t k_least = observe::k_heap_sample_min_bytes;
  constexpr std::size_t k_most = observe::k_heap_sample_max_bytes;
  if (!bytes || (*bytes != 0 && (*bytes < k_least || *bytes > k_most)))
    return "0 or a size from " + size_text(k_least) + " to " + size_text(k_most);
  settings.heap_sample = *bytes;
  return std::nullopt;
}

template <auto Member, std::int64_t most>
Failure set_threshold(Settings& settings, Text text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() ||
      number > static_cast<std::uint64_t>(most))
    return "a number from 0 to " + std::to_string(most);
  settings.thresholds.*Member = number;
  return std::nullopt;
}
template <auto Member>
Failure set_threshold_bytes(Settings& settings, Text text) {
  const auto bytes = parse_size(text);
  if (!bytes) return "a size, or 0";
  settings.thresholds.*Member = *bytes;
  return std::nullopt;
}
template <auto Member>
std::string get_threshold(const Settings& settings) {
  return std::to_string(settings.thresholds.*Member);
}

template <auto Member>
Failure set_yes_no(Settings& settings, Text text) {
  if (text != "yes" && text != "no" && text != "true" && text != "false") return "yes or no";
  settings.*Member = text == "yes" || text == "true";
  return std::nullopt;
}
template <auto Member>
std::string get_yes_no(const Settings& settings) {
  return settings.*Member ? "yes" : "no";
}

/// The names of an enumeration's values, in their order.
template <class E>
struct Names;
template <>
struct Names<Preset> {
  static constexpr std::array<Text, 2> k_all{"none", "config-cache"};
};
template <>
struct Names<TlsClients> {
  static constexpr std::array<Text, 3> k_all{"no", "optional", "yes"};
};
template <>
struct Names<LogFormat> {
  static constexpr std::array<Text, 2> k_all{"text", "json"};
};
template <>
struct Names<LogLevel> {
  static constexpr std::array<Text, 4> k_all{"debug", "info", "warning", "error"};
};
template <auto Member>
using NamesOf = Names<std::remove_cvref_t<decltype(std::declval<Settings>().*Member)>>;

template <auto Member>
Failure set_name(Settings& settings, Text text) {
  const auto& names = NamesOf<Member>::k_all;
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) {
    std::string all = "one of";
    for (const Text name : names)
      all += " " + std::string(name);
    return all;
  }
  settings.*Member =
      static_cast<std::remove_reference_t<decltype(settings.*Member)>>(found - names.begin());
  return std::nullopt;
}
template <auto Member>
std::string get_name(const Settings& settings) {
  return std::string(NamesOf<Member>::k_all[static_cast<std::size_t>(settings.*Member)]);
}

// --- the table ---

constexpr std::int64_t k_milliseconds_max = 3'600'000;
constexpr std::int64_t k_seconds_max = 1'000'000'000;

constexpr Setting k_settings[] = {
    {.name = "bind",
     .redis_name = "bind",
     .value = "ADDRESS ...",
     .help = "Addresses to listen on; others than loopback need a password",
     .set = set_bind,
     .get = get_bind},
    {.name = "port",
     .redis_name = "port",
     .value = "NUMBER",
     .help = "TCP port; 0: none",
     .set = set_number<&Settings::port, 0, 65535>,
     .get = get_number<&Settings::port>},
    {.name = "unix-socket",
     .redis_name = "unixsocket",
     .value = "PATH",
     .help = "Listen on a Unix socket too",
     .set = set_text<&Settings::unix_socket>,
     .get = get_text<&Settings::unix_socket>},
    {.name = "admin-bind",
     .redis_name = "",
     .value = "ADDRESS",
     .help = "Address of the admin port: probes and /metrics answer anybody, the rest only this "
             "machine "
             "and who shows --admin-token",
     .set = set_text<&Settings::admin_bind>,
     .get = get_text<&Settings::admin_bind>},
    {.name = "admin-port",
     .redis_name = "",
     .value = "NUMBER",
     .help = "TCP port for HTTP: probes (/healthz, /readyz), /metrics and /debug; 0: none",
     .set = set_number<&Settings::admin_port, 0, 65535>,
     .get = get_number<&Settings::admin_port>},
    {.name = "admin-token",
     .redis_name = "",
     .value = "TEXT",
     .help =
         "What a client over HTTP has to show to change anything, or to see /debug from another "
         "machine; empty: nobody can",
     .secret = true,
     .set = set_text<&Settings::admin_token>,
     .get = get_text<&Settings::admin_token>},
    {.name = "debug-bind",
     .redis_name = "",
     .value = "ADDRESS",
     .help = "Address of the debug port",
     .set = set_text<&Settings::debug_bind>,
     .get = get_text<&Settings::debug_bind>},
    {.name = "debug-port",
     .redis_name = "",
     .value = "NUMBER",
     .help = "TCP port for /debug alone, which the admin port then leaves to it; 0: none",
     .set = set_number<&Settings::debug_port, 0, 65535>,
     .get = get_number<&Settings::debug_port>},
    {.name = "debug-socket",
     .redis_name = "",
     .value = "PATH",
     .help = "The same on a Unix socket",
     .set = set_text<&Settings::debug_socket>,
     .get = get_text<&Settings::debug_socket>},
    {.name = "heap-sample",
     .redis_name = "",
     .value = "SIZE",
     .help = "Of about every so many bytes that are allocated outside of the cache, sample one "
             "allocation for /debug/pprof/heap; 0: none",
     .live = true,
     .set = set_heap_sample,
     .get = get_size<&Settings::heap_sample>},
    {.name = "metrics-groups",
     .redis_name = "",
     .value = "NUMBER",
     .help = "How many of the largest groups /metrics names, for anybody who reads it; 0: none",
     .set = set_number<&Settings::metrics_groups, 0, 32>,
     .get = get_number<&Settings::metrics_groups>},
    {.name = "tls-port",
     .redis_name = "tls-port",
     .value = "NUMBER",
     .help = "TCP port for clients under TLS; 0: none",
     .set = set_number<&Settings::tls_port, 0, 65535>,
     .get = get_number<&Settings::tls_port>},
    {.name = "tls-cert-file",
     .redis_name = "tls-cert-file",
     .value = "PATH",
     .help = "The server's certificate and those up to its authority, in PEM; SIGHUP reads it anew",
     .live = true,
     .set = set_text<&Settings::tls_cert_file>,
     .get = get_text<&Settings::tls_cert_file>},
    {.name = "tls-key-file",
     .redis_name = "tls-key-file",
     .value = "PATH",
     .help = "The key of the certificate, in PEM",
     .live = true,
     .set = set_text<&Settings::tls_key_file>,
     .get = get_text<&Settings::tls_key_file>},
    {.name = "tls-ca-cert-file",
     .redis_name = "tls-ca-cert-file",
     .value = "PATH",
     .help = "The authorities that sign clients' certificates, in PEM",
     .live = true,
     .set = set_text<&Settings::tls_ca_cert_file>,
     .get = get_text<&Settings::tls_ca_cert_file>},
    {.name = "tls-auth-clients",
     .redis_name = "tls-auth-clients",
     .value = "no|optional|yes",
     .help = "Whether clients under TLS have to show a certificate",
     .live = true,
     .set = set_name<&Settings::tls_auth_clients>,
     .get = get_name<&Settings::tls_auth_clients>},
    {.name = "memory-limit",
     .redis_name = "maxmemory",
     .value = "SIZE",
     .help =
         "What the whole process may take, its buffers and code included; auto: 75 % of what its "
         "container may, or without one half of the machine's memory. In a container with a limit "
         "auto is the default",
     .live = true,
     .set = set_memory_limit,
     .get = get_size<&Settings::memory_limit>},
    {.name = "governor",
     .redis_name = "",
     .value = "yes|no",
     .help =
         "Give memory up before the kernel kills: when the container, neighbours included, is at "
         "85 % of its limit",
     .live = true,
     .set = set_yes_no<&Settings::governor>,
     .get = get_yes_no<&Settings::governor>},
    {.name = "max-value",
     .redis_name = "proto-max-bulk-len",
     .value = "SIZE",
     .help = "The largest value, and argument of a command",
     .set = set_size<&Settings::max_value, 1024, k_value_max_bytes>,
     .get = get_size<&Settings::max_value>},
    {.name = "max-classes",
     .redis_name = "",
     .value = "NUMBER",
     .help = "Classes of keys that there may be, each some 700 bytes of the limit; 0: one for each "
             "512 KiB of the limit, 32 at least and 1024 at most",
     .set = set_number<&Settings::max_classes, 0, k_classes_max>,
     .get = get_number<&Settings::max_classes>},
    {.name = "io-threads",
     .redis_name = "io-threads",
     .value = "NUMBER",
     .help = "Threads that serve clients; 0: one for each core, and for each 32 MiB of the limit",
     .set = set_number<&Settings::io_threads, 0, 256>,
     .get = get_number<&Settings::io_threads>},
    {.name = "max-clients",
     .redis_name = "maxclients",
     .value = "NUMBER",
     .help = "Clients at a time; 0: what the memory limit has room for",
     .set = set_number<&Settings::max_clients, 0, 1'000'000>,
     .get = get_number<&Settings::max_clients>},
    {.name = "timeout",
     .redis_name = "timeout",
     .value = "SECONDS",
     .help = "Close a client that was idle for so long; 0: never",
     .live = true,
     .set = set_number<&Settings::timeout, 0, k_seconds_max>,
     .get = get_number<&Settings::timeout>},
    {.name = "stall-timeout",
     .redis_name = "",
     .value = "SECONDS",
     .help = "Close a client that takes nothing of its replies for so long",
     .set = set_number<&Settings::stall_timeout, 1, k_seconds_max>,
     .get = get_number<&Settings::stall_timeout>},
    {.name = "drain-timeout",
     .redis_name = "",
     .value = "MILLISECONDS",
     .help = "How long a stop waits for replies that are under way",
     .set = set_number<&Settings::drain_timeout, 0, k_milliseconds_max>,
     .get = get_number<&Settings::drain_timeout>},
    {.name = "preset",
     .redis_name = "",
     .value = "NAME",
     .help = "Limits of every group: none, or config-cache (1000 fields, 30 minutes idle)",
     .set = set_name<&Settings::preset>,
     .get = get_name<&Settings::preset>},
    {.name = "classes",
     .redis_name = "",
     .value = "CLASSES",
     .help =
         "Sets of keys by prefix with limits of their own, such as \"session:* min=8mb max=48mb "
         "user:* weight=200\"; limits are min, low, high, max, max_fields, max_bytes, "
         "idle_ttl, ttl and weight",
     .live = true,
     .set = set_classes,
     .get = get_classes},
    {.name = "password",
     .redis_name = "requirepass",
     .value = "TEXT",
     .help = "What clients have to say first (AUTH)",
     .live = true,
     .secret = true,
     .set = set_text<&Settings::password>,
     .get = get_text<&Settings::password>},
    {.name = "acl-file",
     .redis_name = "aclfile",
     .value = "PATH",
     .help = "Users and what they may do, as ACL SAVE writes them",
     .set = set_text<&Settings::acl_file>,
     .get = get_text<&Settings::acl_file>},
    {.name = "protected-mode",
     .redis_name = "protected-mode",
     .value = "yes|no",
     .help = "Without a password, serve clients on this machine only",
     .live = true,
     .set = set_yes_no<&Settings::protected_mode>,
     .get = get_yes_no<&Settings::protected_mode>},
    {.name = "notify-keyspace-events",
     .redis_name = "notify-keyspace-events",
     .value = "LETTERS",
     .help = "Which events of keys are told on channels: K E g $ h x e A; empty: none",
     .live = true,
     .set = set_events,
     .get = get_text<&Settings::notify_keyspace_events>},
    {.name = "slow-log-threshold",
     .redis_name = "slowlog-log-slower-than",
     .value = "MICROSECONDS",
     .help = "Commands that take so long are kept for SLOWLOG; -1: none",
     .live = true,
     .set = set_number<&Settings::slow_log_us, -1, 1'000'000'000>,
     .get = get_number<&Settings::slow_log_us>},
    {.name = "slow-log-length",
     .redis_name = "slowlog-max-len",
     .value = "NUMBER",
     .help = "How many of them are kept",
     .live = true,
     .set = set_number<&Settings::slow_log_length, 0, 1024>,
     .get = get_number<&Settings::slow_log_length>},
    {.name = "latency-threshold",
     .redis_name = "latency-monitor-threshold",
     .value = "MILLISECONDS",
     .help = "Commands that take so long are kept for LATENCY; 0: none",
     .live = true,
     .set = set_number<&Settings::latency_ms, 0, 1'000'000>,
     .get = get_number<&Settings::latency_ms>},
    {.name = "alert-group-fields",
     .redis_name = "",
     .value = "NUMBER",
     .help = "Log a group that has so many fields; 0: none",
     .live = true,
     .set = set_threshold<&ThresholdLimits::group_fields, 1000000000000>,
     .get = get_threshold<&ThresholdLimits::group_fields>},
    {.name = "alert-group-bytes",
     .redis_name = "",
     .value = "SIZE",
     .help = "Log a group that takes so much; 0: none",
     .live = true,
     .set = set_threshold_bytes<&ThresholdLimits::group_bytes>,
     .get = get_threshold<&ThresholdLimits::group_bytes>},
    {.name = "alert-cache-use",
     .redis_name = "",
     .value = "PERCENT",
     .help = "Log when so much of the cache's part of the limit is in use; 0: never",
     .live = true,
     .set = set_threshold<&ThresholdLimits::cache_use_percent, 100>,
     .get = get_threshold<&ThresholdLimits::cache_use_percent>},
    {.name = "alert-process-use",
     .redis_name = "",
     .value = "PERCENT",
     .help = "Log when the process takes so much of its limit; 0: never",
     .live = true,
     .set = set_threshold<&ThresholdLimits::process_use_percent, 100>,
     .get = get_threshold<&ThresholdLimits::process_use_percent>},
    {.name = "alert-evictions",
     .redis_name = "",
     .value = "NUMBER",
     .help = "Log when so many entries are evicted in a minute; 0: never",
     .live = true,
     .set = set_threshold<&ThresholdLimits::evictions_a_minute, 1000000000000>,
     .get = get_threshold<&ThresholdLimits::evictions_a_minute>},
    {.name = "alert-pause",
     .redis_name = "",
     .value = "MILLISECONDS",
     .help = "Log when a round of an I/O thread takes so long; 0: never",
     .live = true,
     .set = set_threshold<&ThresholdLimits::pause_ms, 1000000>,
     .get = get_threshold<&ThresholdLimits::pause_ms>},
    {.name = "enable-debug",
     .redis_name = "enable-debug-command",
     .value = "yes|no",
     .help = "Allow DEBUG SLEEP and DEBUG OBJECT",
     .set = set_yes_no<&Settings::enable_debug>,
     .get = get_yes_no<&Settings::enable_debug>},
    {.name = "log-format",
     .redis_name = "",
     .value = "text|json",
     .help = "How the log is written",
     .set = set_name<&Settings::log_format>,
     .get = get_name<&Settings::log_format>},
    {.name = "log-level",
     .redis_name = "loglevel",
     .value = "NAME",
     .help = "The least that is logged: debug, info, warning, error",
     .set = set_name<&Settings::log_level>,
     .get = get_name<&Settings::log_level>},
};

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool same(Text any_case, Text name) noexcept {
  return std::equal(any_case.begin(), any_case.end(), name.begin(), name.end(),
                    [](char a, char b) { return lower(a) == b; });
}

}  // namespace

std::string Setting::environment_name() const {
  std::string text = "ULLAGE_";
  for (const char c : name)
    text += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}
std::string Setting::toml_name() const {
  std::string text(name);
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

std::span<const Setting> setting_table() noexcept {
  return k_settings;
}

std::string without_secrets(std::string_view command_line) {
  constexpr std::string_view k_hidden = "***";
  std::string shown;
  bool is_secret = false;  // the word is the value of one
  while (!command_line.empty()) {
    const std::string_view word = command_line.substr(0, command_line.find('\0'));
    command_line.remove_prefix(std::min(command_line.size(), word.size() + 1));
    const std::size_t equals = std::min(word.find('='), word.size());
    const bool names_one = std::ranges::any_of(setting_table(), [&](const Setting& setting) {
      return setting.secret && word.starts_with("--") && word.substr(2, equals - 2) == setting.name;
    });
    if (is_secret) {
      shown += k_hidden;
    } else if (names_one && equals != word.size()) {
      shown.append(word.substr(0, equals + 1)).append(k_hidden);
    } else {
      shown += word;
    }
    shown += '\0';
    is_secret = !is_secret && names_one && equals == word.size();
  }
  return shown;
}

const Setting* find_setting(Text name) noexcept {
  const auto found = std::find_if(std::begin(k_settings), std::end(k_settings), [&](const auto& s) {
    return same(name, s.name) || (!s.redis_name.empty() && same(name, s.redis_name));
  });
  return found == std::end(k_settings) ? nullptr : found;
}

Problem set_setting(Settings& settings, const Setting& setting, Text text) {
  const auto allowed = setting.set(settings, text);
  if (!allowed) return std::nullopt;
  return std::string(setting.name) + ": '" + std::string(text) + "' is not " + *allowed;
}

Problem choose_memory_limit(Settings& settings) {
  if (settings.memory_limit != 0) return std::nullopt;
  settings.memory_limit = Settings::k_memory_limit_default_bytes;
  if (!observe::container_memory().is_bounded()) return std::nullopt;
  return set_setting(settings, *find_setting("memory-limit"), "auto");
}

Problem read_settings_environment(Settings& settings, const char* const* environment) {
  constexpr Text k_prefix = "ULLAGE_";
  for (; *environment != nullptr; ++environment) {
    const Text entry = *environment;
    const std::size_t equals = entry.find('=');
    if (!entry.starts_with(k_prefix) || equals == Text::npos) continue;
    const Text name = entry.substr(0, equals);
    if (name == "ULLAGE_TRACES" || name == "ULLAGE_CONFIG") continue;  // of other commands
    const auto setting = std::find_if(std::begin(k_settings), std::end(k_settings),
                                      [&](const auto& s) { return s.environment_name() == name; });
    if (setting == std::end(k_settings))
      return "there is no setting " + std::string(name) + " (ullage serve --help)";
    if (const Problem problem = set_setting(settings, *setting, entry.substr(equals + 1)))
      return std::string(name) + ", " + *problem;
  }
  return std::nullopt;
}

}  // namespace ullage::server

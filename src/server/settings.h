// Everything that an operator may set, in one table: flags, environment, TOML, CONFIG GET and SET
// and the documentation all come from it.
#pragma once

#include <ullage/classes.h>
#include <ullage/limits.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::server {

enum class Preset : std::uint8_t {
  none,          ///< no limits on groups, as a Redis client expects
  config_cache,  ///< 1000 fields and 30 minutes idle for every group
};
/// Whether clients under TLS have to show a certificate.
enum class TlsClients : std::uint8_t { no, optional, yes };
enum class LogFormat : std::uint8_t { text, json };
enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Past these there is a line in the log; 0: none.
struct ThresholdLimits {
  std::uint64_t group_fields = 10'000;
  std::uint64_t group_bytes = 0;
  std::uint64_t cache_use_percent = 0;  ///< of a cache that is meant to be full it says nothing
  std::uint64_t process_use_percent = 95;
  std::uint64_t evictions_a_minute = 0;
  std::uint64_t pause_ms = 100;
};

struct Settings {
  std::string config_file;  ///< where they were read from, and CONFIG REWRITE writes them
  std::vector<std::string> bind = {"127.0.0.1"};
  std::uint16_t port = 7379;  ///< 0: no TCP
  std::string unix_socket;
  std::string admin_bind = "127.0.0.1";
  std::uint16_t admin_port = 7380;  ///< 0: none
  std::string admin_token;
  std::string debug_bind = "127.0.0.1";
  std::uint16_t debug_port = 0;  ///< 0: on the admin port
  std::string debug_socket;
  std::size_t heap_sample = 512 * k_kib;  ///< 0: none
  std::size_t metrics_groups = 20;
  ThresholdLimits thresholds;
  std::uint16_t tls_port = 0;  ///< 0: no TLS
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_ca_cert_file;
  TlsClients tls_auth_clients = TlsClients::no;
  static constexpr std::size_t k_memory_limit_default_bytes = 64 * k_mib;
  std::size_t memory_limit = k_memory_limit_default_bytes;
  bool governor = true;
  std::size_t max_value = k_value_default_max_bytes;
  unsigned max_classes = 0;         ///< 0: as many as the memory limit has room for
  unsigned io_threads = 0;          ///< 0: one for each core
  std::uint64_t max_clients = 0;    ///< 0: what the memory limit has room for
  std::int64_t timeout = 0;         ///< seconds a client may be idle; 0: for ever
  std::int64_t stall_timeout = 60;  ///< seconds
  std::int64_t drain_timeout = 5000;
  Preset preset = Preset::none;
  std::vector<ClassDefinition> classes;
  std::string password;
  std::string acl_file;
  bool protected_mode = true;
  std::string notify_keyspace_events;
  std::int64_t slow_log_us = 10'000;  ///< less than 0: none
  std::uint64_t slow_log_length = 128;
  std::int64_t latency_ms = 0;  ///< 0: none
  bool enable_debug = false;
  LogFormat log_format = LogFormat::text;
  LogLevel log_level = LogLevel::info;
};

/// One row of the table.
struct Setting {
  std::string_view name;        ///< `--name`, ULLAGE_NAME, name in TOML
  std::string_view redis_name;  ///< what CONFIG calls it too; empty: only by our name
  std::string_view value;       ///< what is to be given, as the help shows it
  std::string_view help;
  bool live = false;    ///< may be changed while the server runs
  bool secret = false;  ///< is not shown to those who look at the process
  /// Reads a value; else what is allowed, for "... is not ...".
  std::optional<std::string> (*set)(Settings&, std::string_view text) = nullptr;
  /// As set() would read it.
  std::string (*get)(const Settings&) = nullptr;

  [[nodiscard]] std::string environment_name() const;  ///< "ULLAGE_MEMORY_LIMIT"
  [[nodiscard]] std::string toml_name() const;         ///< "memory_limit"
};

std::span<const Setting> setting_table() noexcept;
/// By its name, or by the name that Redis has for it; in any case. Null: there is none.
const Setting* find_setting(std::string_view name) noexcept;

/// The words that a process was started with, each with a zero byte behind it, without the values
/// of secret settings.
std::string without_secrets(std::string_view command_line);

/// What is wrong, in one line that names the setting, the value and what is allowed.
using Problem = std::optional<std::string>;

/// Reads a file in TOML.
Problem read_settings_file(Settings& settings, const std::string& path);
/// Writes to it what differs from it, and leaves the rest of the file as it is.
Problem rewrite_settings_file(const Settings& settings, const std::string& path);
/// Reads ULLAGE_...; an unknown one is a problem too.
Problem read_settings_environment(Settings& settings, const char* const* environment);
/// For who has set memory_limit to 0 and read all that is given: if it still is, nobody has given
/// it, and it becomes what `auto` takes where the container has a limit, or the default.
Problem choose_memory_limit(Settings& settings);
Problem set_setting(Settings& settings, const Setting& setting, std::string_view text);

}  // namespace ullage::server

// What concerns the server as a whole: its settings, its state, its end.
#include "command/call.h"
#include "command/families.h"
#include "command/host.h"
#include "command/info.h"
#include "command/words.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ullage::command {

namespace {

// --- CONFIG ---

void config_get(Call& call) {
  std::vector<Host::SettingValue> found;
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    for (Host::SettingValue& setting : call.services.host.settings(lowered(call.args[i]))) {
      const bool known = std::any_of(found.begin(), found.end(),
                                     [&](const auto& s) { return s.name == setting.name; });
      if (!known) found.push_back(std::move(setting));
    }
  }
  call.reply.map(found.size());
  for (const Host::SettingValue& setting : found) {
    call.reply.bulk(setting.name);
    call.reply.bulk(setting.value);
  }
}

void config_set(Call& call) {
  if (call.args.size() % 2 != 0) return call.wrong_number_of_arguments();
  std::set<std::string> names;
  std::vector<Host::SettingValue> values;
  for (std::size_t i = 2; i < call.args.size(); i += 2) {
    const std::string name(call.args[i]);
    if (!call.services.host.has_setting(name))
      return call.error("ERR Unknown option or number of arguments for CONFIG SET - '" + name +
                        "'");
    if (!names.insert(lowered(name)).second)
      return call.error("ERR CONFIG SET failed (possibly related to argument '" + name +
                        "') - duplicate parameter");
    values.push_back({name, std::string(call.args[i + 1])});
  }
  if (const auto problem = call.services.host.set_settings(values)) {
    return call.error("ERR CONFIG SET failed (possibly related to argument '" + problem->name +
                      "') - " + problem->what);
  }
  call.reply.ok();
}

void config_resetstat(Call& call) {
  call.services.host.reset_statistics();
  call.reply.ok();
}

void config_rewrite(Call& call) {
  const std::string problem = call.services.host.rewrite_settings();
  problem.empty() ? call.reply.ok() : call.error("ERR " + problem);
}

// --- INFO and time ---

void time(Call& call) {
  const std::int64_t now_ms = call.now_ms();
  call.reply.array(2);
  call.reply.bulk(std::to_string(now_ms / 1000));
  call.reply.bulk(std::to_string(now_ms % 1000 * 1000));
}

void lastsave(Call& call) {
  call.reply.integer(call.now_ms() / 1000);
}

void shutdown(Call& call) {
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    if (!call.is_word(i, "NOSAVE") && !call.is_word(i, "SAVE") && !call.is_word(i, "NOW") &&
        !call.is_word(i, "FORCE"))
      return call.syntax_error();
    if (call.is_word(i, "SAVE"))
      return call.error("ERR Errors trying to SHUTDOWN. Nothing is ever saved: use NOSAVE");
  }
  call.session.closing = true;
  call.services.host.shut_down();
}

// --- scripts: there are none ---

void empty_list(Call& call) {
  call.reply.array(0);
}
void script_flush(Call& call) {
  if (call.args.size() > 3 ||
      (call.args.size() == 3 && !call.is_word(2, "ASYNC") && !call.is_word(2, "SYNC")))
    return call.error("ERR " + std::string(call.container->name) +
                      " FLUSH only support SYNC|ASYNC option");
  call.reply.ok();
}
void script_exists(Call& call) {
  call.reply.array(call.args.size() - 2);
  for (std::size_t i = 2; i < call.args.size(); ++i)
    call.reply.integer(0);
}

constexpr Row sub(std::string_view name, int arity, std::uint32_t flags, std::string_view syntax,
                  std::string_view summary, std::string_view since, std::string_view complexity,
                  Run run) {
  return make_row(Family::server, name, arity, flags, k_no_keys, syntax, summary, since, complexity,
                  run);
}
constexpr Row container(std::string_view name, std::string_view summary, std::string_view since,
                        std::span<const Row> subcommands) {
  Row row = sub(name, -2, 0, "subcommand", summary, since, "What the subcommand costs", nullptr);
  row.subcommands = subcommands;
  return row;
}

constexpr Row k_config_rows[] = {
    sub("GET", -3, k_admin, "parameter [parameter ...]", "Settings whose names match.", "2.0.0",
        "O(N) for N settings", config_get),
    sub("SET", -4, k_admin, "parameter value [parameter value ...]",
        "Changes settings while the server runs.", "2.0.0", "O(N) for N settings", config_set),
    sub("RESETSTAT", 2, k_admin, "", "Zeroes what INFO counts.", "2.0.0", "O(1)", config_resetstat),
    sub("REWRITE", 2, k_admin, "", "Writes the settings to the file that they came from.", "2.8.0",
        "O(N) for N settings", config_rewrite),
};
constexpr Row k_function_rows[] = {
    sub("FLUSH", -2, k_write | k_scripting, "[ASYNC | SYNC]", "OK: there are no functions.",
        "7.0.0", "O(1)", script_flush),
    sub("LIST", -2, k_scripting, "[LIBRARYNAME pattern] [WITHCODE]",
        "Nothing: there are no functions.", "7.0.0", "O(1)", empty_list),
};
constexpr Row k_script_rows[] = {
    sub("FLUSH", -2, k_scripting, "[ASYNC | SYNC]", "OK: there are no scripts.", "2.6.0", "O(1)",
        script_flush),
    sub("EXISTS", -3, k_scripting, "sha1 [sha1 ...]", "0 for each: there are no scripts.", "2.6.0",
        "O(N) for N scripts", script_exists),
};

constexpr Row k_rows[] = {
    container("CONFIG", "About settings.", "2.0.0", k_config_rows),
    container("FUNCTION", "Functions: there are none.", "7.0.0", k_function_rows),
    container("SCRIPT", "Scripts: there are none.", "2.6.0", k_script_rows),
    sub("INFO", -1, k_dangerous | k_tenants, "[section [section ...]]", "The state of the server.",
        "1.0.0", "O(1)", info),
    sub("TIME", 1, k_fast | k_tenants, "", "The server's time: seconds and microseconds.", "2.6.0",
        "O(1)", time),
    sub("LASTSAVE", 1, k_fast | k_admin | k_tenants, "",
        "Now: there is nothing that a save would add.", "1.0.0", "O(1)", lastsave),
    sub("SHUTDOWN", -1, k_admin | k_no_multi, "[NOSAVE] [NOW] [FORCE]", "Stops the server.",
        "1.0.0", "O(1)", shutdown),
};

}  // namespace

std::span<const Row> server_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command

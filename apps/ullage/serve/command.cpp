#include "serve/command.h"

#include "base/failure.h"
#include "server/serve.h"
#include "server/settings.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/core.h>
#include <unistd.h>

namespace ullage::app {

namespace {

constexpr const char* k_footer =
    R"(Every option can also be given in the environment (ULLAGE_MEMORY_LIMIT=1gb) and in a file in TOML
(memory_limit = "1gb"). The command line counts most, then the environment, then the file. Sizes are in
powers of 1024: 64mb, 1.5gb.

Examples:
  ullage serve
  ullage serve --memory-limit 1gb --preset config-cache
  ullage serve --config /etc/ullage.toml --log-format json
  redis-cli -p 7379 hset user:42 theme dark)";

void stop_at(const server::Problem& problem) {
  if (problem) throw Failure(*problem, k_exit_usage);
}

}  // namespace

void add_serve(CLI::App& app, ServeTexts& texts) {
  app.footer(k_footer);
  app.add_option("--config", texts.config, "Settings in TOML (environment: ULLAGE_CONFIG)")
      ->type_name("FILE");
  const server::Settings defaults;
  for (const server::Setting& setting : server::setting_table()) {
    const std::string standard = setting.get(defaults);
    const std::string help = fmt::format(
        "{}{}", setting.help, standard.empty() ? "" : fmt::format(" (default: {})", standard));
    app.add_option(fmt::format("--{}", setting.name), texts.given[std::string(setting.name)], help)
        ->type_name(std::string(setting.value));
  }
}

int serve_command(const ServeTexts& texts) {
  server::Settings settings;
  settings.memory_limit = 0;
  const char* from_environment = std::getenv("ULLAGE_CONFIG");
  const std::string config =
      texts.config.empty() && from_environment != nullptr ? from_environment : texts.config;
  if (!config.empty()) stop_at(server::read_settings_file(settings, config));
  settings.config_file = config;
  stop_at(server::read_settings_environment(settings, environ));
  for (const auto& [name, text] : texts.given) {
    if (text.empty()) continue;
    if (const auto problem = server::set_setting(settings, *server::find_setting(name), text))
      throw Failure("--" + *problem, k_exit_usage);
  }
  stop_at(server::choose_memory_limit(settings));
  const bool greet = settings.log_format == server::LogFormat::text;
  const auto served = server::serve(settings, stderr, greet);
  if (!served) throw Failure(served.error().message, k_exit_failure);
  return 0;
}

}  // namespace ullage::app

#include "server/serve.h"

#include "command/reference.h"
#include "server/log.h"
#include "server/server.h"

#include <csignal>
#include <string>

namespace ullage::server {

namespace {
/// What redis-cli is told to reach it.
std::string where(const Settings& settings) {
  if (settings.port != 0) return "-p " + std::to_string(settings.port);
  if (settings.tls_port != 0) return "--tls -p " + std::to_string(settings.tls_port);
  return "-s " + settings.unix_socket;
}

void print_greeting(std::FILE* to, const Settings& settings) {
  const std::string to_it = where(settings);
  std::fprintf(to,
               "\nTalk to it from another terminal:\n"
               "  redis-cli %s hset user:42 theme dark lang en\n"
               "  redis-cli %s hget user:42 theme\n"
               "  redis-cli %s hgetall user:42\n",
               to_it.c_str(), to_it.c_str(), to_it.c_str());
  if (settings.admin_port != 0) {
    std::fprintf(to, "  curl http://%s:%u/healthz\n", settings.admin_bind.c_str(),
                 unsigned{settings.admin_port});
  }
  std::fprintf(to, "Ctrl-C stops it.\n\n");
  std::fflush(to);
}
}  // namespace

std::string command_reference() {
  return command::reference_page(command::Table());
}

Result<void> serve(const Settings& settings, std::FILE* log_to, bool greet) {
  // A client that has gone is an error of its socket, and ends no process.
  std::signal(SIGPIPE, SIG_IGN);
  Log log(log_to, settings.log_format, settings.log_level);
  ServiceManager manager = ServiceManager::from_environment();
  auto server = Server::start(settings, log, manager.take_sockets());
  if (!server) return server.error();
  log.info("memory budget", {{"budget", (*server)->budget().text()}});
  for (const std::string& name : (*server)->listener_names())
    log.info("listening", {{"on", name}});
  if (greet) print_greeting(log_to, settings);
  manager.tell("READY=1");
  (*server)->run();
  manager.tell("STOPPING=1");
  // It is stopping: another signal, once they are no longer blocked, must not kill it on the way.
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGINT, SIG_IGN);
  server->reset();
  log.info("stopped");
  return {};
}

}  // namespace ullage::server

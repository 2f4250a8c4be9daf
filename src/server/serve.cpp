#include "server/serve.h"

#include "command/reference.h"
#include "server/log.h"
#include "server/server.h"

#include <csignal>
#include <string>

namespace ullage::server {

namespace {
void print_greeting(std::FILE* to, const Settings& settings, std::uint16_t port) {
  if (port == 0) {
    std::fprintf(to, "\nTalk to it:\n  redis-cli -s %s\n", settings.unix_socket.c_str());
  } else {
    std::fprintf(to,
                 "\nTalk to it from another terminal:\n"
                 "  redis-cli -p %u hset user:42 theme dark lang en\n"
                 "  redis-cli -p %u hget user:42 theme\n"
                 "  redis-cli -p %u hgetall user:42\n",
                 port, port, port);
  }
  std::fprintf(to, "Ctrl-C stops it.\n\n");
  std::fflush(to);
}
}  // namespace

std::string command_reference() {
  return command::reference_page(command::Table());
}

Result<void> serve(const Settings& settings, std::FILE* log_to, bool greet) {
  Log log(log_to, settings.log_format, settings.log_level);
  auto server = Server::start(settings, log);
  if (!server) return server.error();
  log.info("memory budget", {{"budget", (*server)->budget().text()}});
  log.info("listening", {{"port", (*server)->port()}, {"unix_socket", settings.unix_socket}});
  if (greet) print_greeting(log_to, settings, (*server)->port());
  (*server)->run();
  // It is stopping: another signal, once they are no longer blocked, must not kill it on the way.
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGINT, SIG_IGN);
  server->reset();
  log.info("stopped");
  return {};
}

}  // namespace ullage::server

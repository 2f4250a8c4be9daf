// The whole server behind one call: what the program needs to know of it.
#pragma once

#include <ullage/result.h>

#include "server/settings.h"

#include <cstdio>
#include <string>

namespace ullage::server {

/// The reference page of all commands, in Markdown.
std::string command_reference();

/// Serves until SIGTERM or SIGINT, which it takes over for the calling thread. The log goes to
/// `log_to`; with `greet` a person is told on it how to talk to the server. An error is why it
/// could not start, and what to do.
Result<void> serve(const Settings& settings, std::FILE* log_to, bool greet);

}  // namespace ullage::server

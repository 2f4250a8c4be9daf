// `ullage serve`: the server's settings as options.
#pragma once

#include <map>
#include <string>

#include <CLI/CLI.hpp>

namespace ullage::app {

/// What was given on the command line, by the name of the setting.
struct ServeTexts {
  std::map<std::string, std::string> given;
  std::string config;
};

void add_serve(CLI::App& app, ServeTexts& texts);

/// Serves until it is told to stop. What is wrong with a setting is a Failure.
int serve_command(const ServeTexts& texts);

}  // namespace ullage::app

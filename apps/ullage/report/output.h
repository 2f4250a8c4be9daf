// Where a finished report goes.
#pragma once

#include <string>
#include <string_view>

namespace ullage::app {

/// Throws Failure if write_file() could not write there: to be asked before long work.
void expect_writable(const std::string& path);

/// Writes a file as a whole or not at all: a new file beside it takes its name. Throws Failure.
void write_file(const std::string& path, std::string_view content);

}  // namespace ullage::app

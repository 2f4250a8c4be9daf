// From what the user wrote to a trace file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ullage::app {

/// Folders in which traces are looked for by name, in order: $ULLAGE_TRACES, then ../shared/traces
/// beside the current folder and beside each folder above the program (build/release/bin lies
/// inside its tree).
std::vector<std::filesystem::path> trace_folders();

/// The file for a path, or for a name such as "orm-busy" with one of the known endings. None if
/// there is none.
std::optional<std::filesystem::path> find_trace(const std::string& name,
                                                const std::vector<std::filesystem::path>& folders);

/// The same, but throws a Failure that lists where it looked.
std::filesystem::path require_trace(const std::string& name);

}  // namespace ullage::app

// Work in a process of its own, so that its memory is measured alone.
#pragma once

#include <functional>
#include <string>

namespace ullage::app {

/// Runs `work` in a forked child and answers the string that it returned. A Failure of the child is
/// thrown again here, with its message and exit code; a child that dies throws one that says how.
/// REQUIRES: no other thread runs in this process.
std::string run_in_child(const std::function<std::string()>& work);

}  // namespace ullage::app

// Work in a process of its own, so that its memory is measured alone.
#pragma once

#include <functional>
#include <vector>

namespace ullage::bench {

/// Runs `work` in a forked child and answers the numbers it returned. Ends this process with a
/// message if the child died. REQUIRES: no other thread runs in this process.
std::vector<double> in_child(const std::function<std::vector<double>()>& work);

}  // namespace ullage::bench

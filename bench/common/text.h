// printf into a string.
#pragma once

#include <string>

namespace ullage::bench {

[[gnu::format(printf, 1, 2)]] std::string text(const char* pattern, ...);

}  // namespace ullage::bench

#include "common/arguments.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace ullage::bench {

Arguments Arguments::parse(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--tiny") {
      arguments.tiny = true;
    } else if (word == "--json" && i + 1 < count) {
      arguments.json_path = words[++i];
    } else {
      const bool help = word == "--help" || word == "-h";
      std::fprintf(help ? stdout : stderr, "%susage: %s [--tiny] [--json FILE]\n",
                   help ? "" : ("unknown argument " + std::string(word) + "\n").c_str(), words[0]);
      std::exit(help ? 0 : 2);
    }
  }
  return arguments;
}

}  // namespace ullage::bench

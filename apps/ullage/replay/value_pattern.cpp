#include "base/hash.h"
#include "replay/target.h"

#include <cstring>

namespace ullage::app {

ValuePattern::ValuePattern(std::size_t value_max)
    : value_max_(value_max), bytes_(value_max + k_places + 8, '\0') {
  Random random(0x756c6c616765);
  for (std::size_t at = 0; at + 8 <= bytes_.size(); at += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(bytes_.data() + at, &word, 8);
  }
}

}  // namespace ullage::app

#include "sim/simulator.h"

namespace ullage::app {

std::unique_ptr<Simulator> make_simulator(std::string_view name, std::uint64_t capacity) {
  if (name == "lru") return make_lru(capacity);
  if (name == "fifo") return make_fifo(capacity);
  if (name == "s3fifo") return make_s3fifo(capacity);
  return nullptr;
}

}  // namespace ullage::app

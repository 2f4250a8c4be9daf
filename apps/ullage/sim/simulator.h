// Exact simulators of known policies, to compare with. They hold ids and sizes, no data.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace ullage::app {

class Simulator {
 public:
  virtual ~Simulator() = default;

  /// Looks an object up and on a miss takes it in, evicting others. Answers whether it was there.
  /// `cost` counts against the capacity: 1 under a limit of entries, the size under a limit of
  /// bytes. An object that hits keeps the cost it came with; one that can never fit stays out.
  virtual bool access(std::uint64_t id, std::uint64_t cost) = 0;
  /// Forgets an object; answers whether it was there.
  virtual bool erase(std::uint64_t id) = 0;

  [[nodiscard]] virtual std::uint64_t entries() const = 0;
  [[nodiscard]] virtual std::uint64_t used() const = 0;  ///< sum of costs, never above the capacity
  [[nodiscard]] virtual std::uint64_t evictions() const = 0;  ///< objects that went for others
};

std::unique_ptr<Simulator> make_lru(std::uint64_t capacity);
std::unique_ptr<Simulator> make_fifo(std::uint64_t capacity);
std::unique_ptr<Simulator> make_s3fifo(std::uint64_t capacity);

/// By name: "lru", "fifo", "s3fifo". Null for others.
std::unique_ptr<Simulator> make_simulator(std::string_view name, std::uint64_t capacity);

}  // namespace ullage::app

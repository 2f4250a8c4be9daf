// A simulator behind the interface of a replay.
#include "base/failure.h"
#include "replay/target.h"
#include "sim/simulator.h"

#include <fmt/core.h>

namespace ullage::app {
namespace {

class SimulatorTarget final : public Target {
 public:
  explicit SimulatorTarget(const ReplayOptions& options)
      : by_entries_(options.max_entries.has_value()),
        simulator_(make_simulator(
            std::string_view(options.policy).substr(sizeof "sim:" - 1),
            by_entries_ ? *options.max_entries : options.memory_limit.value_or(0))) {}

  bool lookup(const PreparedRequest& request, Worker&) override {
    return simulator_->access(request.id, by_entries_ ? 1 : request.byte_cost());
  }
  void store(const PreparedRequest& request, Worker&) override {
    simulator_->access(request.id, by_entries_ ? 1 : request.byte_cost());
  }
  void erase(const PreparedRequest& request) override {
    erased_ += simulator_->erase(request.id) ? 1 : 0;
  }

  void read(ReplayResult& result) const override {
    result.entries = simulator_->entries();
    result.charged_bytes = by_entries_ ? 0 : simulator_->used();
    result.removals = {simulator_->evictions(), 0, 0, erased_, 0};
  }

 private:
  const bool by_entries_;
  std::unique_ptr<Simulator> simulator_;
  std::uint64_t erased_ = 0;
};

}  // namespace

std::unique_ptr<Target> make_simulator_target(const ReplayOptions& options) {
  return std::make_unique<SimulatorTarget>(options);
}

}  // namespace ullage::app

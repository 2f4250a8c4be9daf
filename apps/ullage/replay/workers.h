// Threads that replay batches side by side, in rounds: one batch each, then all wait. Between
// rounds nobody runs, so samples are exact; meanwhile the caller decodes the batches of the next
// round.
#pragma once

#include "replay/batch.h"
#include "replay/target.h"

#include <barrier>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace ullage::app {

/// Replays one batch; answers the seconds it took.
double replay_batch(const Batch& batch, Target& target, Worker& worker, bool move_clock);

class Workers {
 public:
  Workers(std::size_t threads, std::size_t value_max);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Begins a round: worker i replays batches[i]. The batches and the target must stay until
  /// finish().
  void start(const std::vector<Batch>& batches, std::size_t count, Target& target);
  /// Waits for the round; answers the seconds of the slowest worker.
  double finish();

  [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& all() const noexcept {
    return workers_;
  }

 private:
  void run(std::size_t index);

  std::vector<std::unique_ptr<Worker>> workers_;
  // Written by the caller before `begin_` and read by the workers after it; the other way round at
  // `end_`.
  const std::vector<Batch>* batches_ = nullptr;
  std::size_t count_ = 0;
  Target* target_ = nullptr;
  std::vector<double> seconds_;
  bool stopping_ = false;

  std::barrier<> begin_;
  std::barrier<> end_;
  std::vector<std::thread> threads_;
};

}  // namespace ullage::app

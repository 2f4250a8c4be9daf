#include "replay/workers.h"

#include <algorithm>
#include <chrono>

namespace ullage::app {
namespace {

// Stack and allocator of a thread are this program's, not the cache's: they become resident before
// anything is measured.
void warm_up() {
  volatile char stack[32 * 1024];
  for (std::size_t at = 0; at < sizeof stack; at += 1024)
    stack[at] = 1;
  const std::unique_ptr<char[]> heap(new char[sizeof stack]());
  stack[0] = heap[0];
}

}  // namespace

double replay_batch(const Batch& batch, Target& target, Worker& worker, bool move_clock) {
  const auto begin = std::chrono::steady_clock::now();
  for (const PreparedRequest& prepared : batch.requests()) {
    if (move_clock) target.advance_to(prepared.request.time_ms);
    ++worker.operations;
    switch (prepared.request.operation) {
      case Operation::read: {
        const std::uint64_t bytes = prepared.byte_cost();
        ++worker.requests;
        worker.requested_bytes += bytes;
        if (target.lookup(prepared, worker)) {
          ++worker.hits;
        } else {
          worker.missed_bytes += bytes;
        }
        break;
      }
      case Operation::write:
        target.store(prepared, worker);
        break;
      case Operation::erase:
        target.erase(prepared);
        break;
    }
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Workers::Workers(std::size_t threads, std::size_t value_max)
    : seconds_(threads, 0.0),
      begin_(static_cast<std::ptrdiff_t>(threads + 1)),
      end_(static_cast<std::ptrdiff_t>(threads + 1)) {
  for (std::size_t index = 0; index < threads; ++index)
    workers_.push_back(std::make_unique<Worker>(value_max));
  for (std::size_t index = 0; index < threads; ++index)
    threads_.emplace_back(&Workers::run, this, index);
  end_.arrive_and_wait();  // all are warm
}

Workers::~Workers() {
  stopping_ = true;
  begin_.arrive_and_wait();
  for (auto& thread : threads_)
    thread.join();
}

void Workers::start(const std::vector<Batch>& batches, std::size_t count, Target& target) {
  batches_ = &batches;
  count_ = count;
  target_ = &target;
  begin_.arrive_and_wait();
}

double Workers::finish() {
  end_.arrive_and_wait();
  return *std::max_element(seconds_.begin(), seconds_.end());
}

void Workers::run(std::size_t index) {
  warm_up();
  end_.arrive_and_wait();
  for (;;) {
    begin_.arrive_and_wait();
    if (stopping_) return;
    seconds_[index] =
        index < count_ ? replay_batch((*batches_)[index], *target_, *workers_[index], false) : 0.0;
    end_.arrive_and_wait();
  }
}

}  // namespace ullage::app

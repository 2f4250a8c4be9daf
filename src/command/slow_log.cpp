#include "command/slow_log.h"

#include <algorithm>
#include <utility>

namespace ullage::command {

namespace {

// As Redis cuts them, so that tools that read it find what they know.
constexpr std::size_t k_args_max = 32;
constexpr std::size_t k_arg_bytes_max = 128;

std::vector<std::string> cut(resp::Args args) {
  std::vector<std::string> words;
  const bool too_many = args.size() > k_args_max;
  const std::size_t shown = too_many ? k_args_max - 1 : args.size();
  for (std::size_t i = 0; i < shown; ++i) {
    std::string word(args[i].substr(0, k_arg_bytes_max));
    if (args[i].size() > k_arg_bytes_max)
      word += "... (" + std::to_string(args[i].size() - k_arg_bytes_max) + " more bytes)";
    words.push_back(std::move(word));
  }
  if (too_many) words.push_back("... (" + std::to_string(args.size() - shown) + " more arguments)");
  return words;
}

}  // namespace

void SlowLog::set_length_max(std::size_t entries) {
  const std::scoped_lock lock(mutex_);
  length_max_ = entries;
  while (entries_.size() > length_max_)
    entries_.pop_back();
}

void SlowLog::add(Entry entry, resp::Args args) {
  entry.args = cut(args);
  const std::scoped_lock lock(mutex_);
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  while (entries_.size() > length_max_)
    entries_.pop_back();
}

std::vector<SlowLog::Entry> SlowLog::entries() const {
  const std::scoped_lock lock(mutex_);
  return {entries_.begin(), entries_.end()};
}

void SlowLog::clear() {
  const std::scoped_lock lock(mutex_);
  entries_.clear();
}

}  // namespace ullage::command

// What all tests share: a repeatable random source, values that prove themselves, and short ways to
// say what a call must answer.
#pragma once

#include <ullage/cache.h>

#include "balance.h"
#include "sealed.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace ullage {

// Found by GoogleTest through argument-dependent lookup, so that failures read well.
inline void PrintTo(SetOutcome outcome, std::ostream* out) {
  constexpr const char* names[] = {"inserted", "replaced", "unchanged"};
  *out << names[static_cast<std::size_t>(outcome)];
}
inline void PrintTo(Errc code, std::ostream* out) {
  *out << to_string(code);
}
inline void PrintTo(RemovalCause cause, std::ostream* out) {
  *out << to_string(cause);
}

}  // namespace ullage

namespace ullage::test {

using namespace std::chrono_literals;
using namespace ullage::literals;

/// The value as a string, which prints better than a Value and compares with literals.
inline std::optional<std::string> fetch(Cache& cache, std::string_view group,
                                        std::string_view field) {
  std::optional<Value> value = cache.get(group, field);
  if (!value) return std::nullopt;
  return value->str();
}

template <class T>
::testing::AssertionResult succeeded(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << to_string(result.error().code) << ": " << result.error().message;
}

template <class T>
::testing::AssertionResult fails_with(const Result<T>& result, Errc code) {
  if (result) return ::testing::AssertionFailure() << "succeeded, expected " << to_string(code);
  if (result.error().code != code) {
    return ::testing::AssertionFailure()
           << "expected " << to_string(code) << ", got " << to_string(result.error().code) << ": "
           << result.error().message;
  }
  if (result.error().message.empty())
    return ::testing::AssertionFailure() << "the error has no message";
  return ::testing::AssertionSuccess();
}

/// A write that must succeed; answers what it did. A test that has failed already hears no more of
/// it.
inline SetOutcome put(Cache& cache, std::string_view group, std::string_view field,
                      std::string_view value, const SetOptions& options = {}) {
  const Result<SetOutcome> result = cache.set(group, field, value, options);
  if (!result && !::testing::Test::HasFailure()) {
    ADD_FAILURE() << "set of " << value.size() << " bytes: " << succeeded(result).message();
  }
  return result ? *result : SetOutcome::unchanged;
}

/// Whether `message` names `number`: in digits (separators ignored), or as KiB, MiB or GiB.
inline bool mentions(std::string_view message, std::int64_t number) {
  std::string text;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const char c = message[i];
    const bool between_digits = i > 0 && i + 1 < message.size() &&
                                std::isdigit(static_cast<unsigned char>(message[i - 1])) != 0 &&
                                std::isdigit(static_cast<unsigned char>(message[i + 1])) != 0;
    if ((c == '\'' || c == '_' || c == ',') && between_digits) continue;
    if (c == ' ' && i + 1 < message.size() &&
        std::isalpha(static_cast<unsigned char>(message[i + 1])) != 0)
      continue;
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const auto has = [&text](const std::string& token) {
    for (std::size_t at = text.find(token); at != std::string::npos;
         at = text.find(token, at + 1)) {
      const bool starts = at == 0 || std::isdigit(static_cast<unsigned char>(text[at - 1])) == 0;
      const std::size_t end = at + token.size();
      const bool ends =
          end >= text.size() || std::isdigit(static_cast<unsigned char>(text[end])) == 0;
      if (starts && ends) return true;
    }
    return false;
  };
  if (has(std::to_string(number))) return true;
  constexpr std::pair<std::int64_t, char> units[] = {
      {1 << 10, 'k'}, {1 << 20, 'm'}, {1 << 30, 'g'}};
  for (const auto& [bytes, letter] : units) {
    if (number <= 0 || number % bytes != 0) continue;
    const std::string count = std::to_string(number / bytes) + letter;
    if (has(count + "ib") || has(count + "b")) return true;
  }
  return false;
}

/// Does all maintenance that is due now. Bounded, so that a tick() that never finishes fails a test
/// instead of hanging it.
inline void settle(Cache& cache) {
  constexpr std::size_t budget = 10'000;
  for (int round = 0; round < 20'000; ++round) {
    if (cache.tick(budget) < budget) return;
  }
  ADD_FAILURE() << "tick() still finds work after 200 million steps";
}

/// Waits until `reached` holds, with maintenance running. The bound only keeps a failure from
/// hanging; no test asserts how long anything takes.
inline bool eventually(Cache& cache, const std::function<bool()>& reached) {
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    settle(cache);
    std::this_thread::yield();
  }
  return true;
}

}  // namespace ullage::test

// How the program gives up: one line for people and an exit code for scripts.
#pragma once

#include <stdexcept>
#include <string>

namespace ullage::app {

inline constexpr int k_exit_failure = 1;  ///< the input or the system did not play along
inline constexpr int k_exit_usage = 2;    ///< the command line is wrong

/// Thrown from anywhere, caught in main() alone, which prints `ullage: what()`.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, int exit_code = k_exit_failure)
      : std::runtime_error(message), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace ullage::app

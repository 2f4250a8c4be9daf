// The code that this process has loaded: which file an address is from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ullage::observe {

struct CodeRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] bool has(std::uint64_t address) const noexcept {
    return address - begin < end - begin;
  }
};

/// A stretch of code of one file.
struct LoadedCode {
  CodeRange range;
  std::uint64_t file_offset = 0;
  std::uint64_t moved_by = 0;  ///< its addresses, less those in the file's tables
  std::string file;
  bool is_program = false;
  std::string build_id;  ///< in hexadecimal; empty if the file has none
};

/// All of it, the program itself first. Cost: a walk over the loaded objects; opens no file.
[[nodiscard]] std::vector<LoadedCode> loaded_code();
/// The program's own, as far as it is one stretch. Allocates nothing.
[[nodiscard]] CodeRange program_code() noexcept;

/// Where a call stands that returns to that address.
[[nodiscard]] constexpr std::uint64_t call_before(std::uint64_t return_address) noexcept {
  return return_address == 0 ? 0 : return_address - 1;
}

}  // namespace ullage::observe

// A profile of stacks of code: addresses get names in steps, and are written with the files and
// build-ids that other tools need to look further.
#pragma once

#include "observe/loaded_code.h"
#include "observe/profile.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::observe {

/// Names of addresses, looked up once each. Not thread-safe.
class CodeNames {
 public:
  CodeNames() : code_(loaded_code()) {}

  /// That address will be asked for. Before the first step.
  void add(std::uint64_t address);
  /// Looks up the names of one more file; answers whether that was the last.
  bool step();

  /// "" if nobody knows, or it was not looked up.
  [[nodiscard]] std::string_view name(std::uint64_t address) const;
  /// None: it is in no file.
  [[nodiscard]] const LoadedCode* code(std::uint64_t address) const noexcept;
  [[nodiscard]] std::span<const LoadedCode> all_code() const noexcept { return code_; }

 private:
  std::vector<LoadedCode> code_;
  std::map<std::uint64_t, std::string> names_;
  std::size_t next_ = 0;  // in code_
};

/// Writes stacks of code into a profile.
class CodeProfile {
 public:
  CodeProfile(const CodeNames& names, std::span<const Profile::ValueType> types);

  /// `calls`: where each call stands (call_before()), the innermost first.
  void add(std::span<const std::uint64_t> calls, std::span<const std::int64_t> values);
  [[nodiscard]] Profile& profile() noexcept { return profile_; }

 private:
  const CodeNames& names_;
  Profile profile_;
};

/// For people: the stack, one frame a line, as Go shows it.
void append_frames(std::string& to, const CodeNames& names, std::span<const std::uint64_t> calls);

}  // namespace ullage::observe

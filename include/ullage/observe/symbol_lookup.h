// Names of functions for addresses in this process's code.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace ullage::observe {

/// In steps, a file of those that are loaded at a time. Not thread-safe.
class SymbolLookup {
 public:
  explicit SymbolLookup(std::span<const std::uint64_t> addresses);
  ~SymbolLookup();
  SymbolLookup(SymbolLookup&&) noexcept;
  SymbolLookup& operator=(SymbolLookup&&) noexcept;

  /// Answers whether that was the last.
  bool step();
  /// "" if nobody knows.
  [[nodiscard]] std::string name(std::uint64_t address) const;

 private:
  class Names;
  std::unique_ptr<Names> names_;
};

}  // namespace ullage::observe

#include <ullage/observe/symbol_lookup.h>

#include "observe/code_profile.h"

namespace ullage::observe {

class SymbolLookup::Names : public CodeNames {};

SymbolLookup::SymbolLookup(std::span<const std::uint64_t> addresses)
    : names_(std::make_unique<Names>()) {
  for (const std::uint64_t address : addresses)
    names_->add(address);
}
SymbolLookup::~SymbolLookup() = default;
SymbolLookup::SymbolLookup(SymbolLookup&&) noexcept = default;
SymbolLookup& SymbolLookup::operator=(SymbolLookup&&) noexcept = default;

bool SymbolLookup::step() {
  return names_->step();
}
std::string SymbolLookup::name(std::uint64_t address) const {
  return std::string(names_->name(address));
}

}  // namespace ullage::observe

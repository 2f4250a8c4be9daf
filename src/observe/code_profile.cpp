#include "observe/code_profile.h"

#include "observe/function_names.h"

#include <algorithm>
#include <cstdio>

namespace ullage::observe {

void CodeNames::add(std::uint64_t address) {
  names_.try_emplace(address);
}

bool CodeNames::step() {
  if (next_ < code_.size()) name_functions(code_[next_++], names_);
  return next_ == code_.size();
}

std::string_view CodeNames::name(std::uint64_t address) const {
  const auto found = names_.find(address);
  return found == names_.end() ? std::string_view() : found->second;
}

const LoadedCode* CodeNames::code(std::uint64_t address) const noexcept {
  const auto found =
      std::ranges::find_if(code_, [&](const LoadedCode& one) { return one.range.has(address); });
  return found == code_.end() ? nullptr : &*found;
}

CodeProfile::CodeProfile(const CodeNames& names, std::span<const Profile::ValueType> types)
    : names_(names), profile_(types) {
  // Numbered from 1 in this order: the program comes first, as readers expect.
  for (const LoadedCode& one : names.all_code()) {
    profile_.add_mapping({.start = one.range.begin,
                          .limit = one.range.end,
                          .offset = one.file_offset,
                          .file = one.file,
                          .build_id = one.build_id,
                          .has_functions = true});
  }
}

void CodeProfile::add(std::span<const std::uint64_t> calls, std::span<const std::int64_t> values) {
  std::vector<Profile::LocationId> frames;
  for (const std::uint64_t call : calls) {
    const LoadedCode* const code = names_.code(call);
    const auto mapping =
        code == nullptr ? 0 : static_cast<Profile::MappingId>(code - names_.all_code().data()) + 1;
    frames.push_back(profile_.address(call, mapping, names_.name(call)));
  }
  profile_.add_sample(frames, values);
}

void append_frames(std::string& to, const CodeNames& names, std::span<const std::uint64_t> calls) {
  for (const std::uint64_t call : calls) {
    char address[32];
    std::snprintf(address, sizeof address, "#\t0x%llx\t", static_cast<unsigned long long>(call));
    const std::string_view name = names.name(call);
    const LoadedCode* const code = names.code(call);
    to.append(address).append(name.empty() ? "?" : name);
    if (code != nullptr) to.append("\t").append(code->file);
    to += '\n';
  }
}

}  // namespace ullage::observe

#include "observe/function_names.h"

#include "observe/elf_file.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include <cxxabi.h>
#include <gelf.h>

namespace ullage::observe {

namespace {

/// Whether that stands at `at` and no letter goes on behind it.
bool stands_at(std::string_view text, std::size_t at, std::string_view word) noexcept {
  return text.substr(at, word.size()) == word;
}

/// Behind "operator" at `at`, where its sign or type ends: "<<" and "()" are no brackets.
std::size_t operator_end(std::string_view text, std::size_t at) noexcept {
  constexpr std::string_view k_operator = "operator";
  constexpr std::string_view k_signs = "<>=-+*/%^&|~!,";
  std::size_t end = at + k_operator.size();
  if (stands_at(text, end, "()") || stands_at(text, end, "[]")) return end + 2;
  if (end < text.size() && text[end] == ' ') {  // new, delete, a type, or a literal
    return std::min(text.find_first_of("<(", end), text.size());
  }
  while (end < text.size() && k_signs.find(text[end]) != std::string_view::npos)
    ++end;
  return end;
}

bool is_name_character(char c) noexcept {
  return c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

/// Behind the bracket that closes the one at `at`.
std::size_t closed_behind(std::string_view text, std::size_t at) noexcept {
  std::size_t depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(' || c == '<' || c == '{' || c == '[') ++depth;
    if (c == '>' && i != 0 && text[i - 1] == '-') continue;  // "->" of a return type
    if ((c == ')' || c == '>' || c == '}' || c == ']') && --depth == 0) return i + 1;
  }
  return text.size();
}

}  // namespace

std::string shortened(std::string_view demangled) {
  const std::string_view text = demangled;
  constexpr std::string_view k_operator = "operator";
  constexpr std::string_view k_anonymous = "(anonymous namespace)";
  std::string out;
  std::size_t name_begin = 0;  // in `out`: behind what the function returns
  std::size_t operator_at = std::string::npos;
  for (std::size_t i = 0; i < text.size();) {
    if (stands_at(text, i, k_operator) && (i == 0 || !is_name_character(text[i - 1])) &&
        (i + k_operator.size() == text.size() || !is_name_character(text[i + k_operator.size()]))) {
      const std::size_t end = operator_end(text, i);
      operator_at = out.size();
      out += text.substr(i, end - i);
      i = end;
    } else if (stands_at(text, i, k_anonymous)) {
      out += k_anonymous;
      i += k_anonymous.size();
    } else if (text[i] == '<') {
      if (operator_at != std::string::npos && out.ends_with(' ')) out.pop_back();
      i = closed_behind(text, i);
    } else if (text[i] == '{') {  // {lambda(int)#1}: which of several
      const std::size_t end = closed_behind(text, i);
      const std::string_view lambda = text.substr(i, end - i);
      const std::size_t open = lambda.find('(');
      const std::size_t close = lambda.rfind(')');
      out += lambda.substr(0, open);
      if (open != std::string_view::npos && close != std::string_view::npos)
        out += lambda.substr(close + 1);
      i = end;
    } else if (text[i] == '(') {
      const std::size_t end = closed_behind(text, i);
      // Of an inner function "f(int)::g(int)": the name goes on. Else it ends here.
      // What stands in brackets within the type that comes first is neither.
      if (end < text.size() && text[end] == ' ' && text.substr(0, i).ends_with(' ')) {
        i = end;
        continue;
      }
      const std::size_t next = text.find("::", end);
      if (next == std::string_view::npos) break;
      i = next;
    } else {
      if (text[i] == ' ' && operator_at == std::string::npos) name_begin = out.size() + 1;
      out += text[i++];
    }
  }
  if (name_begin >= out.size()) return out;
  return out.substr(name_begin);
}

std::string short_function_name(const char* symbol) {
  if (!std::string_view(symbol).starts_with("_Z")) return symbol;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free);
  return status == 0 && text != nullptr ? shortened(text.get()) : std::string(symbol);
}

void name_functions(const LoadedCode& code, std::map<std::uint64_t, std::string>& names) {
  const auto first = names.lower_bound(code.range.begin);
  const auto last = names.lower_bound(code.range.end);
  if (first == last) return;
  // What has been replaced since it was loaded has other names at the same places.
  const ElfFile file(code.is_program ? "/proc/self/exe" : code.file);
  const auto table = file.symbols();
  if (!table || file.build_id() != code.build_id) return;
  // Which symbol each address is in, so that only those are demangled.
  std::map<std::uint64_t, GElf_Sym> found;
  for (std::size_t i = 0; i < table->count; ++i) {
    GElf_Sym symbol;
    if (::gelf_getsym(table->symbols, static_cast<int>(i), &symbol) == nullptr) break;
    const auto type = GELF_ST_TYPE(symbol.st_info);
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
    const std::uint64_t begin = symbol.st_value + code.moved_by;
    for (auto at = names.lower_bound(begin);
         at != names.end() && at->first < std::min(begin + symbol.st_size, code.range.end); ++at)
      found.try_emplace(at->first, symbol);
  }
  for (const auto& [address, symbol] : found) {
    const char* const text = file.text(*table, symbol);
    if (text != nullptr) names[address] = short_function_name(text);
  }
}

}  // namespace ullage::observe

// Names of functions, by the addresses of their code: from the symbol tables of the files that are
// loaded, not from their debug data.
#pragma once

#include "observe/loaded_code.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace ullage::observe {

/// Gives each address of `names` that lies in that code the name of its function, short; those
/// that nobody knows stay as they are. One walk over the file's tables, which are mapped meanwhile.
void name_functions(const LoadedCode& code, std::map<std::uint64_t, std::string>& names);

/// "std::vector::push_back" for "_ZNSt6vectorIiSaIiEE9push_backERKi": a name without arguments,
/// those of templates too, and without what it returns. A name that is not mangled stays as it is.
[[nodiscard]] std::string short_function_name(const char* symbol);
/// The same for one that is demangled.
[[nodiscard]] std::string shortened(std::string_view demangled);

}  // namespace ullage::observe

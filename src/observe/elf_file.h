// A file's tables, read by libelf. Whatever the file is: without tables it has none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <gelf.h>

namespace ullage::observe {

/// Not thread-safe.
class ElfFile {
 public:
  explicit ElfFile(const std::string& path) noexcept;
  ~ElfFile();
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  /// False: it could not be opened.
  [[nodiscard]] bool is_open() const noexcept { return elf_ != nullptr; }

  struct Table {
    Elf_Data* symbols = nullptr;
    std::size_t count = 0;
    std::size_t texts = 0;  ///< the section that the names are in
  };
  /// All functions, or of a stripped file those that others may call; none if it has neither.
  [[nodiscard]] std::optional<Table> symbols() const noexcept;
  [[nodiscard]] const char* text(const Table& table, const GElf_Sym& symbol) const noexcept {
    return ::elf_strptr(elf_, table.texts, symbol.st_name);
  }

  /// In hexadecimal; empty if the file has none.
  [[nodiscard]] std::string build_id() const;
  /// The address that its tables have for what lies there in it; none: it is in no segment.
  [[nodiscard]] std::optional<std::uint64_t> address_of(std::uint64_t file_offset) const noexcept;

 private:
  int descriptor_;
  Elf* elf_ = nullptr;
};

}  // namespace ullage::observe

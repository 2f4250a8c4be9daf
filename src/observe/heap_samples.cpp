#include "observe/heap_samples.h"

#include "observe/jemalloc.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace ullage::observe {

namespace {

constexpr const char* k_not_linked =
    "there is no heap profile: the program's allocator is not jemalloc (link ullage::heap)";
constexpr const char* k_not_built =
    "there is no heap profile: this jemalloc was built without profiling (--enable-prof)";
constexpr const char* k_not_started =
    "there is no heap profile: jemalloc was started without profiling (link ullage::heap, or set "
    "MALLOC_CONF=prof:true)";

class MemoryFile {
 public:
  MemoryFile() noexcept : descriptor_(::memfd_create("heap profile", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  [[nodiscard]] std::size_t size() const noexcept {
    return static_cast<std::size_t>(std::max<off_t>(::lseek(descriptor_, 0, SEEK_END), 0));
  }
  /// All of it; less if it cannot be read.
  [[nodiscard]] std::string text() const {
    std::string text(size(), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t count =
          ::pread(descriptor_, text.data() + done, text.size() - done, static_cast<off_t>(done));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
  }

 private:
  int descriptor_;
};

/// What allocates, and not what for.
bool is_allocator(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 12> k_names{
      "malloc", "calloc",  "realloc", "aligned_alloc", "posix_memalign", "memalign",
      "valloc", "mallocx", "rallocx", "operator new",  "operator new[]", "pvalloc"};
  return std::ranges::find(k_names, name) != k_names.end();
}

}  // namespace

const char* sampling_problem() noexcept {
  if (!jemalloc::is_linked()) return k_not_linked;
  if (!jemalloc::read<bool>("config.prof").value_or(false)) return k_not_built;
  if (!jemalloc::read<bool>("opt.prof").value_or(false)) return k_not_started;
  return nullptr;
}

Result<HeapDump> take_heap_dump(std::size_t bytes_max,
                                const std::function<bool(std::size_t)>& may_hold) {
  const MemoryFile file;
  const std::string path = file.path();
  const char* const name = path.c_str();
  const int failed = file.is_open()
                         ? jemalloc::control("prof.dump", nullptr, nullptr,
                                             static_cast<const void*>(&name), sizeof name)
                         : errno;
  if (failed != 0) {
    return Error{Errc::system,
                 "the heap profile cannot be taken: " + std::string(std::strerror(failed))};
  }
  if (file.size() > bytes_max) {
    return Error{Errc::system, "the heap profile has " + std::to_string(file.size()) +
                                   " bytes of stacks, of " + std::to_string(bytes_max) +
                                   " that are read: sample less often"};
  }
  // The text as a file, as it is read, what it says, and that with names.
  constexpr std::size_t k_times = 4;
  if (may_hold && !may_hold(k_times * file.size()))
    return Error{Errc::busy, "there is no memory for a heap profile now"};
  auto dump = parse_heap_dump(file.text());
  if (!dump) return Error{Errc::system, "the allocator wrote a heap profile of an unknown format"};
  return std::move(*dump);
}

std::size_t frames_to_trim(const CodeNames& names, std::span<const std::uint64_t> calls) {
  constexpr std::size_t k_looked_at = 24;
  const LoadedCode* library = names.code(jemalloc::code());
  if (library == names.all_code().data()) library = nullptr;
  std::size_t trimmed = 0;
  for (std::size_t i = 0; i < std::min(calls.size(), k_looked_at); ++i) {
    const bool is_in_library = library != nullptr && names.code(calls[i]) == library;
    if (is_in_library || is_allocator(names.name(calls[i]))) trimmed = i + 1;
  }
  return trimmed == calls.size() ? 0 : trimmed;
}

}  // namespace ullage::observe
